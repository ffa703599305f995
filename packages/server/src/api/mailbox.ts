/**
 * What waits for whom: calls for services that nobody offers, and outcomes for clients that have not taken them. Counted anew whenever somebody asks, a piece
 * at a time, as there may be very many.
 */
import type { Soon } from '@waybill/core'
import type { Receipt } from '../model.js'
import { timeOf } from './receipts-api.js'

export interface Waiting {
  /** Of calls the address that they were made to; of outcomes the client that is to be told. */
  readonly waitsFor: string
  readonly kind: 'calls' | 'outcomes'
  readonly count: number
  readonly bytes: number
  /** When the one was stored that waits for longest; of outcomes, when it came about. */
  readonly oldestAt: string
}

interface Pile {
  count: number
  bytes: number
  oldestMs: number
}

/** Receipts that are looked at before others have their turn. */
const PIECE = 10_000

/** Of those that `fits` says, the oldest first. What comes and goes meanwhile may be counted or not. */
export async function mailboxOf(receipts: Iterable<Receipt>, fits: (receipt: Receipt) => boolean, soon: Soon): Promise<readonly Waiting[]> {
  let looked = 0
  const calls = new Map<string, Pile>()
  const outcomes = new Map<string, Pile>()
  for (const receipt of receipts) {
    if (++looked % PIECE === 0) await new Promise<void>((resolve) => soon.afterInput(resolve))
    if (!fits(receipt)) continue
    const { call, terms, request, answer, isOwed, endedMs } = receipt
    if (call !== undefined && call.state === 'queued' && call.route.candidates.length === 0)
      add(calls, terms.address, request?.bytes, terms.storedMs)
    if (isOwed && endedMs !== undefined) add(outcomes, terms.replyto!, answer?.bytes, endedMs)
  }
  const told = (kind: Waiting['kind'], piles: Map<string, Pile>): [number, Waiting][] =>
    Array.from(piles, ([waitsFor, { count, bytes, oldestMs }]) => [oldestMs, { waitsFor, kind, count, bytes, oldestAt: timeOf(oldestMs) }])
  return [...told('calls', calls), ...told('outcomes', outcomes)].sort(([left], [right]) => left - right).map(([, waiting]) => waiting)
}

function add(piles: Map<string, Pile>, waitsFor: string, bytes = 0, ms: number): void {
  const pile = piles.get(waitsFor)
  if (pile === undefined) return void piles.set(waitsFor, { count: 1, bytes, oldestMs: ms })
  pile.count++
  pile.bytes += bytes
  pile.oldestMs = Math.min(pile.oldestMs, ms)
}
