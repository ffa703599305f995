/**
 * The calls that this client makes: each moves through `callerTable`, from the caller's buffer to its outcome. Owns them, their numbers and
 * their deadlines; writes their frames when the connection has credit.
 */
import {
  callerHolder,
  callNumber,
  executed,
  executedOf,
  extensionField,
  Flag,
  FrameType,
  joinFields,
  parseBodyIn,
  Ring,
  serialNumber,
  Tag,
  WaybillError,
  Wheel,
} from '@waybill/core'
import type { BodyLimits, CallerEvent, Code, Exceptional, FrameReader, Ports, Rejection } from '@waybill/core'
import { fraction } from './backoff.js'
import { LiveCall } from './call.js'
import type { Connection } from './connection.js'
import { errorFromException, errorFromRejection, readProgress, readRejection } from './failures.js'
import { OutgoingCall, type CallOwner, type Request } from './outgoing-call.js'
import { outgoingBody, writePiece, type OutgoingBody } from './outgoing-body.js'
import { Joiner } from './pieces.js'

/** The router gives the verdict on a deadline; the caller's own timer is only there for a router that does not answer. */
const VERDICT_MS = 250
/** The callee gives a cancelled method 250 ms, and the answer needs its way. */
const CANCEL_VERDICT_MS = 500
const NO_ROOM_MS = 100

export class Outgoing implements CallOwner {
  readonly #pending = new Ring<OutgoingCall>()
  readonly #wheel: Wheel
  readonly #connection: Connection
  readonly #ports: Ports
  readonly #incarnation: string
  readonly #limits: BodyLimits
  #counter = 0
  #closed: WaybillError | undefined
  #settled: (() => void) | undefined

