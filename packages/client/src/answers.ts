/**
 * What this client says to the callers of the calls that it runs: statuses, progress, and one terminal word; nothing where no reply is wanted.
 * Owns how much of an error they are told, and waits for credit where an answer is more than a few bytes. Decides nothing about the calls.
 */
import { captureError, disclosed, executed, executedFlag, Flag, FrameType, mintIncident, prepareBody, WaybillError } from '@waybill/core'
import type { BodyLimits, Executed, Ports, Progress } from '@waybill/core'
import { aside } from './aside.js'
import type { Connection } from './connection.js'
import type { IncomingCall } from './incoming-call.js'
import { sendLastWord, type LastWord } from './last-words.js'
import type { Leases } from './leases.js'
import { outgoingBody, type OutgoingBody } from './outgoing-body.js'
import { dismiss, RESULT, type Flow } from './streams/flows.js'
import { Gathering } from './streams/gathering.js'
import { Way } from './streams/way.js'

/** An exception that left this process without its details: what was thrown, and how the caller names it. */
export interface Incident {
  readonly incident: string
  readonly error: unknown
  readonly sn: string
  readonly service: string
  readonly method: string
}

type About = Pick<Incident, 'sn' | 'service' | 'method'>

/** Who is answered, and what they want to hear: a call, or what is known of one that was refused at the door. */
export interface Addressee {
  /** The caller's symbol and its number for the call. */
  readonly source: number
  readonly number: number
  readonly lease: string | undefined
  readonly isAway: boolean
  /** Of the call's frame. */
  readonly flags: number
  readonly dataField: Uint8Array | undefined
}

const WANTED = Flag.statusesWanted | Flag.noReply

export class Answers {
  readonly #connection: Connection
  readonly #leases: Leases
  readonly #ports: Ports
  readonly #limits: BodyLimits
  readonly #report: (incident: Incident) => void
  readonly #gathering = new Gathering()

  constructor(parts: { connection: Connection; leases: Leases; ports: Ports; limits: BodyLimits; report: (incident: Incident) => void }) {
    this.#connection = parts.connection
    this.#leases = parts.leases
    this.#ports = parts.ports
    this.#limits = parts.limits
    this.#report = parts.report
  }

  /** Only where somebody listens, and is there. */
  status(type: typeof FrameType.accepted | typeof FrameType.started, { source, number, isAway, flags, dataField }: IncomingCall): void {
    if (isAway || (flags & WANTED) !== Flag.statusesWanted) return
    this.#connection.write({ type, destination: source, source: this.#symbol, call: number }, dataField)
  }

