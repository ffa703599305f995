/**
 * The calls that this client makes: each moves through `callerTable`, from the caller's buffer to its outcome. Owns them, their numbers and
 * their deadlines; writes their frames when the connection has credit.
 */
import { callNumber, executed, FrameType, parseBodyIn, prepareBody, Ring, serialNumber, WaybillError, Wheel } from '@waybill/core'
import type { BodyLimits, CallerEvent, CallSpan, Code, Exceptional, FrameReader, Ports, Rejection } from '@waybill/core'
import { LiveCall } from './call.js'
import { snField, type Within } from './call-fields.js'
import { writeFrameOf } from './call-frames.js'
import type { Connection } from './connection.js'
import { Departure, type Luggage } from './departure.js'
import type { Digest } from './digests/digest.js'
import { readStored } from './failures.js'
import { KNOWN_FOR_MS, OutgoingCall, type CallOwner } from './outgoing-call.js'
import { sendOneWay, type Sent } from './one-way.js'
import type { OutgoingBody } from './outgoing-body.js'
import { Hearing, type Ends } from './hearing.js'
import type { Late } from './late.js'
import type { Kept } from './outbox/kept.js'
import { LiveReceipt, type ReceiptSource } from './receipt.js'
import { isAlone, watchRequest, type Request } from './request.js'
import { afterAll, Resending } from './resending.js'
import type { CallerStreams } from './streams/caller.js'
import type { Spans } from './tracing.js'
import { forgotten, lostOnceSent, notSent, ownReason, sessionGone, verdict } from './verdicts.js'

/** The callee gives a cancelled method 250 ms, and the answer needs its way. */
const CANCEL_VERDICT_MS = 500

const NOTHING: { readonly body: OutgoingBody } = { body: { prepared: prepareBody(undefined), bytes: undefined } }

