/**
 * The calls that this client was asked to run: what arrives of them, and which there are. Owns them, from their first frame to their end, and
 * the exposures that they come through; what becomes of each is `Running`'s.
 */
import { callAtHand, Feature, Flag, Ring, Tag, findText, WaybillError } from '@waybill/core'
import type { BodyLimits, FrameReader, MethodContract, Ports } from '@waybill/core'
import type { Answers } from './answers.js'
import type { Spans } from './tracing.js'
import { readFields, type CallFields } from './arrival.js'
import type { Connection } from './connection.js'
import type { Exposure } from './exposure.js'
import { IncomingCall } from './incoming-call.js'
import { Joining } from './joining.js'
import type { Leases } from './leases.js'
import type { Names } from './names.js'
import { closing, cutOff, givesStream, noSuchMethod, takenBack } from './refusals.js'
import { Running, type Recorded } from './running.js'

export class Incoming {
  readonly #calls = new Map<number, Ring<IncomingCall>>()
  /** Callers who are gone while a method still runs for them. */
  readonly #gone = new Set<number>()
  readonly #exposures = new Map<number, Exposure>()
  readonly #joining = new Joining()
  readonly #running: Running
  readonly #connection: Connection
  readonly #names: Names
  readonly #limits: BodyLimits
  readonly #answers: Answers
  readonly #leases: Leases
  #size = 0
  #closing = false
  #settled: (() => void)[] = []

  constructor(parts: {
    connection: Connection
    names: Names
    ports: Ports
    limits: BodyLimits
    answers: Answers
    leases: Leases
    spans: Spans | undefined
    recorded: Recorded
  }) {
    const { ports, limits, answers, spans, recorded } = parts
    this.#connection = parts.connection
    this.#names = parts.names
    this.#limits = limits
    this.#answers = answers
    this.#leases = parts.leases
    this.#running = new Running({ ports, limits, answers, spans, recorded, ended: (call) => this.#forget(call) })
  }

  /** Calls that have arrived and have not ended; methods that run on after their caller was answered count too. */
  get size(): number {
    return this.#size
  }

  /** The call during which this code runs, where it is one of this client's and its caller waits for it. */
  running(): { readonly source: number; readonly number: number } | undefined {
    if (this.#size === 0) return undefined
    const call = callAtHand()
    return call instanceof IncomingCall && call.state === 'running' && this.#calls.get(call.source)?.get(call.number) === call
      ? call
      : undefined
  }

  /** The exposure's symbol has changed from `before`, 0 for none. */
  serve(exposure: Exposure, before: number): void {
    this.#exposures.delete(before)
    if (exposure.symbol !== 0) this.#exposures.set(exposure.symbol, exposure)
  }

  // ---- frames

  /** What another client wrote is its own fault: it is refused, and this session goes on. */
  call(frame: FrameReader): void {
    let fields: CallFields | undefined
    try {
      fields = readFields(frame, this.#limits)
      this.#call(frame, fields)
    } catch (thrown) {
      this.#reject(frame, fields, WaybillError.from(thrown, 'no'))
    }
  }

  #call(frame: FrameReader, fields: CallFields | undefined): void {
    const { source, call: number } = frame
    const lease = this.#leaseOf(frame, fields)
    const exposure = this.#exposures.get(frame.destination)
    const contract = exposure && methodOf(exposure, frame, fields)
    if (exposure === undefined || contract === undefined || this.#closing || exposure.cannotStream(contract, frame.flags)) {
      return this.#reject(frame, fields, this.#refusal(exposure, contract, frame))
    }
    const call = new IncomingCall({
      source,
      number,
      lease,
      flags: frame.flags,
      exposure,
      contract,
      encoding: frame.encoding,
      attempt: frame.attempt,
      caller: this.#names.caller(source),
      fields,
      deadlineMs: frame.ttlMs === 0 ? undefined : this.#connection.heardMs + frame.ttlMs,
      sink: this.#running,
    })
    this.#place(call)
    this.#size++
    if (lease !== undefined) this.#leases.take(lease, call)
    this.#running.arrived(call)
    if ((frame.flags & Flag.more) === 0) return this.#running.complete(call, frame.bytes, frame.bodyStart, frame.end)
    this.#joining.begin(call, this.#limits.maxBodyBytes)
    this.#join(call, frame)
  }

  #refusal(exposure: Exposure | undefined, contract: MethodContract | undefined, frame: FrameReader): WaybillError {
    if (this.#closing) return closing()
    if (exposure === undefined) return takenBack()
    if (contract === undefined) return noSuchMethod(exposure, findText(frame, Tag.method))
    return givesStream(exposure.contract.name, contract.name, (frame.flags & Flag.durable) !== 0)
  }

  #reject(frame: FrameReader, fields: CallFields | undefined, error: WaybillError): void {
    const { source, call: number, flags } = frame
    const lease = this.#leaseOf(frame, fields)
    if (lease !== undefined) this.#leases.take(lease, undefined)
    this.#answers.reject({ source, number, lease, isAway: false, flags, dataField: fields?.dataField }, error)
  }

