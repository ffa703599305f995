/** Calls the Dog: knows its type and its name, and neither its code nor where it is. */
import { connect } from '@waybill/client'
import type { Dog } from './dog.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411')
const dog = client.remote<Dog>('Dog@^1')

console.log(await dog.bark('hello'))

const walk = dog.walk(3).on('progress', ({ completed, total, details }) => {
  console.log(`${completed} of ${total} km, ${String(details)}`)
})
console.log(await walk)

await client.close()
