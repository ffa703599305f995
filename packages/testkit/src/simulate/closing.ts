/** I14 and I16 at the end of a simulation: everybody closes, and nothing may be left. */
import type { Client } from '@waybill/client'
import type { Network } from '../network.js'
import type { World } from '../world.js'
import type { Cast } from './cast.js'
import type { History } from './history.js'
import { RETENTION_MS } from './scenario.js'

/** Longer than any grace, heartbeat or close. */
const REST_MS = 40_000
/** A store in which nothing is: what it is, a snapshot without entries, the head of a segment. */
const EMPTY_STORE_BYTES = 1024
const ENTRY_HEAD_BYTES = 4

export async function closeAll(parts: { world: World; network: Network; cast: Cast; history: History }): Promise<void> {
  const { world, network, cast, history } = parts
  const { living } = cast
  const closing = new Set(living)
  cast.isOver = true
  for (const life of living) void cast.close(life, 1000).then(() => closing.delete(life))
  await world.advance(REST_MS)
  for (const { name } of closing) history.violate('I16', `${name} does not close`)
  for (const { name, client } of living) if (client !== undefined) isIdle(history, name, client)
  const { router, store } = cast.router!
  for (const [what, count] of Object.entries(router.load))
    if (count > 0) history.violate('I14', `the router has ${count} ${what} when all have closed`)
  // Receipts are kept for a while; then nothing is.
  await world.advance(RETENTION_MS)
  for (const [what, count] of Object.entries(router.kept))
    if (count > 0) history.violate('I14', `the router keeps ${count} ${what} when their time is over`)
  const { loggedEvents } = router.measured
  if (loggedEvents > 0) history.violate('I14', `the router keeps ${loggedEvents} events when their time is over`)
  router.close()
  const { storage } = cast.host
  if (store !== undefined && storage !== undefined) {
    await world.until(store.journal.close())
    const bytes = await storage
      .remains()
      .catch((thrown: Error) => history.violate('I15', `a store that was closed does not open: ${thrown.message}`) ?? 0)
    // Which numbers were used is known for longer than receipts are.
    const usedBytes = [...store.used.entries()].reduce((sum, entry) => sum + ENTRY_HEAD_BYTES + entry.byteLength, 0)
    if (bytes > EMPTY_STORE_BYTES + usedBytes)
      history.violate('I14', `the store has ${bytes} bytes when the time of all that was in it is over`)
  }
  await world.advance(REST_MS)
  for (const { name, timers } of world.processes)
    if (timers > 0) history.violate('I14', `${name} has ${timers} timers when all have closed`)
  for (const { id } of network.wires) history.violate('I14', `link ${id} is open when all have closed`)
}

function isIdle(history: History, name: string, { pending }: Client): void {
  const { outgoing, incoming } = pending
  if (outgoing + incoming > 0) history.violate('I14', `${name} has ${outgoing} calls out and ${incoming} running when all have closed`)
}