  /** Only of a stored call, and where the router knows of leases: what a caller wrote there itself is none. */
  #leaseOf({ flags }: FrameReader, fields: CallFields | undefined): string | undefined {
    const isLeased = (flags & Flag.durable) !== 0 && this.#connection.connected!.features.includes(Feature.leases)
    return isLeased ? fields?.lease : undefined
  }

  callChunk(frame: FrameReader): void {
    const call = this.#calls.get(frame.source)?.get(frame.call)
    if (call?.joiner !== undefined) this.#join(call, frame)
  }

  cancel(frame: FrameReader): void {
    const call = this.#calls.get(frame.source)?.get(frame.call)
    if (call !== undefined) this.#running.cancel(call)
  }

  /** An item, its credit or an end, of a stream of a call. */
  stream(frame: FrameReader): void {
    this.#calls.get(frame.source)?.get(frame.call)?.flows?.frame(frame)
  }

  #join(call: IncomingCall, frame: FrameReader): void {
    try {
      this.#joining.add(call, frame)
    } catch (thrown) {
      return this.#running.refuse(call, WaybillError.from(thrown))
    }
    if ((frame.flags & Flag.more) !== 0) return
    const whole = this.#joining.finish(call)
    this.#running.complete(call, whole, 0, whole.byteLength)
  }

  // ---- who is here

  /** Throws `ProtocolViolation` where another call is there. */
  #place(call: IncomingCall): void {
    const { source, number } = call
    let calls = this.#calls.get(source)
    if (calls === undefined) this.#calls.set(source, (calls = new Ring()))
    if (calls.get(number) !== undefined) throw new WaybillError('ProtocolViolation', `call ${number} has not ended yet`)
    calls.add(number, call)
  }

  #forget(call: IncomingCall): void {
    this.#joining.leave(call)
    this.#leases.left(call)
    const calls = this.#calls.get(call.source)
    if (calls?.get(call.number) === call) calls.delete(call.number)
    if (this.#gone.size > 0 && calls?.size === 0 && this.#gone.delete(call.source)) this.#calls.delete(call.source)
    this.#size--
    this.#look()
  }

  #look(): void {
    if (this.#isDone) for (const settled of this.#settled.splice(0)) settled()
  }

  /** Nothing runs, and nobody waits for what was said last. */
  get #isDone(): boolean {
    return this.#size === 0 && this.#leases.size === 0
  }

  /** A caller is gone from the router. */
  callerGone(source: number): void {
    // What still runs for it has been cancelled, or wants no reply; what has not arrived whole never will.
    const calls = this.#calls.get(source)
    for (const call of [...(calls?.values() ?? [])]) if (call.joiner !== undefined) this.#running.refuse(call, cutOff())
    if (calls?.size === 0) this.#calls.delete(source)
    else if (calls !== undefined) this.#gone.add(source)
    for (const exposure of this.#exposures.values()) exposure.callerGone(source)
  }

  /** The session is gone, and with it every caller; what has a lease goes on. Where it is `final`, the client is gone too. */
  lost(reason: string, final = false): void {
    const calls = [...this.#calls.values()].flatMap((one) => [...one.values()])
    const away = final ? this.#leases.clear() : []
    if (!final) this.#leases.lost()
    this.#running.lost([...calls.filter(({ isAway }) => !isAway), ...away], reason, final)
    for (const exposure of this.#exposures.values()) {
      exposure.callersGone()
      exposure.symbol = 0
    }
    this.#calls.clear()
    this.#gone.clear()
    this.#exposures.clear()
  }

  // ---- leases

  /** Whether anything has outlived its session, or would. */
  get hasLeases(): boolean {
    return this.#leases.size > 0
  }

  /** A later session has begun. Nothing else may have been said in it. */
  ask(): void {
    this.#leases.ask()
  }

  /** Where the calls belong that outlived the session before. */
  held(frame: FrameReader): void {
    for (const { call, to } of this.#leases.held(frame)) {
      if (to === undefined) this.#running.void(call)
      else {
        call.move(to.source, to.number)
        this.#place(call)
      }
    }
    this.#running.goOn()
    this.#look()
  }

  kept(frame: FrameReader): void {
    this.#leases.kept(frame)
    this.#look()
  }

  // ---- the end

  /** Gives back what has not started. Resolves when nothing runs any longer, and the router has for good what was said last. */
  drained(): Promise<void> {
    this.#running.giveBack(closing)
    if (this.#isDone) return Promise.resolve()
    return new Promise((resolve) => this.#settled.push(resolve))
  }

  /** The same, and takes nothing more. */
  close(): Promise<void> {
    this.#closing = true
    return this.drained()
  }
}

function methodOf(exposure: Exposure, frame: FrameReader, fields: CallFields | undefined): MethodContract | undefined {
  return fields?.method === undefined ? exposure.bySymbol.get(frame.method) : exposure.byName(fields.method)
}
