/** How this side words an end that it decides itself, and what went wrong before anything was sent. */
import { executed, WaybillError, type Code, type Exceptional, type Executed, type Holder } from '@waybill/core'

/** When to try again, where nobody says so. */
const NO_ROOM_MS = 100

/** How long a call that found no room is to rest; `details` are those of its rejection. */
export function restMs(details: unknown): number {
  const askedMs = (details as { retryAfterMs?: unknown } | undefined)?.retryAfterMs
  return typeof askedMs === 'number' && askedMs >= 0 ? askedMs : NO_ROOM_MS
}

export const reasons: Partial<Record<Code, string>> = {
  Cancelled: 'the call was cancelled',
  IdleTimeout: 'nothing was heard of the call for its timeout',
  DeadlineExceeded: 'the call did not end before its deadline',
}

/** Where this side gave up, the other side's verdict says how far the call had come, and our own reason why it ended. */
export function ownReason(gaveUp: Code | undefined, error: Error & Exceptional): Error & Exceptional {
  if (gaveUp === undefined || gaveUp === error.code || error.code !== 'Cancelled') return error
  return new WaybillError(gaveUp, reasons[gaveUp] ?? gaveUp, { executed: error.executed })
}

export function verdict(holder: Holder, code: Code, reason: unknown): WaybillError {
  return new WaybillError(code, `${reasons[code] ?? code}${holder === 'caller' ? ' before it was sent' : ''}`, {
    executed: executed(holder),
    cause: reason,
  })
}

/** What went wrong before anything was written. */
export function notSent(thrown: unknown): WaybillError {
  return failure(thrown, 'no')
}

export function failure(thrown: unknown, known: Executed): WaybillError {
  const error = WaybillError.from(thrown, known)
  return error.executed === known
    ? error
    : new WaybillError(error.code, error.message, { executed: known, details: error.details, cause: thrown })
}

/** The router that had stored the call in memory is gone, or has forgotten it. */
export function forgotten(): WaybillError {
  return new WaybillError('RouterLost', 'the router that had stored the call is gone, and what became of the call is not known', {
    executed: 'maybe',
  })
}

export function noCredit(): WaybillError {
  return new WaybillError('Overloaded', 'the router does not take more at the moment; nothing was sent', {
    executed: 'no',
    details: { retryAfterMs: NO_ROOM_MS },
  })
}

/** A call to one instance cannot go on in another session. */
export function sessionGone(): WaybillError {
  return new WaybillError('RouterLost', 'the connection was lost before the call was sent', { executed: 'no' })
}

export function lostOnceSent(reason: string): WaybillError {
  return new WaybillError('RouterLost', `the connection was lost after the call was sent: ${reason}`, { executed: 'maybe' })
}

export function cancelledUnsent(reason: unknown): WaybillError {
  return new WaybillError('Cancelled', 'the call was cancelled before it was sent', { executed: 'no', cause: reason })
}