  /** Without credit, or a session, it is left out: a later one, or the outcome, says more. Throws `NotRepresentable` or `TooLarge`. */
  progress({ source, number, isAway, flags, dataField }: IncomingCall, { total, completed, details }: Progress): void {
    if (isAway || isSilent(flags) || !this.#connection.hasCredit) return
    const body = prepareBody({ total, completed, ...(details !== undefined && { details }) }, this.#limits, 'progress')
    const { pieceBytes } = this.#connection
    if (body.byteLengthBound > pieceBytes) {
      throw new WaybillError('TooLarge', 'the details of a progress are too large', {
        executed: 'maybe',
        details: { limit: pieceBytes, size: body.byteLengthBound },
      })
    }
    this.#connection.write({ type: FrameType.progress, destination: source, source: this.#symbol, call: number }, dataField, body)
  }

  /**
   * Throws `NotRepresentable` or `TooLarge`; then nothing was said. Returns the streams in the value: with any, the call goes on
   * until they have ended.
   */
  result(call: IncomingCall, value: unknown): readonly Flow[] {
    if (isSilent(call.flags)) return this.#unheard(call, value)
    this.#gathering.begin(value)
    let streams: readonly Flow[] | undefined
    try {
      const body = outgoingBody(value, 'result', this.#limits, this.#connection.pieceBytes, this.#gathering.take)
      streams = this.#gathering.end()
      if (streams.length === 0) this.#say(call, { type: FrameType.result, flags: 0, dataField: call.dataField, body })
      else this.#open(call, streams, body)
      return streams
    } catch (thrown) {
      dismiss(streams ?? this.#gathering.end())
      throw thrown
    }
  }

  /** A result that goes nowhere: the streams in it, as far as it can be read, are told that nobody will read them. */
  dismiss(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    this.#gathering.begin(value)
    try {
      prepareBody(value, this.#limits, 'result', this.#gathering.take)
    } catch {
      // It could not have been sent either.
    }
    dismiss(this.#gathering.end())
  }

  /** What a generator returned, after all that it gave. Throws as `result` does. */
  returned(call: IncomingCall, value: unknown): void {
    this.#answer(FrameType.result, call, 0, value, 'return value')
  }

  /** A result with streams in it; where it is a stream itself, there is nothing more to say. */
  #open({ source, number, flags, dataField }: IncomingCall, streams: readonly Flow[], body: OutgoingBody): void {
    if ((flags & Flag.durable) !== 0) {
      throw new WaybillError('NotRepresentable', 'the result of a stored call holds a stream, which ends with the connection of its caller')
    }
    const [first] = streams
    const isWhole = first!.number === RESULT && first!.kind === 'values'
    if (body.prepared.byteLengthBound > this.#connection.pieceBytes) {
      throw new WaybillError('TooLarge', 'a result with streams in it has to fit in one frame', {
        details: { limit: this.#connection.pieceBytes, size: body.prepared.byteLengthBound },
      })
    }
    const head = { type: FrameType.opened, destination: source, source: this.#symbol, call: number }
    this.#connection.write(head, dataField, isWhole ? undefined : body.prepared)
  }

  /** The result of a call that nobody waits for. */
  #unheard(call: IncomingCall, value: unknown): readonly Flow[] {
    this.dismiss(value)
    this.#over(call)
    return []
  }

  /** The way to the caller, for streams. */
  way(call: IncomingCall): Way {
    return new Way(this.#connection, call.number, call.source)
  }

  /** What the method threw: of a class that may travel with its state, else its name and message, and an incident to find the rest by. */
  thrown(call: IncomingCall, thrown: unknown): void {
    if (isSilent(call.flags)) return this.#untold(call, thrown, call)
    const { xclass, message: exval, xstate } = captureError(thrown, call.contract.errors)
    const flags = executedFlag(executed('calleeDone'))
    try {
      if (xstate !== undefined) return this.#answer(FrameType.exception, call, flags, { exval, xclass, xstate }, 'exception')
    } catch {
      // Its state cannot travel; its class and message can.
    }
    this.#answer(FrameType.exception, call, flags, { exval, xclass, incident: this.incident(call, thrown) }, 'exception')
  }

  /** An end that is not the method's own word. */
  except(call: IncomingCall, error: WaybillError, known: Executed): void {
    if (isSilent(call.flags)) return this.#untold(call, error.cause ?? error, call)
    const { code, message: exval, details } = disclosed(error, () => this.incident(call, error.cause ?? error))
    this.#answer(FrameType.exception, call, executedFlag(known), { exval, code, ...(details !== undefined && { details }) }, 'exception')
  }

  /** The call never started. `about` is the call, where there was one. */
  reject(to: Addressee, error: WaybillError, about?: About): void {
    if (isSilent(to.flags)) return this.#untold(to, error.cause ?? error, about)
    const { code, message: description, details } = disclosed(error, () => this.incident(about, error.cause ?? error))
    const prepared = prepareBody({ code, description, ...(details !== undefined && { details }) })
    const { dataField } = to
    if (to.lease !== undefined)
      return this.#say(to, { type: FrameType.rejected, flags: 0, dataField, body: { prepared, bytes: undefined } })
    this.#connection.write({ type: FrameType.rejected, destination: to.source, source: this.#symbol, call: to.number }, dataField, prepared)
  }

  /** Something went wrong in a call whose caller wants to hear nothing: it is known here, or nowhere. */
  #untold(to: Addressee, error: unknown, about: About | undefined): void {
    this.incident(about, error)
    this.#over(to)
  }

  /** The end of a call without a reply, whatever it was; only where the router, and nobody else, asks for it. */
  #over({ source, number, flags }: Addressee): void {
    if ((flags & Flag.statusesWanted) === 0) return
    this.#connection.write({ type: FrameType.result, flags: Flag.noReply, destination: source, source: this.#symbol, call: number })
  }

  /** Takes note of what callers are not told, and returns the number that they are. */
  incident(call: About | undefined, error: unknown): string {
    const incident = mintIncident(this.#ports.random)
    const { sn = '', service = '', method = '' } = call ?? {}
    aside(() => this.#report({ incident, error, sn, service, method }))
    return incident
  }

  get #symbol(): number {
    return this.#connection.connected!.symbol
  }

  #answer(type: number, call: IncomingCall, flags: number, value: unknown, what: string): void {
    const body = outgoingBody(value, what, this.#limits, this.#connection.pieceBytes)
    this.#say(call, { type, flags, dataField: call.dataField, body })
  }

  /** The last word: of what may outlive its session it is kept until the router has it for good. */
  #say(to: Addressee, word: LastWord): void {
    if (to.lease === undefined) sendLastWord(this.#connection, word, to)
    else this.#leases.said(to, word)
  }
}

function isSilent(flags: number): boolean {
  return (flags & Flag.noReply) !== 0
}
