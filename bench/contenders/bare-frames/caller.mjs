import { join } from './connection.mjs'
import { CALL } from './frames.mjs'

const ECHO = 0

/** @param {string} url @param {number} callers @param {number[]} addresses @returns {Promise<import('../../load.mjs').Call[]>} */
export async function dial(url, callers, addresses) {
  return Promise.all(Array.from({ length: callers }, () => dialOne(url, addresses)))
}

async function dialOne(url, addresses) {
  // Pending calls by call number, modulo a ring that grows when its next slot is still taken.
  /** @type {(((result: string) => void) | undefined)[]} */
  let ring = Array.from({ length: 2048 }, () => undefined)
  let next = 0
  const connection = await join(url, (_connection, _type, _source, call, _method, body) => {
    const slot = call & (ring.length - 1)
    const resolve = ring[slot]
    ring[slot] = undefined
    resolve(JSON.parse(body))
  })
  const grow = () => {
    const bigger = Array.from({ length: ring.length * 2 }, () => undefined)
    for (let call = next - ring.length; call < next; call++) bigger[call & (bigger.length - 1)] = ring[call & (ring.length - 1)]
    ring = bigger
  }
  return (callee, phrase) =>
    new Promise((resolve) => {
      while (ring[next & (ring.length - 1)] !== undefined) grow()
      const call = next
      next = (next + 1) >>> 0
      ring[call & (ring.length - 1)] = resolve
      connection.send(CALL, addresses[callee], call, ECHO, JSON.stringify([phrase]))
    })
}
