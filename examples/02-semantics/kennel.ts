/** Offers the class: each call gets a Dog of its own, made with the arguments that its caller names. */
import { connect } from '@waybill/client'
import { Dog } from './dog.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: process.argv[2] ?? 'kennel' })
await client.expose(Dog)
console.log(`${client.name} is open`)