export class Outgoing implements CallOwner, ReceiptSource, Ends {
  readonly #pending = new Ring<OutgoingCall>()
  readonly #wheel: Wheel
  readonly #connection: Connection
  readonly #ports: Ports
  readonly #incarnation: string
  readonly #limits: BodyLimits
  readonly #departure: Departure
  readonly #hearing: Hearing
  readonly #resending: Resending
  readonly #spans: Spans | undefined
  readonly #streams: Late<CallerStreams>
  readonly cancelStored: (sn: string) => Promise<void>
  /** What keeps calls that are to be stored; undefined where nothing does. */
  kept: Kept | undefined
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
    digest: Digest
    cancelStored: (sn: string) => Promise<void>
    streams: Late<CallerStreams>
  }) {
    this.#streams = parts.streams
    this.#departure = new Departure(parts)
    this.#wheel = new Wheel(parts.ports.clock)
    this.#resending = new Resending({ ports: parts.ports, wheel: this.#wheel, send: (call) => this.#send(call) })
    const { connection, limits, streams } = parts
    this.#hearing = new Hearing({ connection, limits, ends: this, resending: this.#resending, streams })
    this.#spans = parts.spans
    this.cancelStored = parts.cancelStored
    this.#connection = parts.connection
    this.#ports = parts.ports
    this.#incarnation = parts.incarnation
    this.#limits = parts.limits
  }

  get pending(): number {
    return this.#pending.size
  }

  serialNumber(counter: number): string {
    return serialNumber(this.#incarnation, counter)
  }

  /** Begins a call. It never throws: what is wrong with it is its outcome. `counter` is that of a call which was prepared. */
  start(asked: Request, args: readonly unknown[], counter: number = ++this.#counter): LiveCall<unknown> {
    const request = this.kept?.patient(asked) ?? asked
    const span = this.#spans?.calling(request)
    let fields: Uint8Array | undefined
    let luggage: Luggage | undefined
    try {
      if (this.#closed !== undefined) throw this.#closed
      this.#departure.check(request)
      fields = this.#departure.fields(request, counter, span)
      if (!this.#departure.isLate(request, args)) luggage = this.#departure.pack(request, args, fields)
    } catch (thrown) {
      return this.#stillborn(counter, notSent(thrown), span)
    }
    const { body } = luggage ?? NOTHING
    const call = new OutgoingCall({ counter, request, body, fields, span, nowMs: this.#ports.clock.nowMs(), owner: this })
    if (request.signal !== undefined) call.follow(request.signal)
    this.#add(call)
    if (luggage === undefined) this.#hold(call, args)
    else this.#begin(call, luggage)
    return call.live
  }

  #hold(call: OutgoingCall, args: readonly unknown[]): void {
    this.#departure.later(call.request, args, (taken) => {
      if (call.state === 'settled') return
      try {
        this.#begin(call, this.#departure.pack(call.request, taken, call.fields))
      } catch (thrown) {
        this.settle(call, 'givenUp', notSent(thrown))
      }
    })
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
    const sn = this.serialNumber(counter)
    if (!this.#departure.isLate(request, args)) return { sn, written: this.#sendOneWay(request, args, counter) }
    const written = new Promise<void>((resolve, reject) => {
      this.#departure.later(request, args, (taken) => {
        try {
          resolve(this.#sendOneWay(request, taken, counter))
        } catch (thrown) {
          reject(thrown as WaybillError)
        }
      })
    })
    return { sn, written }
  }

  #sendOneWay(request: Request, args: readonly unknown[], counter: number): Promise<void> | undefined {
    const span = this.#spans?.calling(request)
    try {
      this.#departure.check(request)
      const { body, fields } = this.#departure.pack(request, args, this.#departure.fields(request, counter, span))
      const written = sendOneWay(this.#connection, request, callNumber(counter), fields, body)
      span?.ended()
      return written
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
    const call = new OutgoingCall({ counter, request: watchRequest, ...NOTHING, fields: snField(sn), watched: sn, nowMs, owner: this })
    this.adopt(call)
    return call.live
  }

  /** A call that was made elsewhere, with a number of ours. */
  adopt(call: OutgoingCall): void {
    this.#add(call)
    this.#send(call)
  }

  #add(call: OutgoingCall): void {
    this.#pending.add(callNumber(call.counter), call)
    this.#await(call)
  }

  /** With fields that come later it is sent then. */
  #begin(call: OutgoingCall, { body, fields, later, streams }: Luggage): void {
    call.body = body
    call.fields = fields
    if (streams.length > 0) {
      if (!call.request.isTimed) call.deadlineAtMs = Number.POSITIVE_INFINITY
      this.#hearing.flowsOf(call, this.#streams.now!).send(streams)
    }
    const whole = this.kept !== undefined && call.isStored ? this.kept.keep(call, later ?? fields!) : later
    if (whole === undefined) this.#send(call)
    else void this.#sendLater(call, whole)
  }

  async #sendLater(call: OutgoingCall, later: Promise<Uint8Array>): Promise<void> {
    try {
      call.fields = await later
      this.#send(call)
    } catch (thrown) {
      this.settle(call, 'givenUp', notSent(thrown))
    }
  }

  /** The arguments of calls that are made later. Throws `NotRepresentable` or `TooLarge`. */
  bodyOf(args: readonly unknown[]): OutgoingBody {
    return this.#departure.bodyOf(args)
  }

  /** Writes the next frame of a call; true when its body goes on. */
  write(call: OutgoingCall, nowMs: number): boolean {
    if (call.state === 'settled' || call.gaveUp !== undefined || call.resting) return false
    const { store, epoch } = this.#connection.connected!.router
    const home = store ?? epoch
    const isUnknown = call.state !== 'stored' && nowMs - (call.firstWrittenMs ??= nowMs) > KNOWN_FOR_MS
    if (call.isStored && ((call.home ??= home) !== home || isUnknown)) {
      this.settle(call, call.state === 'stored' ? 'exception' : 'givenUp', forgotten())
      return false
    }
    call.flows?.open(this.#streams.now!.way(this.#connection, callNumber(call.counter)))
    return writeFrameOf(call, this.#connection, nowMs)
  }

  // ---- what the other side says

  /** The router answers for the call from now on. */
  stored(frame: FrameReader): void {
    const call = this.#mine(frame)
    if (call === undefined || !call.step('stored')) return
    const body = readStored(parseBodyIn(frame.encoding, frame.bytes, frame.bodyStart, frame.end, this.#limits, 'given'))
    if (body.duplicate) call.storedAs = body.sn
    // The cancel was about the number that the call has in this session; the router knows it by the one before.
    if (call.gaveUp === 'Cancelled') void this.cancelStored(call.sn).catch(() => {})
    if (call.request.semantics === 'stored') return this.succeed(call, new LiveReceipt(call.sn, this, body))
    call.live.stored(new LiveReceipt(call.sn, this, body, call.live))
    this.#look()
  }

  answer(frame: FrameReader, event: CallerEvent): void {
    const call = this.#mine(frame)
    if (call !== undefined) this.#hearing.answer(call, frame, event)
  }

  answerChunk(frame: FrameReader): void {
    const call = this.#mine(frame)
    if (call !== undefined) this.#hearing.chunk(call, frame)
  }

  opened(frame: FrameReader): void {
    const call = this.#mine(frame)
    if (call !== undefined) this.#hearing.opened(call, frame)
  }

  /** An item, its credit or an end, of a stream of a call. */
  stream(frame: FrameReader): void {
    this.#mine(frame)?.flows?.frame(frame)
  }

  #mine(frame: FrameReader): OutgoingCall | undefined {
    if (frame.destination !== this.#connection.connected!.symbol) return undefined
    const call = this.#pending.get(frame.call)
    if (call !== undefined) call.heardMs = this.#connection.heardMs
    return call
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

  /** The other side broke a rule: it is told to stop, and no more of it is waited for. */
  breakOff(call: OutgoingCall, error: WaybillError): void {
    this.#giveUp(call, 'Cancelled', error)
    this.settle(call, 'givenUp', error)
  }

  /** What is stored is cancelled where it is stored: this session may not be the one that made the call. */
  cancel(call: OutgoingCall, reason: unknown): Promise<void> {
    const mayBeStored = call.state === 'waiting' && call.home !== undefined
    if (call.watched !== undefined || call.state === 'stored' || mayBeStored) return this.cancelStored(call.sn)
    this.#giveUp(call, 'Cancelled', reason)
    return Promise.resolve()
  }

  /** Given up by this side. What was not written ends at once; else the verdict is waited for, as only it can say `no`. */
  #giveUp(call: OutgoingCall, code: Code, reason: unknown): void {
    if (call.state === 'settled' || call.gaveUp !== undefined) return
    if (call.state === 'waiting') return this.settle(call, 'givenUp', verdict(call.holder, code, reason))
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
    if (call.flows?.isWaitedFor === true) call.heardMs = now
    if (call.resting) {
      call.resting = false
      this.#await(call)
      return this.#send(call)
    }
    if (call.dueAtMs > now) return this.#await(call)
    if (call.gaveUp !== undefined) return this.settle(call, 'givenUp', verdict(call.holder, call.gaveUp, undefined))
    // From when its result is open on the router gives no verdict.
    if (call.opened !== undefined && call.deadlineAtMs <= now) return this.#giveUp(call, 'DeadlineExceeded', undefined)
    if (call.endsAtMs <= now) return this.settle(call, 'givenUp', verdict(call.holder, 'DeadlineExceeded', undefined))
    this.#giveUp(call, 'IdleTimeout', undefined)
  }

  /** The session is gone: what was written to it has an unknown fate, what was not goes with the next session. */
  lost(reason: string): void {
    this.kept?.lost()
    for (const call of this.#pending.values()) {
      if (call.state === 'waiting' && isAlone(call.request)) this.settle(call, 'givenUp', sessionGone())
      if (call.state === 'waiting' || this.#goesOn(call)) continue
      this.settle(call, 'sessionLost', lostOnceSent(reason))
    }
  }

  /** What is stored, or may be told apart by its serial number, goes on in the next session, if that is one with the same store. */
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
    this.kept?.end()
    for (const call of this.#pending.values()) {
      this.settle(call, 'closed', new WaybillError(error.code, error.message, { executed: call.isKept ? 'maybe' : executed(call.holder) }))
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

  succeed(call: OutgoingCall, value: unknown): void {
    if (!call.step('result')) return
    this.#forget(call)
    call.flows?.close({ value })
    call.end({ kind: 'result', value: call.opened === undefined ? value : call.opened.value })
  }

  settle(call: OutgoingCall, event: CallerEvent, error: Error & Exceptional, rejection?: Rejection): void {
    if (call.state === 'settled' || this.#resending.failed(call, event, error) || !call.step(event)) return
    this.#forget(call)
    const reason = ownReason(call.gaveUp, afterAll(call, error))
    call.flows?.close({ error: reason })
    call.end({ kind: 'exception', error: reason }, call.mayHaveRun === undefined ? rejection : undefined)
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
