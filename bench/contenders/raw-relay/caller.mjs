import { join } from './socket.mjs'

/** @param {string} url @param {number} callers @param {number[]} addresses @returns {Promise<import('../../load.mjs').Call[]>} */
export async function dial(url, callers, addresses) {
  return Promise.all(Array.from({ length: callers }, () => dialOne(url, addresses)))
}

async function dialOne(url, addresses) {
  const pending = new Map()
  let calls = 0
  const { id: from, socket } = await join(url, ({ id, result }) => {
    pending.get(id)(result)
    pending.delete(id)
  })
  return (callee, phrase) =>
    new Promise((resolve) => {
      const id = ++calls
      pending.set(id, resolve)
      socket.send(JSON.stringify({ id, to: addresses[callee], from, args: [phrase] }))
    })
}
