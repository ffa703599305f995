/**
 * How calls end at the router: by their callee's last word, by the router's own, or silently; each once. Owns the deadlines. Who is told of a
 * stored call is `Receipts`' business.
 */
import {
  codes,
  executed,
  FrameType,
  routerHolder,
  routerTable,
  WaybillError,
  Wheel,
  type Clock,
  type RouterEvent,
  type ReceiptState,
} from '@waybill/core'
import { except, reject } from './answers.js'
import type { RouterLog } from './log.js'
import type { Limits } from './limits.js'
import type { CallRecord, Session } from './model.js'
import type { Receipts } from './receipts.js'
import type { Sessions } from './sessions.js'
import type { Tally } from './tally.js'

export interface CallCounts {
  /** Calls read since the start. */
  calls: number
  /** Frames for a call that had ended, or that did not belong to who sent them. */
  stale: number
  /** Calls without a reply that reached nobody. */
  dropped: number
}

export class Endings {
  readonly wheel: Wheel
  readonly #limits: Limits
  readonly #sessions: Sessions
  readonly #receipts: Receipts
  readonly #counts: CallCounts
  readonly #log: RouterLog
  readonly #tally: Tally | undefined
  readonly #left: (call: CallRecord) => void

  /** `left` is told of each call that has ended, so that its place and its turn are given on. */
  constructor(parts: {
    clock: Clock
    limits: Limits
    sessions: Sessions
    receipts: Receipts
    counts: CallCounts
    log: RouterLog
    tally: Tally | undefined
    left: (call: CallRecord) => void
  }) {
    this.wheel = new Wheel(parts.clock)
    this.#limits = parts.limits
    this.#sessions = parts.sessions
    this.#receipts = parts.receipts
    this.#counts = parts.counts
    this.#log = parts.log
    this.#tally = parts.tally
    this.#left = parts.left
  }

  readonly expire = (call: CallRecord): void => {
    const { isHere } = call
    if (isHere && !mayHaveRun(call) && (call.receipt !== undefined || call.waitUntilMs < call.deadlineMs)) {
      return this.refuse(call, new WaybillError('Expired', 'nobody took the call within its ttl'), 'expired')
    }
    // Its place is free when its callee says so. One that has not arrived whole never starts.
    if (!isHere && call.silent) return call.incomplete ? this.#cutOff(call) : undefined
    if (!isHere && !call.cancelled) this.tellCancel(call)
    const what =
      isHere && !mayHaveRun(call) ? 'nobody had room for the call before its deadline' : 'the call did not end before its deadline'
    this.end(call, 'deadline', new WaybillError('DeadlineExceeded', what), 'indeterminate')
  }

  /** Its callee, where it is here and has not ended it; one that is away is told when it comes back. */
  tellCancel(call: CallRecord): void {
    call.cancelled = true
    if (call.instance === undefined || call.state === 'settled') return
    const { symbol, session } = call.instance
    session.channel.write({ type: FrameType.cancel, destination: symbol, source: call.caller.symbol, call: call.number })
  }

  /** Nobody begins it any more: it did not reach anybody, or who had it says so. */
  refuse(call: CallRecord, error: WaybillError, state: ReceiptState = 'rejected'): void {
    if (call.state === 'settled') return
    if (mayHaveRun(call)) return this.end(call, call.isHere ? 'refuse' : 'rejected', afterLoss(error), 'indeterminate')
    endSpan(call, error)
    if (call.receipt !== undefined) this.#receipts.rejected(call.receipt, error, state)
    else if (call.silent) this.#counts.dropped++
    else reject(call.caller, call.number, error, call.terms?.data)
    this.note(call.caller, error, call.route.address.service)
    this.settle(call)
  }

  /** A call of this client was refused; where a limit was the reason, the operator is told. */
  note(caller: Session, { code }: WaybillError, service?: string): void {
    this.#tally?.ended(code)
    if (code === 'Overloaded' || code === 'TooLarge') this.#log.reached(code, caller.name, service)
  }

  /** Ends a call by the router's own word; who held it decides what is said of its execution. */
  end(call: CallRecord, event: RouterEvent, error: WaybillError, state: ReceiptState = 'failed'): void {
    if (routerTable[call.state][event] !== 'settled') return void this.#counts.stale++
    this.#tally?.ended(error.code)
    endSpan(call, error)
    const known = mayHaveRun(call) ? 'maybe' : executed(routerHolder(call.state))
    if (call.receipt !== undefined) this.#receipts.excepted(call.receipt, error, known, state)
    else if (call.silent) this.#counts.dropped++
    else except(call.caller, call.number, error, known, call.terms?.data)
    if (event === 'deadline') this.silence(call)
    else this.settle(call)
  }

  /** Nobody waits for it any more. Where others wait for its end, its callee's last word is still waited for. */
  silence(call: CallRecord): void {
    if (call.instance === undefined || call.terms?.orderKey === undefined) return this.settle(call)
    if (call.receipt !== undefined) this.#receipts.ended(call.receipt)
    call.receipt = undefined
    call.silent = true
    this.wheel.remove(call)
  }

  settle(call: CallRecord): void {
    if (call.state === 'settled') return
    const { caller } = call
    call.state = 'settled'
    call.span?.ended()
    call.during = undefined
    this.wheel.remove(call)
    caller.calls.delete(call.number)
    caller.termsBytes -= call.termsBytes
    call.termsBytes = 0
    if (call.receipt !== undefined) this.#receipts.ended(call.receipt)
    this.#left(call)
    if (caller.state === 'ended' && caller.calls.size === 0) this.gone(caller)
  }

  #cutOff(call: CallRecord): void {
    this.tellCancel(call)
    this.#counts.dropped++
    this.settle(call)
  }

  /** A session that has ended and has no calls left: its symbol means nothing any more. */
  gone(session: Session): void {
    for (const other of session.introducedTo) {
      other.channel.write({ type: FrameType.symbol, source: session.symbol })
      other.knows.delete(session)
    }
    session.introducedTo.clear()
    this.#sessions.release(session)
  }

  /** A caller that goes on past the limit that it was told. A callee that has the beginning forgets it, so it certainly never starts. */
  tooLarge(call: CallRecord): void {
    const { maxBodyBytes: limit } = this.#limits
    if (call.instance !== undefined) this.tellCancel(call)
    const details = { limit, size: call.bodyBytes }
    this.refuse(call, new WaybillError('TooLarge', `the body of the call is over the limit of ${limit} bytes`, { executed: 'no', details }))
  }
}

/** Its span, where it has one; the first time counts. */
export function endSpan(call: CallRecord, error: unknown): void {
  call.span?.ended(error)
  call.span = undefined
}

/** Somebody was lost with it before: what the one who has it now says of its execution is not all of it. */
function mayHaveRun({ receipt }: CallRecord): boolean {
  return receipt !== undefined && receipt.attempts > 0
}

/** A refusal of a call that may have run before. Most codes say that it did not. */
function afterLoss(error: WaybillError): WaybillError {
  if ((codes[error.code].executed as readonly string[]).includes('maybe')) return error
  return new WaybillError('WorkerLost', `an instance that had the call was lost, and then: ${error.message}`)
}
