/**
 * What this client says to the callers of the calls that it runs: statuses, progress, and one terminal word. Owns how much of an error they are
 * told, and waits for credit where an answer is more than a few bytes. Decides nothing about the calls.
 */
import { captureError, disclosed, executed, executedFlag, Flag, FrameType, mintIncident, prepareBody, WaybillError } from '@waybill/core'
import type { BodyLimits, Executed, Ports, Progress } from '@waybill/core'
import { aside } from './aside.js'
import type { Connection, Sendable } from './connection.js'
import type { IncomingCall } from './incoming-call.js'
import { outgoingBody, writePiece } from './outgoing-body.js'

/** An exception that left this process without its details: what was thrown, and how the caller names it. */
export interface Incident {
  readonly incident: string
  readonly error: unknown
  readonly sn: string
  readonly service: string
  readonly method: string
}

export class Answers {
  readonly #connection: Connection
  readonly #ports: Ports
  readonly #limits: BodyLimits
  readonly #report: (incident: Incident) => void

  constructor(parts: { connection: Connection; ports: Ports; limits: BodyLimits; report: (incident: Incident) => void }) {
    this.#connection = parts.connection
    this.#ports = parts.ports
    this.#limits = parts.limits
    this.#report = parts.report
  }

  status(type: typeof FrameType.accepted | typeof FrameType.started, { source, number, dataField, isSilent }: IncomingCall): void {
    if (isSilent) return
    this.#connection.write({ type, destination: source, source: this.#symbol, call: number }, dataField)
  }

  /** Without credit it is left out: a later one, or the outcome, says more. Throws `NotRepresentable` or `TooLarge`. */
  progress({ source, number, dataField, isSilent }: IncomingCall, { total, completed, details }: Progress): void {
    if (isSilent || !this.#connection.hasCredit) return
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

  /** Throws `NotRepresentable` or `TooLarge`; then nothing was said. */
  result(call: IncomingCall, value: unknown): void {
    this.#answer(FrameType.result, call, 0, value, 'result')
  }

  /** What the method threw: of a class that may travel with its state, else its name and message, and an incident to find the rest by. */
  thrown(call: IncomingCall, thrown: unknown): void {
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
    const { code, message: exval, details } = disclosed(error, () => this.incident(call, error.cause ?? error))
    this.#answer(FrameType.exception, call, executedFlag(known), { exval, code, ...(details !== undefined && { details }) }, 'exception')
  }

  /** The call never started. */
  refuse({ source, number, dataField, isSilent, statusesWanted }: IncomingCall, error: WaybillError): void {
    const flags = (isSilent ? Flag.noReply : 0) | (statusesWanted ? Flag.statusesWanted : 0)
    this.reject(source, number, error, dataField, flags)
  }

  /** The same of a call of which nothing is kept; `flags` are those of its frame. */
  reject(destination: number, call: number, error: WaybillError, dataField: Uint8Array | undefined, flags: number): void {
    if ((flags & Flag.noReply) !== 0) return this.#over(destination, call, (flags & Flag.statusesWanted) !== 0)
    const { code, message: description, details } = disclosed(error, () => this.incident(undefined, error.cause ?? error))
    const body = prepareBody({ code, description, ...(details !== undefined && { details }) })
    this.#connection.write({ type: FrameType.rejected, destination, source: this.#symbol, call }, dataField, body)
  }

  /** Takes note of what callers are not told, and returns the number that they are. */
  incident(call: Pick<Incident, 'sn' | 'service' | 'method'> | undefined, error: unknown): string {
    const incident = mintIncident(this.#ports.random)
    const { sn = '', service = '', method = '' } = call ?? {}
    aside(() => this.#report({ incident, error, sn, service, method }))
    return incident
  }

  get #symbol(): number {
    return this.#connection.connected!.symbol
  }

  /** The end of a call that nobody hears of; the router may want to know it. */
  #over(destination: number, call: number, isAskedFor: boolean): void {
    if (isAskedFor) this.#connection.write({ type: FrameType.result, flags: Flag.noReply, destination, source: this.#symbol, call })
  }

  #answer(type: number, call: IncomingCall, flags: number, value: unknown, what: string): void {
    const { source, number, dataField } = call
    if (call.isSilent) return this.#over(source, number, call.statusesWanted)
    const body = outgoingBody(value, what, this.#limits, this.#connection.pieceBytes)
    const head = { type, flags, destination: source, source: this.#symbol, call: number }
    const { hasCredit, connected } = this.#connection
    let offset = hasCredit ? writePiece(this.#connection, head, dataField, body, 0) : 0
    if (hasCredit && offset === 0) return
    let next = hasCredit ? { ...head, type: FrameType.answerChunk as number, flags: 0 } : head
    const rest: Sendable = {
      writeNext: () => {
        // A result that belongs to a session that is gone has nobody to go to.
        if (this.#connection.connected !== connected) return false
        offset = writePiece(this.#connection, next, offset === 0 ? dataField : undefined, body, offset)
        next = { ...head, type: FrameType.answerChunk, flags: 0 }
        return offset > 0
      },
    }
    this.#connection.enqueue(rest)
  }
}
