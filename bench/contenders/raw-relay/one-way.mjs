import { join } from './socket.mjs'

const MOST_BUFFERED = 1024 * 1024

/** The first connection to the relay, so its number is 1. @param {string} url */
export async function receive(url, run) {
  await join(url, ({ args }) => run(...args))
}

/** @param {string} url @returns {Promise<(phrase: string) => boolean>} */
export async function sender(url) {
  const { id: from, socket } = await join(url, () => {})
  return (phrase) => {
    if (socket.bufferedAmount > MOST_BUFFERED) return false
    socket.send(JSON.stringify({ to: 1, from, args: [phrase] }))
    return true
  }
}
