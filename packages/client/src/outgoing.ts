/**
 * The calls that this client makes: each moves through `callerTable`, from the caller's buffer to its outcome. Owns them, their numbers and
 * their deadlines; writes their frames when the connection has credit.
 */
import {
  callNumber,
  executed,
  executedOf,
  Flag,
  FrameType,
  parseBodyIn,
  prepareBody,
  Ring,
  serialNumber,
  WaybillError,
  Wheel,
} from '@waybill/core'
import type { BodyLimits, CallerEvent, CallSpan, Code, Exceptional, FrameReader, Ports, Rejection } from '@waybill/core'
import { fraction } from './backoff.js'
import { LiveCall } from './call.js'
import { fieldsOf, snField, type Within } from './call-fields.js'
import { writeFrameOf } from './call-frames.js'
import type { Connection } from './connection.js'
import { errorFromException, errorFromRejection, readProgress, readRejection, readStored } from './failures.js'
import { OutgoingCall, type CallOwner } from './outgoing-call.js'
import { sendOneWay, type Sent } from './one-way.js'
import { outgoingBody, type OutgoingBody } from './outgoing-body.js'
import { Joiner } from './pieces.js'
import { LiveReceipt, type ReceiptSource } from './receipt.js'
import { isAlone, isStored, watchRequest, type Request } from './request.js'
import type { Spans } from './tracing.js'
import { cancelledUnsent, failure, forgotten, lostOnceSent, notSent, ownReason, reasons, restMs, sessionGone, verdict } from './verdicts.js'

/** The callee gives a cancelled method 250 ms, and the answer needs its way. */
const CANCEL_VERDICT_MS = 500

const NOTHING: OutgoingBody = { prepared: prepareBody(undefined), bytes: undefined }

export class Outgoing implements CallOwner, ReceiptSource {
  readonly #pending = new Ring<OutgoingCall>()
  readonly #wheel: Wheel
  readonly #connection: Connection
  readonly #ports: Ports
  readonly #incarnation: string
  readonly #limits: BodyLimits
  readonly #running: () => Within | undefined
  readonly #spans: Spans | undefined
  readonly cancelStored: (sn: string) => Promise<void>
  #counter = 0
  #closed: WaybillError | undefined
  #settled: (() => void) | undefined

  /** `running`: the call that this client runs now, if any. `cancelStored`: asks the router. */
  constructor(parts: {
    connection: Connection
    ports: Ports
    incarnation: string
    limits: BodyLimits
    running: () => Within | undefined
    spans: Spans | undefined
    cancelStored: (sn: string) => Promise<void>
  }) {
    this.#running = parts.running
    this.#spans = parts.spans
    this.cancelStored = parts.cancelStored
    this.#connection = parts.connection
    this.#ports = parts.ports
    this.#incarnation = parts.incarnation
    this.#limits = parts.limits
    this.#wheel = new Wheel(parts.ports.clock)
  }

  get pending(): number {
    return this.#pending.size
  }

