/** Owns the call of a generator, whose code runs a piece at each `next()`, resumed by whoever reads. Must not know streams. */
import { runInCall, type CurrentCall } from './current-call.js'

interface Steps<R> {
  next(value?: unknown): R
  return?(value?: unknown): R
  throw?(error?: unknown): R
}

/**
 * The same iterator, each step of which runs in `call`: neither the variable nor AsyncLocalStorage stays with a generator by itself. Where
 * there is no storage, the `finally` of an async generator that is returned early runs after an await, so without the call.
 */
export function iterateInCall<R>(call: CurrentCall, steps: Steps<R>): Steps<R> {
  const inCall: Steps<R> = { next: (value) => runInCall(call, () => steps.next(value)) }
  if (steps.return) inCall.return = (value) => runInCall(call, () => steps.return!(value))
  if (steps.throw) inCall.throw = (error) => runInCall(call, () => steps.throw!(error))
  return inCall
}
