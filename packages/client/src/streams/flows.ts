/**
 * The streams of one call on one of its sides, in both directions: numbered as they stand in its bodies, and told what their frames say. Owns them
 * from the body to the end of the call.
 */
import { captureError, FrameType, parseBodyIn, prepareBody, streamConstants, TOWARD_CALLEE, WaybillError } from '@waybill/core'
import type { BodyLimits, ErrorClass, FrameReader, StreamKind } from '@waybill/core'
import { errorFromException } from '../failures.js'
import { facadeOf } from './facade.js'
import { Inflow } from './inflow.js'
import { Outflow, type FlowEnd } from './outflow.js'
import { letGo, stepsOf, type Steps } from './steps.js'
import type { Way } from './way.js'

/** The number of a stream that is itself the result: it ends with the call. */
export const RESULT = 0

export interface Flow {
  readonly number: number
  readonly kind: StreamKind
  readonly source: object
}

export interface FlowsParts {
  readonly limits: BodyLimits
  /** Classes of errors that may travel with their state. */
  readonly errors: readonly ErrorClass[]
  /** What this side's streams may send before anything was granted, and what the other side's may. */
  readonly ownCredit: number
  readonly theirCredit: number
  /** How the user's iterators are run. */
  readonly within: (steps: Steps) => Steps
  /** The other side broke a rule. */
  readonly broken: (error: WaybillError) => void
  /** The other side wants no more of the result. */
  readonly unwanted: () => void
  /** All streams that this side sends have ended; `result` is how that one did which is itself the result. */
  readonly sent: (result: FlowEnd | undefined) => void
}

export class Flows {
  readonly #parts: FlowsParts
  readonly #out = new Map<number, Outflow>()
  readonly #in = new Map<number, Inflow>()
  #way: Way | undefined
  #closed = false

  constructor(parts: FlowsParts) {
    this.#parts = parts
  }

  /** Nothing is heard of the call because this side is slow. */
  get isWaitedFor(): boolean {
    return [...this.#in.values()].some((inflow) => inflow.isWaiting) || [...this.#out.values()].some((outflow) => outflow.isSlow)
  }

  /** The body of the call has arrived, or is written, in this session: frames can go both ways. */
  open(way: Way): void {
    this.#way = way
  }

  /** Streams that stand in a body. Those that have credit begin. */
  send(flows: readonly Flow[]): void {
    const { limits, within, ownCredit } = this.#parts
    for (const { number, kind, source } of flows) {
      const begin = (): Steps => within(stepsOf(source, kind))
      this.#out.set(number, new Outflow({ number, kind, begin, limits, over: (end) => this.#over(number, end) }))
    }
    if (ownCredit > 0) for (const { number } of flows) this.#out.get(number)?.grant(this.#way!, ownCredit)
  }

  /** What stands in a value for the stream of a number. Throws `ProtocolViolation`. */
  receive(number: number, kind: StreamKind): object {
    if (this.#in.has(number) || this.#in.size >= streamConstants.maxStreams)
      throw new WaybillError('ProtocolViolation', `there cannot be another stream ${number} in this call`)
    const { limits, theirCredit: creditBytes, broken } = this.#parts
    const inflow = new Inflow({ number, kind, limits, creditBytes, way: () => this.#open, broken })
    this.#in.set(number, inflow)
    return facadeOf(inflow)
  }

  /** A frame of the other side. */
  frame(frame: FrameReader): void {
    const number = frame.method
    switch (frame.type & ~TOWARD_CALLEE) {
      case FrameType.item:
        return this.#in.get(number)?.arrived(frame)
      case FrameType.end:
        return this.#in.get(number)?.ended(this.#bodyOf(frame))
      case FrameType.failed:
        return this.#in.get(number)?.failed(errorFromException(this.#bodyOf(frame), 'maybe', this.#parts.errors))
      case FrameType.credit:
        if (this.#open !== undefined) this.#out.get(number)?.grant(this.#open, frame.ttlMs)
        return
      case FrameType.stop:
        if (number === RESULT) this.#parts.unwanted()
        return this.#out.get(number)?.stop()
    }
  }

  /** The call has ended: as its result says, or with an error. What has arrived can still be read. */
  close(end: { readonly value: unknown } | { readonly error: unknown }): void {
    if (this.#closed) return
    this.#closed = true
    for (const [number, inflow] of this.#in) {
      if ('error' in end) inflow.failed(end.error)
      else if (number === RESULT) inflow.ended(end.value)
      else inflow.failed(new WaybillError('Closed', 'the call that the stream belongs to has ended', { executed: 'maybe' }))
    }
    this.#in.clear()
    this.#stop()
    this.#way = undefined
  }

  /** The call was cancelled: what arrives ends with the error, what is sent stops. Then `sent` is called as usual. */
  abort(error: unknown): void {
    for (const inflow of this.#in.values()) inflow.failed(error)
    this.#stop()
  }

  #stop(): void {
    for (const outflow of this.#out.values()) outflow.stop()
  }

  get #open(): Way | undefined {
    return this.#way?.isOpen === true ? this.#way : undefined
  }

  #bodyOf(frame: FrameReader): unknown {
    try {
      return parseBodyIn(frame.encoding, frame.bytes, frame.bodyStart, frame.end, this.#parts.limits, 'given')
    } catch {
      return undefined
    }
  }

  #over(number: number, end: FlowEnd): void {
    this.#out.delete(number)
    const way = this.#closed ? undefined : this.#open
    if (number !== RESULT && way !== undefined) this.#tell(way, number, end)
    if (this.#out.size === 0 && !this.#closed) this.#parts.sent(number === RESULT ? end : undefined)
  }

  #tell(way: Way, number: number, end: FlowEnd): void {
    if (end.kind === 'stopped') return
    const { limits, errors } = this.#parts
    try {
      if (end.kind === 'refused') throw end.error
      if (end.kind === 'ended') return way.say(FrameType.end, number, prepareBody(end.value, limits, 'return value'))
      const { xclass, message: exval, xstate } = captureError(end.error, errors)
      way.say(FrameType.failed, number, prepareBody({ exval, xclass, ...(xstate !== undefined && { xstate }) }, limits))
    } catch (thrown) {
      const { code, message: exval } = WaybillError.from(thrown)
      way.say(FrameType.failed, number, prepareBody({ exval, code }))
    }
  }
}

/** Streams that nobody will ever read: they are told. */
export function dismiss(flows: readonly Flow[]): void {
  for (const { source, kind } of flows)
    letGo(
      () => stepsOf(source, kind),
      () => {},
    )
}
