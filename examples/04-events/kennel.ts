/** Publishes what happens in the kennel to whoever listens. Nobody answers, and nobody has to be there. */
import { connect } from '@waybill/client'
import { barked } from './barks.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: 'kennel' })

await client.publish(barked, { phrase: 'wau', loud: false }) // another type does not compile
await client.publish(barked, { phrase: 'WUFF', loud: true })
await client.publish('dog.slept', 'rex')
console.log('The kennel is quiet.')

await client.close()
