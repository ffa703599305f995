/**
 * Goes on with the stored calls of earlier starts: each waits for somebody who takes it, or for the one who has it, as if the router had never been
 * away. Runs once, before anybody is let in.
 */
import { readSerialNumber, WaybillError, type Clock } from '@waybill/core'
import type { Delivery } from './delivery.js'
import type { Endings } from './endings.js'
import type { Leasing } from './leasing.js'
import type { Receipt, Session, StoredTerms } from './model.js'
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
  const { clock, sessions, store } = parts
  const callers = new Callers(sessions)
  // Read once: what was stored together goes on together.
  const aheadMs = clock.nowMs() - clock.wallMs()
  const receipts = [...store.live()]
  for (const receipt of receipts) if (receipt.endedMs === undefined) goOn(receipt, callers, aheadMs, parts)
  for (const receipt of receipts.filter(({ endedMs }) => endedMs !== undefined).toSorted(asEnded)) parts.receipts.restored(receipt)
  parts.receipts.begin()
}

function goOn(receipt: Receipt, callers: Callers, aheadMs: number, parts: RecoveryParts): void {
  const { receipts, routes, delivery, endings, leasing, stored } = parts
  const { terms, lease } = receipt
  const { caller, number } = callers.of(terms)
  const call = remade(terms, caller, number, { routes, endings, aheadMs })
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

/** What all serial numbers of one process begin with, for its first 2^32 calls; the rest is the number of the call. */
const COMMON_CHARACTERS = 28
const NUMBER = /^[0-9a-f]{8}$/

/** One for each process and client, as symbols are few. */
class Callers {
  readonly #all = new Map<string, Session>()
  /** Calls of one process mostly stand together. */
  #last: { readonly common: string; readonly terms: StoredTerms; readonly caller: Session } | undefined

  constructor(private readonly sessions: Sessions) {}

  /** Whose call it is, and its number there. Throws `Damaged`. */
  of(terms: StoredTerms): { readonly caller: Session; readonly number: number } {
    const { sn, principal, client } = terms
    const last = this.#last
    if (last !== undefined && sn.startsWith(last.common) && last.terms.principal === principal && last.terms.client === client) {
      const number = sn.slice(COMMON_CHARACTERS)
      if (NUMBER.test(number)) return { caller: last.caller, number: Number.parseInt(number, 16) }
    }
    const serial = readSerialNumber(sn)
    if (serial === undefined) throw new WaybillError('Damaged', `the store has a call with the serial number ${sn}`)
    const caller = this.#find(terms, serial.incarnation)
    this.#last = { common: sn.slice(0, COMMON_CHARACTERS), terms, caller }
    return { caller, number: serial.counter >>> 0 }
  }

  #find({ principal, client }: StoredTerms, incarnation: string): Session {
    // One process of the router makes dead letters anew for many clients.
    const key = `${incarnation} ${principal} ${client}`
    let caller = this.#all.get(key)
    if (caller === undefined) this.#all.set(key, (caller = this.sessions.departed(client, principal, incarnation)))
    return caller
  }
}
