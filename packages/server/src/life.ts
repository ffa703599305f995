/** What one record makes of its receipt, now or read back: changes that one alone, and gives the time by the wall clock that the record has. */
import type { ReceiptState } from '@waybill/core'
import type { Place } from './journal/journal.js'
import type { Cause, Lease, Receipt } from './model.js'

/** How a stored call ends. */
export interface End {
  readonly state: ReceiptState
  readonly ms: number
  /** Somebody is to be told who may be away. */
  readonly isOwed: boolean
  readonly cause: Cause | undefined
  /** What of the outcome has a record of its own. */
  readonly body?: Place | undefined
}

export function handOver(receipt: Receipt, lease: Lease, ms: number): number {
  receipt.lease = lease
  receipt.state = 'handed'
  receipt.passed(['handed', ms, lease.client])
  return ms
}

export function takeStep(receipt: Receipt, step: 'accepted' | 'started', ms: number): number {
  receipt.state = step
  receipt.passed([step, ms])
  if (step === 'started') receipt.begunWith = receipt.lease?.version
  return ms
}

export function giveBack(receipt: Receipt, attempts: number, ms: number): number {
  receipt.attempts = attempts
  receipt.lease = undefined
  receipt.state = 'stored'
  receipt.passed(['back', ms])
  return ms
}

/** But for its request, which may go by that. */
export function end(receipt: Receipt, { state, ms, isOwed, cause, body }: End, answer: Place): number {
  receipt.state = state
  receipt.endedMs = ms
  receipt.isOwed = isOwed
  receipt.cause = cause
  receipt.answer = answer
  receipt.answerBody = body
  receipt.passed([state, ms])
  return ms
}
