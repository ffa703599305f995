/** What a call takes with it: its arguments and the fields beside them, as bytes, and the streams that stand in them. Owns no calls. */
import { bodyBytes, joinFields, serialNumber, WaybillError } from '@waybill/core'
import type { BodyLimits, CallSpan } from '@waybill/core'
import { fieldsOf, type Within } from './call-fields.js'
import type { Connection } from './connection.js'
import type { Digest } from './digests/digest.js'
import { outgoingBody, type OutgoingBody } from './outgoing-body.js'
import { isAlone, isStored, type Request } from './request.js'
import type { Flow } from './streams/flows.js'
import { Gathering } from './streams/gathering.js'
import { cancelledUnsent, sessionGone } from './verdicts.js'

export interface Luggage {
  readonly body: OutgoingBody
  readonly fields: Uint8Array | undefined
  /** The fields instead, where a digest belongs to them that is not here yet. */
  readonly later?: Promise<Uint8Array> | undefined
  readonly streams: readonly Flow[]
}

export class Departure {
  readonly #gathering = new Gathering()
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
    digest: Digest
  }) {
    this.#digest = parts.digest
    this.#connection = parts.connection
    this.#incarnation = parts.incarnation
    this.#limits = parts.limits
    this.#running = parts.running
  }

  /** Throws what the call is refused with before it is sent. */
  pack(request: Request, args: readonly unknown[], counter: number, span: CallSpan | undefined): Luggage {
    const { signal } = request
    if (signal?.aborted === true) throw cancelledUnsent(signal.reason)
    if (request.refusal !== undefined) throw request.refusal
    if (isAlone(request) && request.address.symbol === 0) throw sessionGone()
    const { body, streams } = this.#bodyWithStreams(request, args)
    if (streams.length > 0 && request.semantics !== 'live') {
      throw new WaybillError('NotStorable', 'the arguments hold a stream, which ends with the connection of its caller')
    }
    const fields = this.#fields(request, counter, span)
    if (request.key === undefined) return { body, fields, streams }
    const { prepared, bytes = bodyBytes(prepared) } = body
    const digest = this.#digest(prepared.encoding, bytes, request.fields)
    const withIt = (field: Uint8Array): Uint8Array => joinFields([...(fields === undefined ? [] : [fields]), field])
    if (digest instanceof Promise) return { body, fields: undefined, later: digest.then(withIt), streams }
    return { body, fields: withIt(digest), streams }
  }

  #bodyWithStreams(request: Request, args: readonly unknown[]): Pick<Luggage, 'body' | 'streams'> {
    let body: OutgoingBody
    let streams: readonly Flow[] = []
    this.#gathering.begin(args)
    try {
      body = request.body ?? this.bodyOf(args, request.semantics !== 'send')
    } finally {
      // Also where it throws: nothing of it is kept.
      streams = this.#gathering.end()
    }
    return { body, streams }
  }

  /** Throws `NotRepresentable` or `TooLarge`. */
  bodyOf(args: readonly unknown[], withStreams = false): OutgoingBody {
    const streams = withStreams ? this.#gathering.take : undefined
    return outgoingBody(args.length === 0 ? undefined : args, 'arguments', this.#limits, this.#connection.pieceBytes, streams)
  }

  /** Throws `NotRepresentable` or `TooLarge`. */
  #fields(request: Request, counter: number, span: CallSpan | undefined): Uint8Array | undefined {
    const { semantics } = request
    const within = semantics === 'live' || semantics === 'durable' ? this.#running() : undefined
    return fieldsOf(request, { sn: isStored(request) ? serialNumber(this.#incarnation, counter) : undefined, within, span })
  }
}