  serialNumber(counter: number): string {
    return serialNumber(this.#incarnation, counter)
  }

  /** Begins a call. It never throws: what is wrong with it is its outcome. `counter` is that of a call which was prepared. */
  start(request: Request, args: readonly unknown[], counter: number = ++this.#counter): LiveCall<unknown> {
    const { signal } = request
    const span = this.#spans?.calling(request)
    let body: OutgoingBody
    let fields: Uint8Array | undefined
    try {
      if (this.#closed !== undefined) throw this.#closed
      if (signal?.aborted === true) throw cancelledUnsent(signal.reason)
      if (request.refusal !== undefined) throw request.refusal
      if (isAlone(request) && request.address.symbol === 0) throw sessionGone()
      body = request.body ?? this.bodyOf(args)
      fields = this.#fields(request, counter, span)
    } catch (thrown) {
      return this.#stillborn(counter, notSent(thrown), span)
    }
    const call = new OutgoingCall({ counter, request, body, fields, span, nowMs: this.#ports.clock.nowMs(), owner: this })
    if (signal !== undefined) call.follow(signal)
    return this.#begin(call)
  }

  /** A serial number for what is not itself a call. */
  mint(): string {
    return this.serialNumber(++this.#counter)
  }

  /** The number of a call that will be made, or not. */
  prepare(): number {
    return ++this.#counter
  }

  /** Hands a call over of which nothing will be heard. Throws; then nothing was sent. */
  send(request: Request, args: readonly unknown[]): Sent {
    if (this.#closed !== undefined) throw this.#closed
    const counter = ++this.#counter
    const span = this.#spans?.calling(request)
    try {
      if (request.refusal !== undefined) throw request.refusal
      const written = sendOneWay(this.#connection, request, callNumber(counter), this.#fields(request, counter, span), this.bodyOf(args))
      span?.ended()
      return { sn: this.serialNumber(counter), written }
    } catch (thrown) {
      span?.ended(thrown)
      throw notSent(thrown)
    }
  }

  /** What becomes of a stored call, of whoever: as if it were a call of ours. */
  watch(sn: string): LiveCall<unknown> {
    const counter = ++this.#counter
    if (this.#closed !== undefined)
      return this.#stillborn(counter, new WaybillError(this.#closed.code, this.#closed.message, { executed: 'maybe' }))
    const nowMs = this.#ports.clock.nowMs()
    return this.#begin(
      new OutgoingCall({ counter, request: watchRequest, body: NOTHING, fields: snField(sn), watched: sn, nowMs, owner: this }),
    )
  }

  #begin(call: OutgoingCall): LiveCall<unknown> {
    this.#pending.add(callNumber(call.counter), call)
    this.#await(call)
    this.#send(call)
    return call.live
  }

  /** Throws `NotRepresentable` or `TooLarge`. */
  bodyOf(args: readonly unknown[]): OutgoingBody {
    return outgoingBody(args.length === 0 ? undefined : args, 'arguments', this.#limits, this.#connection.pieceBytes)
  }

  /** Throws `NotRepresentable` or `TooLarge`. */
  #fields(request: Request, counter: number, span: CallSpan | undefined): Uint8Array | undefined {
    const { semantics } = request
    const within = semantics === 'live' || semantics === 'durable' ? this.#running() : undefined
    return fieldsOf(request, { sn: isStored(request) ? this.serialNumber(counter) : undefined, within, span })
  }

  /** Writes the next frame of a call; true when its body goes on. */
  write(call: OutgoingCall, nowMs: number): boolean {
    if (call.state === 'settled' || call.gaveUp !== undefined || call.resting) return false
    const { epoch } = this.#connection.connected!.router
    if (call.isStored && (call.epoch ??= epoch) !== epoch) {
      this.#settle(call, call.state === 'stored' ? 'exception' : 'givenUp', forgotten())
      return false
    }
    return writeFrameOf(call, this.#connection, nowMs)
  }

  // ---- what the other side says

  /** The router answers for the call from now on. */
  stored(frame: FrameReader): void {
    const call = this.#mine(frame)
    if (call === undefined || !call.step('stored')) return
    // The cancel was about the number that the call has in this session; the router knows it by the one before.
    if (call.gaveUp === 'Cancelled') void this.cancelStored(call.sn).catch(() => {})
    const body = readStored(parseBodyIn(frame.encoding, frame.bytes, frame.bodyStart, frame.end, this.#limits, 'given'))
    if (call.request.semantics === 'stored') return this.#succeed(call, new LiveReceipt(call.sn, this, body))
    call.live.stored(new LiveReceipt(call.sn, this, body, call.live))
    this.#look()
  }

  answer(frame: FrameReader, event: CallerEvent): void {
    const call = this.#mine(frame)
    if (call === undefined) return
    if ((frame.flags & Flag.more) !== 0) {
      call.arriving = { event, flags: frame.flags, encoding: frame.encoding, joiner: new Joiner(this.#limits.maxBodyBytes) }
      this.#join(call, frame)
      return
    }
    this.#take(call, event, frame.flags, frame.encoding, frame.bytes, frame.bodyStart, frame.end)
  }

  answerChunk(frame: FrameReader): void {
    const call = this.#mine(frame)
    if (call?.arriving === undefined) return
    const { event, flags, encoding, joiner } = call.arriving
    if (!this.#join(call, frame)) return
    if ((frame.flags & Flag.more) !== 0) return
    const whole = joiner.join()
    this.#take(call, event, flags, encoding, whole, 0, whole.byteLength)
  }

  /** False where the outcome is too long; then the call has ended. */
  #join(call: OutgoingCall, frame: FrameReader): boolean {
    const { event, joiner } = call.arriving!
    try {
      joiner.add(frame.body())
      return true
    } catch (thrown) {
      this.#settle(call, event, failure(thrown, 'yes'))
      return false
    }
  }

  #mine(frame: FrameReader): OutgoingCall | undefined {
    if (frame.destination !== this.#connection.connected!.symbol) return undefined
    const call = this.#pending.get(frame.call)
    if (call !== undefined) call.heardMs = this.#connection.heardMs
    return call
  }

  #take(call: OutgoingCall, event: CallerEvent, flags: number, encoding: number, bytes: Uint8Array, start: number, end: number): void {
    let body: unknown
    try {
      body = parseBodyIn(encoding, bytes, start, end, this.#limits, 'given')
    } catch (thrown) {
      return this.#settle(call, event, failure(thrown, 'yes'))
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
        return this.#succeed(call, body)
      case 'exception':
        return this.#settle(call, event, errorFromException(body, executedOf(flags), call.request.errors))
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
      return this.#settle(call, 'rejected', new WaybillError(gaveUp, reasons[gaveUp] ?? gaveUp, { executed: 'no' }))
    }
    // The router had stored it, and no longer knows of it.
    if (rejection.code === 'NoSuchReceipt' && call.state === 'stored' && call.watched === undefined)
      return this.#settle(call, 'rejected', forgotten())
    // One instance, which a later session cannot name: what became of the call before is not known.
    if (rejection.code === 'StaleSymbol' && call.isUnsure && isAlone(call.request)) return this.#settle(call, 'rejected', forgotten())
    if (rejection.code === 'StaleSymbol' && !isAlone(call.request)) return this.#again(call)
    if (rejection.code === 'Overloaded' && this.#rest(call, rejection)) return
    this.#settle(call, 'rejected', errorFromRejection(rejection), rejection)
  }

  /** A symbol was stale: the same call once more, with names. */
  #again(call: OutgoingCall): void {
    const { address, method } = call.request
    address.symbol = 0
    method.symbol = 0
    call.epoch = undefined
    if (call.step('returned')) this.#send(call)
  }

  /** No room: the call rests and is sent again, if its deadline allows. It was certainly not executed. */
  #rest(call: OutgoingCall, { details }: Rejection): boolean {
    const againMs = this.#ports.clock.nowMs() + restMs(details) * (0.5 + fraction(this.#ports.random))
    // What is stored goes on whatever becomes of its watching, and ends by its deadline.
    if (call.state !== 'stored' && (againMs >= call.uselessAtMs || !call.step('returned'))) return false
    if (call.state !== 'stored') call.epoch = undefined
    call.resting = true
    this.#wheel.add(call, againMs)
    return true
  }

  #send(call: OutgoingCall): void {
    // A body that was refused in the middle begins anew.
    call.offset = 0
    call.arriving = undefined
    if (call.queued) return
    call.queued = true
    this.#connection.enqueue(call)
  }

  // ---- giving up

  /** What is stored is cancelled where it is stored: this session may not be the one that made the call. */
  cancel(call: OutgoingCall, reason: unknown): Promise<void> {
    const mayBeStored = call.state === 'waiting' && call.holder !== 'caller'
    if (call.watched !== undefined || call.state === 'stored' || mayBeStored) return this.cancelStored(call.sn)
    this.#giveUp(call, 'Cancelled', reason)
    return Promise.resolve()
  }

  /** Given up by this side. What was not written ends at once; else the verdict is waited for, as only it can say `no`. */
  #giveUp(call: OutgoingCall, code: Code, reason: unknown): void {
    if (call.state === 'settled' || call.gaveUp !== undefined) return
    if (call.state === 'waiting') return this.#settle(call, 'givenUp', verdict(call.holder, code, reason))
    call.gaveUp = code
    call.giveUpAtMs = this.#ports.clock.nowMs() + CANCEL_VERDICT_MS
    this.#wheel.add(call, call.dueAtMs)
    const { connected } = this.#connection
    this.#connection.write({ type: FrameType.cancel, source: connected!.symbol, call: callNumber(call.counter) })
  }

  #await(call: OutgoingCall): void {
    const atMs = call.dueAtMs
    if (Number.isFinite(atMs)) this.#wheel.add(call, atMs)
  }

  due(call: OutgoingCall): void {
    const now = this.#ports.clock.nowMs()
    if (call.resting) {
      call.resting = false
      this.#await(call)
      return this.#send(call)
    }
    if (call.dueAtMs > now) return this.#await(call)
    if (call.gaveUp !== undefined) return this.#settle(call, 'givenUp', verdict(call.holder, call.gaveUp, undefined))
    if (call.endsAtMs <= now) return this.#settle(call, 'givenUp', verdict(call.holder, 'DeadlineExceeded', undefined))
    this.#giveUp(call, 'IdleTimeout', undefined)
  }

  /** The session is gone: what was written to it has an unknown fate, what was not goes with the next session. */
  lost(reason: string): void {
    for (const call of this.#pending.values()) {
      if (call.state === 'waiting' && isAlone(call.request)) this.#settle(call, 'givenUp', sessionGone())
      if (call.state === 'waiting' || this.#goesOn(call)) continue
      this.#settle(call, 'sessionLost', lostOnceSent(reason))
    }
  }

  /** What is stored, or may be told apart by its serial number, goes on in the next session, if that is one of the same router. */
  #goesOn(call: OutgoingCall): boolean {
    if (call.gaveUp !== undefined || (!call.isStored && call.watched === undefined)) return false
    call.isUnsure = true
    if (call.state !== 'stored' && !call.step('returned')) return false
    this.#send(call)
    return true
  }

  /** No call begins any more, and those that are pending end with the error. */
  close(error: WaybillError): void {
    this.#closed = new WaybillError(error.code, error.message, { executed: 'no' })
    for (const call of this.#pending.values()) {
      this.#settle(call, 'closed', new WaybillError(error.code, error.message, { executed: executed(call.holder) }))
    }
    this.#wheel.stop()
  }

  /** Resolves when no call is pending. What is stored needs nobody. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled = resolve
      this.#look()
    })
  }

  #look(): void {
    if (this.#settled === undefined) return
    if (this.#pending.values().every((call) => call.watched !== undefined || call.state === 'stored')) this.#settled()
  }

  // ---- the end

  #succeed(call: OutgoingCall, value: unknown): void {
    if (!call.step('result')) return
    this.#forget(call)
    call.end({ kind: 'result', value })
  }

  #settle(call: OutgoingCall, event: CallerEvent, error: Error & Exceptional, rejection?: Rejection): void {
    if (call.state === 'settled' || !call.step(event)) return
    this.#forget(call)
    call.end({ kind: 'exception', error: ownReason(call.gaveUp, error) }, rejection)
  }

  #forget(call: OutgoingCall): void {
    this.#pending.delete(callNumber(call.counter))
    this.#wheel.remove(call)
    call.unfollow?.()
    this.#look()
  }

  #stillborn(counter: number, error: WaybillError, span?: CallSpan): LiveCall<unknown> {
    const live = new LiveCall<unknown>({ sn: this.serialNumber(counter), isStored: true, cancel: () => Promise.resolve() })
    span?.ended(error)
    this.#ports.soon.onTick(() => live.end({ kind: 'exception', error }))
    return live
  }
}
