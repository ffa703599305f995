/** Offers a Dog to whoever asks the router for one. */
import { connect } from '@waybill/client'
import { Dog } from './dog.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: 'kennel' })
const { service, version, methods } = await client.expose(new Dog())
console.log(`The kennel offers ${service} ${version}: ${methods.join(', ')}. Ctrl-C closes it.`)

// Running calls end, new ones go elsewhere, and the process with the last of them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void client.close())

// For good, and not because we closed it: another process has taken the name, say.
const error = await client.closed
if (error !== undefined) throw error
