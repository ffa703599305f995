// Calls that nobody answers, as a load: the worker counts what it runs, and the caller makes as many in a turn of its loop as the cell says are in
// flight. A round ends when all of them have arrived.
import { setTimeout as delay } from 'node:timers/promises'

let received = 0
let sent = 0

/** @param {{ receive: Function }} contender @param {string} url */
export async function receive(contender, url) {
  await contender.receive(url, () => received++)
}

/** Waits until so many have run. */
export async function arrived(count) {
  while (received < count) await delay(5)
  if (received > count) throw new Error(`${received} calls ran of ${count}`)
}

export const sentSoFar = () => sent

/** @type {Promise<void> | undefined} */
let turn

/** The next turn of the loop, one for all who wait for it. */
function nextTurn() {
  return (turn ??= new Promise((resolve) =>
    setImmediate(() => {
      turn = undefined
      resolve()
    }),
  ))
}

/** `send` resolves to false where the other side does not take more at the moment. @returns {Promise<import('./load.mjs').Call[]>} */
export async function dialSender(contender, url) {
  const send = await contender.sender(url)
  const call = async (_callee, phrase) => {
    while (!(await send(phrase))) await nextTurn()
    sent++
    await nextTurn()
    return phrase
  }
  return [call]
}
