// Events as a load: the worker's process holds the subscribers and counts what they get; the caller publishes, and listens as one more of them,
// so that a publication that has come back to it is a call that has ended, and the number in flight is what it says.
import { setTimeout as delay } from 'node:timers/promises'

let received = 0
let expecting = 0

/** @param {{ subscribe: Function }} contender @param {string} url @param {number} count */
export async function listen(contender, url, count) {
  expecting = count
  await contender.subscribe(url, count, () => received++)
}

/** Waits until each subscriber has got each of so many events. */
export async function settled(published) {
  while (received < published * expecting) await delay(5)
  if (received > published * expecting) throw new Error(`${received} deliveries of ${published} events to ${expecting} subscribers`)
}

export let published = 0

/** @returns {Promise<import('./load.mjs').Call[]>} */
export async function dialPublisher(contender, url) {
  /** @type {Map<number, (phrase: string) => void>} */
  const pending = new Map()
  // The last one to subscribe is the last one that the relay writes to.
  await contender.subscribe(url, 1, ({ n, phrase }) => {
    pending.get(n)(phrase)
    pending.delete(n)
  })
  const publish = await contender.publisher(url)
  const call = (_callee, phrase) =>
    new Promise((resolve, reject) => {
      const n = ++published
      pending.set(n, resolve)
      Promise.resolve(publish({ n, phrase })).catch(reject)
    })
  return [call]
}
