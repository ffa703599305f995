/**
 * What the other side says of the calls of this client: reads it, moves the call through `callerTable`, and has it ended as it says. Owns how
 * outcomes in pieces are joined; which calls there are, and what an end is, is `Outgoing`'s.
 */
import { executedOf, Flag, parseBodyIn, WaybillError } from '@waybill/core'
import type { BodyLimits, CallerEvent, Exceptional, FrameReader, Rejection } from '@waybill/core'
import type { Connection } from './connection.js'
import { errorFromException, errorFromRejection, readProgress, readRejection } from './failures.js'
import type { OutgoingCall } from './outgoing-call.js'
import { Joiner } from './pieces.js'
import type { Late } from './late.js'
import { isAlone } from './request.js'
import type { Resending } from './resending.js'
import type { CallerStreams } from './streams/caller.js'
import type { Flows } from './streams/flows.js'
import { failure, forgotten, reasons } from './verdicts.js'

/** How calls end. */
export interface Ends {
  succeed(call: OutgoingCall, value: unknown): void
  settle(call: OutgoingCall, event: CallerEvent, error: Error & Exceptional, rejection?: Rejection): void
  breakOff(call: OutgoingCall, error: WaybillError): void
}

export class Hearing {
  readonly #connection: Connection
  readonly #limits: BodyLimits
  readonly #ends: Ends
  readonly #resending: Resending
  readonly #streams: Late<CallerStreams>

  constructor(parts: { connection: Connection; limits: BodyLimits; ends: Ends; resending: Resending; streams: Late<CallerStreams> }) {
    this.#streams = parts.streams
    this.#resending = parts.resending
    this.#connection = parts.connection
    this.#limits = parts.limits
    this.#ends = parts.ends
  }

  answer(call: OutgoingCall, frame: FrameReader, event: CallerEvent): void {
    if ((frame.flags & Flag.more) !== 0) {
      call.arriving = { event, flags: frame.flags, encoding: frame.encoding, joiner: new Joiner(this.#limits.maxBodyBytes) }
      this.#join(call, frame)
      return
    }
    this.#take(call, event, frame.flags, frame.encoding, frame.bytes, frame.bodyStart, frame.end)
  }

  chunk(call: OutgoingCall, frame: FrameReader): void {
    if (call.arriving === undefined) return
    const { event, flags, encoding, joiner } = call.arriving
    if (!this.#join(call, frame)) return
    if ((frame.flags & Flag.more) !== 0) return
    const whole = joiner.join()
    this.#take(call, event, flags, encoding, whole, 0, whole.byteLength)
  }

  /** The result is there, but for what its streams will bring. From now on it has no deadline but one that was asked for. */
  opened(call: OutgoingCall, frame: FrameReader): void {
    if (call.opened !== undefined || !call.step('progress')) return
    const streams = this.#streams.now
    if (streams === undefined) return this.#ends.breakOff(call, unloaded())
    const flows = this.flowsOf(call, streams)
    flows.open(streams.way(this.#connection, frame.call))
    try {
      call.opened = { value: streams.opened(frame, flows, this.#limits) }
    } catch (thrown) {
      return this.#ends.breakOff(call, failure(thrown, 'yes'))
    }
    if (!call.request.isTimed) call.deadlineAtMs = Number.POSITIVE_INFINITY
    call.live.open(call.opened.value)
  }

  /** Its streams, which it has from now on. */
  flowsOf(call: OutgoingCall, streams: CallerStreams): Flows {
    return (call.flows ??= streams.flows(this.#limits, call.request.errors, (error) => this.#ends.breakOff(call, error)))
  }

  /** False where the outcome is too long; then the call has ended. */
  #join(call: OutgoingCall, frame: FrameReader): boolean {
    const { event, joiner } = call.arriving!
    try {
      joiner.add(frame.body())
      return true
    } catch (thrown) {
      this.#ends.settle(call, event, failure(thrown, 'yes'))
      return false
    }
  }

  #take(call: OutgoingCall, event: CallerEvent, flags: number, encoding: number, bytes: Uint8Array, start: number, end: number): void {
    let body: unknown
    try {
      body = parseBodyIn(encoding, bytes, start, end, this.#limits, 'given')
    } catch (thrown) {
      return this.#ends.settle(call, event, failure(thrown, 'yes'))
    }
    switch (event) {
      case 'accepted':
      case 'started':
        if (call.step(event)) call.live.report({ kind: event })
        return
      case 'progress':
        if (call.step(event)) call.live.report({ kind: 'progress', ...readProgress(body) })
        return
      case 'result':
        return this.#ends.succeed(call, body)
      case 'exception':
        return this.#ends.settle(call, event, errorFromException(body, executedOf(flags), call.request.errors))
      case 'rejected':
        return this.#rejected(call, readRejection(body))
      default:
        return
    }
  }

  #rejected(call: OutgoingCall, rejection: Rejection): void {
    const { gaveUp } = call
    // What would have been mended by sending again: given up, the call ends for the caller's own reason, and certainly did not run.
    if (gaveUp !== undefined && (rejection.code === 'StaleSymbol' || rejection.code === 'Overloaded')) {
      return this.#ends.settle(call, 'rejected', new WaybillError(gaveUp, reasons[gaveUp] ?? gaveUp, { executed: 'no' }))
    }
    // The router had stored it, or said something of it, and no longer knows of it.
    if (rejection.code === 'NoSuchReceipt' && call.state === 'stored' && (call.watched === undefined || call.isUnsure))
      return this.#ends.settle(call, 'rejected', forgotten())
    // One instance, which a later session cannot name: what became of the call before is not known.
    if (rejection.code === 'StaleSymbol' && call.isUnsure && isAlone(call.request)) return this.#ends.settle(call, 'rejected', forgotten())
    if (rejection.code === 'StaleSymbol' && !isAlone(call.request)) return this.#resending.stale(call)
    if (rejection.code === 'Overloaded' && this.#resending.full(call, rejection)) return
    this.#ends.settle(call, 'rejected', errorFromRejection(rejection), rejection)
  }
}

/** Only in a page that could not load it. */
function unloaded(): WaybillError {
  return new WaybillError('NotRepresentable', 'the result holds a stream, and what reads it could not be loaded', { executed: 'yes' })
}
