/**
 * Goes on with the stored calls of earlier starts: each waits for somebody who takes it, or for the one who has it, as if the router had never been
 * away. Runs once, before anybody is let in.
 */
import { readSerialNumber, WaybillError, type Clock } from '@waybill/core'
import type { Delivery } from './delivery.js'
import type { Endings } from './endings.js'
import type { Leasing } from './leasing.js'
import type { Receipt, Session } from './model.js'
import type { Receipts } from './receipts.js'
import { remade } from './remade.js'
import type { Routes } from './routes.js'
import type { Sessions } from './sessions.js'
import type { Store } from './store.js'
import type { StoredCalls } from './stored.js'

export interface RecoveryParts {
  readonly clock: Clock
  readonly store: Store
  readonly receipts: Receipts
  readonly sessions: Sessions
  readonly routes: Routes
  readonly delivery: Delivery
  readonly endings: Endings
  readonly leasing: Leasing
  readonly stored: StoredCalls
}

/** Throws `Damaged` where a record cannot be what a router wrote. */
export function recover(parts: RecoveryParts): void {
  const callers = new Map<string, Session>()
  const receipts = [...parts.store.live()]
  for (const receipt of receipts) if (receipt.endedMs === undefined) goOn(receipt, callers, parts)
  for (const receipt of receipts.filter(({ endedMs }) => endedMs !== undefined).toSorted(asEnded)) parts.receipts.restored(receipt)
  parts.receipts.begin()
}

function goOn(receipt: Receipt, callers: Map<string, Session>, parts: RecoveryParts): void {
  const { receipts, routes, delivery, endings, leasing, stored } = parts
  const { terms, lease } = receipt
  const serial = readSerialNumber(terms.sn)
  if (serial === undefined) throw new WaybillError('Damaged', `the store has a call with the serial number ${terms.sn}`)
  const caller = callerOf(receipt, serial.incarnation, callers, parts)
  const call = remade(terms, caller, serial.counter >>> 0, parts)
  caller.calls.add(call.number, call)
  receipts.attach(receipt, call)
  endings.wheel.add(call, lease === undefined ? call.waitUntilMs : call.deadlineMs)
  if (receipt.begunWith !== undefined) call.route = routes.narrowed(call.route, receipt.begunWith)
  if (lease === undefined) {
    if (receipt.isCancelled) stored.cancel(call)
    else delivery.accept(call)
    return
  }
  call.cancelled = receipt.isCancelled
  delivery.recovered(call)
  leasing.recovered(call)
}

/** In the order in which they ended: who is still to be told of them is told in that. */
function asEnded(one: Receipt, other: Receipt): number {
  const [first, second] = [one.answer, other.answer]
  const apartMs = one.endedMs! - other.endedMs!
  if (apartMs !== 0 || first === undefined || second === undefined) return apartMs
  return first.segment - second.segment || first.offset - second.offset
}

/** One for each process and client, as symbols are few. */
function callerOf({ terms }: Receipt, incarnation: string, callers: Map<string, Session>, { sessions }: RecoveryParts): Session {
  const { principal, client } = terms
  // One process of the router makes dead letters anew for many clients.
  const key = `${incarnation} ${principal} ${client}`
  let caller = callers.get(key)
  if (caller === undefined) callers.set(key, (caller = sessions.departed(client, principal, incarnation)))
  return caller
}
