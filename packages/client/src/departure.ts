/** What a call takes with it: its arguments and the fields beside them, as bytes, and the streams that stand in them. Owns no calls. */
import { bodyBytes, isPlain, joinFields, serialNumber, snapshot, WaybillError } from '@waybill/core'
import type { BodyLimits, CallSpan, TakeStream } from '@waybill/core'
import { fieldsOf, type Within } from './call-fields.js'
import type { Connection } from './connection.js'
import { Held, READY, type Late } from './late.js'
import type { Digest } from './digests/digest.js'
import { outgoingBody, type OutgoingBody } from './outgoing-body.js'
import { isAlone, isStored, type Request } from './request.js'
import type { CallerStreams } from './streams/caller.js'
import type { Flow } from './streams/flows.js'
import type { Gathering } from './streams/gathering.js'
import { cancelledUnsent, sessionGone } from './verdicts.js'

export interface Luggage {
  readonly body: OutgoingBody
  readonly fields: Uint8Array | undefined
  /** The fields instead, where a digest belongs to them that is not here yet. */
  readonly later?: Promise<Uint8Array> | undefined
  readonly streams: readonly Flow[]
}

const NO_STREAMS: readonly Flow[] = []

export class Departure {
  readonly #streams: Late<CallerStreams>
  readonly #held = new Held()
  #gathering: Gathering | undefined
  readonly #connection: Connection
  readonly #incarnation: string
  readonly #limits: BodyLimits
  readonly #running: () => Within | undefined
  readonly #digest: Digest

  /** `running`: the call that this client runs now, if any. */
  constructor(parts: {
    connection: Connection
    incarnation: string
    limits: BodyLimits
    running: () => Within | undefined
    streams: Late<CallerStreams>
    digest: Digest
  }) {
    this.#streams = parts.streams
    this.#digest = parts.digest
    this.#connection = parts.connection
    this.#incarnation = parts.incarnation
    this.#limits = parts.limits
    this.#running = parts.running
  }

  /** Throws what a call is refused with whatever its arguments are. */
  check(request: Request): void {
    const { signal } = request
    if (signal?.aborted === true) throw cancelledUnsent(signal.reason)
    if (request.refusal !== undefined) throw request.refusal
    if (isAlone(request) && request.address.symbol === 0) throw sessionGone()
  }

  /** The call, or one before it, needs what is not loaded yet. */
  isLate(request: Request, args: readonly unknown[]): boolean {
    return this.#held.isAhead || this.#needsMore(request, args)
  }

  #needsMore({ body }: Request, args: readonly unknown[]): boolean {
    return this.#streams.now === undefined && body === undefined && !isPlain(args, this.#limits)
  }

  /** Calls `go` when that is there, with the arguments as they are now. */
  later(request: Request, args: readonly unknown[], go: (taken: readonly unknown[]) => void): void {
    const taken = snapshot(args, this.#limits.maxDepth) as readonly unknown[]
    this.#held.hold(this.#needsMore(request, args) ? this.#streams.load() : READY, () => go(taken))
  }

  /** Throws what the call is refused with before it is sent. `fields`: those that are known without the arguments. */
  pack(request: Request, args: readonly unknown[], fields: Uint8Array | undefined): Luggage {
    const { body, streams } = this.#bodyWithStreams(request, args)
    if (streams.length > 0 && request.semantics !== 'live') {
      throw new WaybillError('NotStorable', 'the arguments hold a stream, which ends with the connection of its caller')
    }
    if (request.key === undefined) return { body, fields, streams }
    const { prepared, bytes = bodyBytes(prepared) } = body
    const digest = this.#digest(prepared.encoding, bytes, request.fields)
    const withIt = (field: Uint8Array): Uint8Array => joinFields([...(fields === undefined ? [] : [fields]), field])
    if (digest instanceof Promise) return { body, fields: undefined, later: digest.then(withIt), streams }
    return { body, fields: withIt(digest), streams }
  }

  #bodyWithStreams(request: Request, args: readonly unknown[]): Pick<Luggage, 'body' | 'streams'> {
    if (request.body !== undefined) return { body: request.body, streams: NO_STREAMS }
    const gathering = (this.#gathering ??= this.#streams.now?.gathering())
    if (gathering === undefined || request.semantics === 'send') return { body: this.bodyOf(args), streams: NO_STREAMS }
    let body: OutgoingBody
    let streams: readonly Flow[] = NO_STREAMS
    gathering.begin(args)
    try {
      body = this.bodyOf(args, gathering.take)
    } finally {
      // Also where it throws: nothing of it is kept.
      streams = gathering.end()
    }
    return { body, streams }
  }

  /** Throws `NotRepresentable` or `TooLarge`. */
  bodyOf(args: readonly unknown[], streams?: TakeStream): OutgoingBody {
    return outgoingBody(args.length === 0 ? undefined : args, 'arguments', this.#limits, this.#connection.pieceBytes, streams)
  }

  /** Throws `NotRepresentable` or `TooLarge`. */
  fields(request: Request, counter: number, span: CallSpan | undefined): Uint8Array | undefined {
    const { semantics } = request
    const within = semantics === 'live' || semantics === 'durable' ? this.#running() : undefined
    return fieldsOf(request, { sn: isStored(request) ? serialNumber(this.#incarnation, counter) : undefined, within, span })
  }
}
