/** Listens to one topic, to all that a pattern covers, and to who comes and goes; until the kennel has left. */
import { connect } from '@waybill/client'
import { barked } from './barks.js'

const client = await connect(process.env['WAYBILL_URL'] ?? 'ws://127.0.0.1:7411', { name: 'watcher' })
const barks = client.events(barked)
const dogs = client.events('dog.*')
const presence = client.events<{ readonly name: string }>('waybill.client.*')
await Promise.all([barks.ready, dogs.ready, presence.ready])
console.log('The watcher listens.')

async function listen(): Promise<void> {
  for await (const event of barks) {
    if (event.kind === 'gap') console.log(`${event.missed ?? 'some'} barks were missed`)
    else if (event.value.loud) console.log(`${event.from}: ${event.value.phrase}!`)
  }
}

async function count(): Promise<void> {
  let events = 0
  for await (const { kind } of dogs) if (kind === 'event') events++
  console.log(`${events} events of dogs`)
}

async function watch(): Promise<void> {
  for await (const event of presence) {
    if (event.kind === 'gap') continue
    console.log(`${event.value.name} ${event.topic === 'waybill.client.joined' ? 'is here' : 'has left'}`)
    if (event.topic === 'waybill.client.left' && event.value.name === 'kennel') break // which ends the subscription
  }
  await client.close() // which ends the others, when what has arrived is read
}

await Promise.all([listen(), count(), watch()])
