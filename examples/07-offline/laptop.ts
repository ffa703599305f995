/** A laptop that is open for as long as this runs. It hops on under its name, finds what waited for it, and hops off when it is closed (SIGTERM, or Ctrl-C). */
import { connect } from '@waybill/client'
import { Notes } from './notes.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: 'laptop' })
await client.expose(new Notes())
console.log('The laptop is open.')
process.once('SIGINT', () => void client.close())
