/** Offers a Dog to pages. */
import { connect } from '@waybill/client'
import { Dog } from './dog.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: 'kennel' })
await client.expose(new Dog(client))
console.log('The kennel is open.')
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void client.close())
