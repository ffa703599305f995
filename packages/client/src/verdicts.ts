/** How this side words an end that it decides itself, and what went wrong before anything was sent. */
import { WaybillError, type CallerState, type Code, type Executed } from '@waybill/core'

/** When to try again, where nobody says so. */
export const NO_ROOM_MS = 100

export const reasons: Partial<Record<Code, string>> = {
  Cancelled: 'the call was cancelled',
  IdleTimeout: 'nothing was heard of the call for its timeout',
  DeadlineExceeded: 'the call did not end before its deadline',
}

/** How far a call has come, and whether it ran as far as that says. */
interface HowFar {
  readonly state: CallerState
  readonly executed: Executed
}

export function verdict({ state, executed }: HowFar, code: Code, reason: unknown): WaybillError {
  return new WaybillError(code, `${reasons[code] ?? code}${state === 'waiting' && executed === 'no' ? ' before it was sent' : ''}`, {
    executed,
    cause: reason,
  })
}

/** What went wrong before anything was written. */
export function notSent(thrown: unknown): WaybillError {
  return failure(thrown, 'no')
}

export function failure(thrown: unknown, known: 'no' | 'yes'): WaybillError {
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
