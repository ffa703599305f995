/**
 * Calls that are sent once more, under the same number: those that found no room, those whose symbols were stale, and those that failed where their caller asked
 * for more attempts. Owns when that may be, and what is known of a call whose attempt failed; which calls there are is `Outgoing`'s.
 */
import { WaybillError } from '@waybill/core'
import type { CallerEvent, Exceptional, Ports, Rejection, Wheel } from '@waybill/core'
import { defaultBackoff, delayOf, fraction } from './backoff.js'
import type { OutgoingCall } from './outgoing-call.js'
import { isAlone } from './request.js'
import { restMs } from './verdicts.js'

export interface ResendingParts {
  readonly ports: Pick<Ports, 'clock' | 'random'>
  readonly wheel: Wheel
  /** Writes it when there is credit. */
  readonly send: (call: OutgoingCall) => void
}

export class Resending {
  readonly #parts: ResendingParts

  constructor(parts: ResendingParts) {
    this.#parts = parts
  }

  /** A symbol was stale: the same call once more, with names. */
  stale(call: OutgoingCall): void {
    const { address, method } = call.request
    address.symbol = 0
    method.symbol = 0
    call.home = undefined
    if (call.step('returned')) this.#parts.send(call)
  }

  /** No room: the call rests and is sent again, if its deadline allows. It was certainly not executed. */
  full(call: OutgoingCall, { details }: Rejection): boolean {
    const { wheel } = this.#parts
    const { clock, random } = this.#parts.ports
    const againMs = clock.nowMs() + restMs(details) * (0.5 + fraction(random))
    // What is stored goes on whatever becomes of its watching, and ends by its deadline.
    if (call.state !== 'stored' && (againMs >= call.uselessAtMs || !call.step('returned'))) return false
    if (call.state !== 'stored') call.home = undefined
    call.resting = true
    wheel.add(call, againMs)
    return true
  }

  /** It failed: true where it is made again, later. Never one that this side gave up, nor one that may have run and may not run twice. */
  failed(call: OutgoingCall, event: CallerEvent, error: Error & Exceptional): boolean {
    const { request, retries } = call
    if (event === 'givenUp' || event === 'closed' || !call.endsBy(event)) return false
    if (retries >= request.retries || call.gaveUp !== undefined || call.flows !== undefined || isAlone(request)) return false
    if (!(error instanceof WaybillError) || !mayBeMadeAgain(error, request.isIdempotent)) return false
    const { wheel } = this.#parts
    const { clock, random } = this.#parts.ports
    const againMs = clock.nowMs() + delayOf(retries, defaultBackoff, random)
    if (againMs >= call.uselessAtMs || !call.step('retried')) return false
    call.retries++
    if (error.executed === 'maybe') call.mayHaveRun ??= error
    call.resting = true
    // Until then nothing can be heard of it.
    call.heardMs = againMs
    wheel.add(call, againMs)
    return true
  }
}

/** Whether another attempt may succeed, and does no harm. What has found nobody for its `ttl` has waited for as long as it was to. */
function mayBeMadeAgain(error: WaybillError, isIdempotent: boolean): boolean {
  if (!error.retryable || error.code === 'Expired') return false
  return error.executed === 'no' || (error.executed === 'maybe' && (isIdempotent || isDeclaredIdempotent(error)))
}

/** The router says so of the callee that it has lost. */
function isDeclaredIdempotent({ details }: WaybillError): boolean {
  return typeof details === 'object' && details !== null && (details as { idempotent?: unknown }).idempotent === true
}

/** What is known when the last attempt has ended: a `no` is of that one alone. */
export function afterAll({ mayHaveRun, gaveUp }: OutgoingCall, error: Error & Exceptional): Error & Exceptional {
  if (mayHaveRun === undefined || error.executed !== 'no') return error
  const code = gaveUp ?? (error.code === 'DeadlineExceeded' ? error.code : mayHaveRun.code)
  return new WaybillError(code, `${mayHaveRun.message}; and the next attempt: ${error.message}`, { executed: 'maybe', cause: error })
}