  constructor(parts: { connection: Connection; ports: Ports; incarnation: string; limits: BodyLimits }) {
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

  /** A number for something else that the router answers, which no call has. */
  nextNumber(): number {
    return callNumber(++this.#counter)
  }

  /** Begins a call. It never throws: what is wrong with it is its outcome. */
  start(request: Request, args: readonly unknown[]): LiveCall<unknown> {
    const counter = ++this.#counter
    const { signal } = request
    let body: OutgoingBody
    let data: Uint8Array | undefined
    try {
      if (this.#closed !== undefined) throw this.#closed
      if (signal?.aborted === true)
        throw new WaybillError('Cancelled', 'the call was cancelled before it was sent', { executed: 'no', cause: signal.reason })
      body = outgoingBody(args.length === 0 ? undefined : args, 'arguments', this.#limits, this.#connection.pieceBytes)
      data = dataField(request.data)
    } catch (thrown) {
      return this.#stillborn(counter, notSent(thrown))
    }
    const call = new OutgoingCall({ counter, request, body, data, nowMs: this.#ports.clock.nowMs(), owner: this })
    this.#pending.add(callNumber(counter), call)
    this.#wheel.add(call, dueMs(call))
    if (signal !== undefined) call.follow(signal)
    this.#send(call)
    return call.live
  }

  /** A call that ends with the error and was never sent. */
  refuse(error: WaybillError): LiveCall<unknown> {
    return this.#stillborn(++this.#counter, error)
  }

  /** Writes the next frame of a call; true when its body goes on. */
  write(call: OutgoingCall, nowMs: number): boolean {
    if (call.state === 'settled' || call.gaveUp !== undefined || call.resting) return false
    const source = this.#connection.connected!.symbol
    const number = callNumber(call.counter)
    if (call.offset > 0) {
      call.offset = writePiece(this.#connection, { type: FrameType.callChunk, source, call: number }, undefined, call.body, call.offset)
      return call.offset > 0
    }
    call.step('write')
    const { address, method } = call.request
    const known = address.symbol !== 0 && method.symbol !== 0
    const head = {
      type: FrameType.call,
      flags: call.live.isWatched ? Flag.statusesWanted : 0,
      destination: known ? address.symbol : 0,
      source,
      call: number,
      ttlMs: Math.max(1, Math.ceil(call.deadlineAtMs - nowMs)),
      method: known ? method.symbol : 0,
    }
    const extension = known ? call.data : namesField(address.name, method.name, call.data)
    call.offset = writePiece(this.#connection, head, extension, call.body, 0)
    return call.offset > 0
  }

  // ---- what the other side says

  answer(frame: FrameReader, event: CallerEvent): void {
    const call = this.#mine(frame)
    if (call === undefined) return
    if ((frame.flags & Flag.more) !== 0) {
      call.arriving = { event, flags: frame.flags, encoding: frame.encoding, joiner: new Joiner(this.#limits.maxBodyBytes) }
      call.arriving.joiner.add(frame.body())
      return
    }
    this.#take(call, event, frame.flags, frame.encoding, frame.bytes, frame.bodyStart, frame.end)
  }

  answerChunk(frame: FrameReader): void {
    const call = this.#mine(frame)
    if (call?.arriving === undefined) return
    const { event, flags, encoding, joiner } = call.arriving
    try {
      joiner.add(frame.body())
    } catch (thrown) {
      return this.#settle(call, event, failure(thrown, 'yes'))
    }
    if ((frame.flags & Flag.more) === 0) this.#takeWhole(call, event, flags, encoding, joiner.join())
  }

  #mine(frame: FrameReader): OutgoingCall | undefined {
    if (frame.destination !== this.#connection.connected!.symbol) return undefined
    const call = this.#pending.get(frame.call)
    if (call !== undefined) call.heardMs = this.#connection.heardMs
    return call
  }

  #takeWhole(call: OutgoingCall, event: CallerEvent, flags: number, encoding: number, bytes: Uint8Array): void {
    this.#take(call, event, flags, encoding, bytes, 0, bytes.byteLength)
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
    if (rejection.code === 'StaleSymbol') return this.#again(call)
    if (rejection.code === 'Overloaded' && this.#rest(call, rejection)) return
    this.#settle(call, 'rejected', errorFromRejection(rejection), rejection)
  }

  /** A symbol was stale: the same call once more, with names. */
  #again(call: OutgoingCall): void {
    const { address, method } = call.request
    address.symbol = 0
    method.symbol = 0
    if (call.step('returned')) this.#send(call)
  }

  /** No room: the call rests and is sent again, if its deadline allows. It was certainly not executed. */
  #rest(call: OutgoingCall, { details }: Rejection): boolean {
    const askedMs = (details as { retryAfterMs?: unknown } | undefined)?.retryAfterMs
    const restMs = typeof askedMs === 'number' && askedMs >= 0 ? askedMs : NO_ROOM_MS
    const againMs = this.#ports.clock.nowMs() + restMs * (0.5 + fraction(this.#ports.random))
    if (againMs >= call.deadlineAtMs || !call.step('returned')) return false
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

  /** Cancelled by the user. What was not written ends at once; else the verdict is waited for, as only it can say `no`. */
  giveUp(call: OutgoingCall, code: Code, reason: unknown): void {
    if (call.state === 'settled' || call.gaveUp !== undefined) return
    if (call.state === 'waiting') return this.#settle(call, 'givenUp', this.#verdict(call, code, reason))
    call.gaveUp = code
    call.giveUpAtMs = this.#ports.clock.nowMs() + CANCEL_VERDICT_MS
    this.#wheel.add(call, dueMs(call))
    const { connected } = this.#connection
    this.#connection.write({ type: FrameType.cancel, source: connected!.symbol, call: callNumber(call.counter) })
  }

  due(call: OutgoingCall): void {
    const now = this.#ports.clock.nowMs()
    if (call.resting) {
      call.resting = false
      this.#wheel.add(call, dueMs(call))
      return this.#send(call)
    }
    if (dueMs(call) > now) return this.#wheel.add(call, dueMs(call))
    if (call.gaveUp !== undefined) return this.#settle(call, 'givenUp', this.#verdict(call, call.gaveUp, undefined))
    if (deadlineDueMs(call) <= now) return this.#settle(call, 'givenUp', this.#verdict(call, 'DeadlineExceeded', undefined))
    this.giveUp(call, 'IdleTimeout', undefined)
  }

  /** The session is gone: what was written to it has an unknown fate, what was not goes with the next session. */
  lost(reason: string): void {
    for (const call of this.#pending.values()) {
      if (call.state === 'waiting') continue
      this.#settle(
        call,
        'sessionLost',
        new WaybillError('RouterLost', `the connection was lost after the call was sent: ${reason}`, { executed: 'maybe' }),
      )
    }
  }

  /** No call begins any more, and those that are pending end with the error. */
  close(error: WaybillError): void {
    this.#closed = new WaybillError(error.code, error.message, { executed: 'no' })
    for (const call of this.#pending.values()) {
      this.#settle(call, 'closed', new WaybillError(error.code, error.message, { executed: executed(callerHolder(call.state)) }))
    }
    this.#wheel.stop()
  }

  /** Resolves when nothing is pending. */
  drained(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve()
    return new Promise((resolve) => (this.#settled = resolve))
  }

  #verdict(call: OutgoingCall, code: Code, reason: unknown): WaybillError {
    return new WaybillError(code, `${reasons[code] ?? code}${call.state === 'waiting' ? ' before it was sent' : ''}`, {
      executed: executed(callerHolder(call.state)),
      cause: reason,
    })
  }

  // ---- the end

  #succeed(call: OutgoingCall, value: unknown): void {
    if (!call.step('result')) return
    this.#forget(call)
    call.live.end({ kind: 'result', value })
  }

  #settle(call: OutgoingCall, event: CallerEvent, error: Error & Exceptional, rejection?: Rejection): void {
    if (call.state === 'settled' || !call.step(event)) return
    this.#forget(call)
    // Where this side gave up, the other side's verdict says how far the call had come, and our own reason why it ended.
    const { gaveUp } = call
    const ended =
      gaveUp !== undefined && gaveUp !== error.code && error.code === 'Cancelled'
        ? new WaybillError(gaveUp, reasons[gaveUp] ?? gaveUp, { executed: error.executed })
        : error
    call.live.end({ kind: 'exception', error: ended }, rejection)
  }

  #forget(call: OutgoingCall): void {
    this.#pending.delete(callNumber(call.counter))
    this.#wheel.remove(call)
    call.unfollow?.()
    if (this.#pending.size === 0) this.#settled?.()
  }

  #stillborn(counter: number, error: WaybillError): LiveCall<unknown> {
    const live = new LiveCall<unknown>({ sn: this.serialNumber(counter), cancel: () => Promise.resolve() })
    this.#ports.soon.onTick(() => live.end({ kind: 'exception', error }))
    return live
  }
}

const reasons: Partial<Record<Code, string>> = {
  Cancelled: 'the call was cancelled',
  IdleTimeout: 'nothing was heard of the call for its timeout',
  DeadlineExceeded: 'the call did not end before its deadline',
}

/** When the call must be looked at next. */
function dueMs(call: OutgoingCall): number {
  if (call.gaveUp !== undefined) return Math.min(call.giveUpAtMs, deadlineDueMs(call))
  return Math.min(call.heardMs + call.request.timeoutMs, deadlineDueMs(call))
}

function deadlineDueMs(call: OutgoingCall): number {
  return call.deadlineAtMs + (call.state === 'waiting' ? 0 : VERDICT_MS)
}

/** Room for names beside it in an extension. */
const MAX_DATA_BYTES = 60_000

/** Throws `NotRepresentable` or `TooLarge`. */
function dataField(data: unknown): Uint8Array | undefined {
  if (data === undefined) return undefined
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch (thrown) {
    throw new WaybillError('NotRepresentable', 'data is not plain JSON', { executed: 'no', cause: thrown })
  }
  if (text === undefined) throw new WaybillError('NotRepresentable', 'data is not plain JSON', { executed: 'no' })
  const field = extensionField(Tag.data, text)
  if (field.byteLength <= MAX_DATA_BYTES) return field
  throw new WaybillError('TooLarge', `data of ${field.byteLength} bytes is over the limit of ${MAX_DATA_BYTES}; send it as an argument`, {
    executed: 'no',
    details: { limit: MAX_DATA_BYTES, size: field.byteLength },
  })
}

function namesField(address: string, method: string, data: Uint8Array | undefined): Uint8Array {
  const names = [extensionField(Tag.destination, address), extensionField(Tag.method, method)]
  return joinFields(data === undefined ? names : [...names, data])
}

/** What went wrong before anything was written. */
function notSent(thrown: unknown): WaybillError {
  return failure(thrown, 'no')
}

function failure(thrown: unknown, known: 'no' | 'yes'): WaybillError {
  const error = WaybillError.from(thrown, known)
  return error.executed === known
    ? error
    : new WaybillError(error.code, error.message, { executed: known, details: error.details, cause: thrown })
}
