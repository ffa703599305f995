/** Offers a Kennel, whose photos are gone when it ends. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@waybill/client'
import { Kennel } from './photos.js'

const folder = await mkdtemp(join(tmpdir(), 'kennel-'))
const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: 'kennel', onIncident: () => {} })
const { methods } = await client.expose(new Kennel(folder))
console.log(`The kennel offers ${methods.join(', ')}.`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void client.close())
const error = await client.closed
await rm(folder, { recursive: true })
if (error !== undefined) throw error
