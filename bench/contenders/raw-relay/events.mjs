import { join } from './socket.mjs'

/** Opens connections that subscribe to the one topic. `receive` gets each event of each of them, parsed. @param {string} url */
export async function subscribe(url, count, receive) {
  await Promise.all(
    Array.from({ length: count }, async () => {
      let ready
      const isReady = new Promise((resolve) => (ready = resolve))
      const { socket } = await join(url, (message) => ('subscribed' in message ? ready() : receive(message.value)))
      socket.send(JSON.stringify({ subscribe: 'dog.barked' }))
      await isReady
    }),
  )
}

/** @param {string} url @returns {Promise<(value: unknown) => unknown>} publishes to the one topic */
export async function publisher(url) {
  const { id: from, socket } = await join(url, () => {})
  return (value) => socket.send(JSON.stringify({ topic: 'dog.barked', from, value }))
}
