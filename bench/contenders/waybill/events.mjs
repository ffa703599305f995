import { connect } from '@waybill/client'

/** Connects clients that subscribe to the one topic. `receive` gets the value of each event of each of them. @param {string} url */
export async function subscribe(url, count, receive) {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const client = await connect(url)
      const events = client.events('dog.*')
      await events.ready
      void read(events, receive)
    }),
  )
}

async function read(events, receive) {
  for await (const event of events) {
    if (event.kind === 'gap') throw new Error(`${event.missed} events are missing`)
    receive(event.value)
  }
}

/** @param {string} url @returns {Promise<(value: unknown) => unknown>} publishes to the one topic */
export async function publisher(url) {
  const client = await connect(url, { name: 'kennel' })
  return (value) => client.publish('dog.barked', value)
}
