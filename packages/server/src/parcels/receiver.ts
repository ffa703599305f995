/**
 * One registered name, as a client of the router: it takes parcels, says what becomes of them, and is told what became of its own. Owns the parcels that its
 * program has and has not answered, and what that program is to be told. How these reach it is not decided here.
 */
import {
  encodings,
  executedFlag,
  Flag,
  FrameType,
  isSerialNumber,
  prepareBody,
  bodyBytes,
  readAddressees,
  serialText,
  Tag,
  WaybillError,
  writeIds,
  writeParcel,
  type Executed,
  type FrameHead,
} from '@waybill/core'
import { outcomeBody, rejectionBody } from '../answers.js'
import { fieldText, Pieces, type Frame } from '../gateways/json-frames.js'
import type { Receipt } from '../model.js'
import { contentOf, failureContent, type Content, type Large } from './content.js'
import { RECEIVE } from './inbox.js'
import type { InnerClient } from './inner-client.js'
import { outcomeOf } from './outcome.js'
import type { PostbackIds } from './postback-ids.js'

/** What a receiver's program gets: somebody's parcel, or what became of one of its own. */
export interface Item extends Content {
  /** What it is acknowledged under: of a parcel the id of its postback, of an outcome the serial number. */
  readonly id: string
  readonly kind: 'parcel' | 'result' | 'exception' | 'rejected'
  /** The receipt of the call that it is of. */
  readonly sn: string
  /** The client that sent it. */
  readonly from: string
  /** How often it was handed over. */
  readonly attempt: number
}

/** A parcel that is not answered. */
interface Held {
  readonly id: string
  readonly sn: string
  readonly lease: string
  readonly source: number
  readonly call: number
  isReceived: boolean
}

export interface ReceiverParts {
  readonly ids: PostbackIds
  readonly maxBodyBytes: number
  /** The receipt of a call in somebody's hands. */
  readonly receiptOf: (lease: string) => Receipt | undefined
  /** The bytes of its parcel, where they are not in the frame. */
  readonly largeOf: (receipt: Receipt) => Large | undefined
  /** Something is for the receiver's program. */
  readonly came: (item: Item) => void
  /** The parcel of this id is to be had no more. */
  readonly gone: (id: string) => void
  /** The parcel of this id, which it had at an earlier start, can be answered. */
  readonly returned?: (id: string) => void
  /** It is answered, or its receiver has it no more. */
  readonly over?: (id: string) => void
}

export class Receiver {
  readonly #parts: ReceiverParts
  readonly #pieces: Pieces
  /** By the id of the postback, and by who is answered. */
  readonly #held = new Map<string, Held>()
  readonly #byCall = new Map<string, Held>()
  readonly #callers = new Map<number, string>()
  /** Asked about after a start, until that is answered. */
  #asked: readonly Held[] = []
  /** Resolves when that was answered, or it is here no more. */
  readonly settled: Promise<void>
  #settle!: () => void
  #client!: InnerClient
  #method = 0

  constructor(parts: ReceiverParts) {
    this.#parts = parts
    this.#pieces = new Pieces(parts.maxBodyBytes)
    this.settled = new Promise((resolve) => (this.#settle = resolve))
  }

  get client(): InnerClient {
    return this.#client
  }

  /** Here it is, with those that it had acknowledged at an earlier start. Before it offers anything. */
  begin(client: InnerClient, received: readonly Receipt[]): void {
    this.#client = client
    this.#asked = received.map((receipt) => ({
      id: this.#parts.ids.of(receipt.ordinal),
      sn: receipt.sn,
      lease: receipt.lease!.token,
      source: 0,
      call: 0,
      isReceived: true,
    }))
    const leases = writeIds(this.#asked.map(({ lease }) => lease))
    client.frame({ type: FrameType.holds }, [], leases.byteLength === 0 ? encodings.none : encodings.bytes, leases)
    client.flush()
    if (this.#asked.length === 0) this.#settle()
  }

  /** What the method of the inbox is called on the wire. */
  offered(method: number): void {
    this.#method = method
  }

  has(id: string): boolean {
    return this.#held.has(id)
  }

  leaseOf(id: string): string | undefined {
    return this.#held.get(id)?.lease
  }

  /** It is here no more: whatever it had is somebody else's. */
  end(): void {
    this.#settle()
    for (const held of this.#held.values()) this.#forget(held)
  }

  // ---- what its program says

  /** It has the parcel: from now on nobody else gets it. */
  received(id: string): void {
    const held = this.#held.get(id)
    if (held === undefined || held.isReceived) return
    held.isReceived = true
    this.#say(held, { type: FrameType.accepted })
    this.#say(held, { type: FrameType.started })
    this.#client.flush()
  }

  /** The result. Throws `TooLarge`; then nothing has changed. */
  succeeded(id: string, content: Content): void {
    this.#end(id, { type: FrameType.result }, encodings.parcel, writeParcel(content))
  }

  /** It failed, as its program says, or as was found out. */
  failed(id: string, error: WaybillError | string, executed: Executed): void {
    const body = prepareBody(typeof error === 'string' ? { exval: error } : outcomeBody(error))
    this.#end(id, { type: FrameType.exception, flags: executedFlag(executed) }, body.encoding, bodyBytes(body))
  }

  /** It was not taken: nothing was done. */
  refused(id: string, error: WaybillError): void {
    const body = prepareBody(rejectionBody(error))
    this.#end(id, { type: FrameType.rejected }, body.encoding, bodyBytes(body))
  }

  /** Its program knows what became of its own parcel. */
  taken(sn: string): void {
    this.#client.frame({ type: FrameType.taken }, [], encodings.bytes, writeIds([sn]))
    this.#client.flush()
  }

  #end(id: string, head: FrameHead, encoding: number, body: Uint8Array): void {
    const held = this.#held.get(id)
    if (held === undefined) return
    this.#say(held, head, encoding, body)
    this.#forget(held)
    this.#client.flush()
  }

  #say({ source, call }: Pick<Held, 'source' | 'call'>, head: FrameHead, encoding?: number, body?: Uint8Array): void {
    this.#client.frame({ ...head, destination: source, call }, [], encoding, body)
  }

  // ---- what the router says

  frame(frame: Frame): void {
    switch (frame.type) {
      case FrameType.call:
        return this.#call(frame)
      case FrameType.callChunk:
        return this.#chunk(frame)
      case FrameType.cancel:
        return this.#cancel(frame)
      case FrameType.symbol:
        return this.#learn(frame)
      case FrameType.held:
        return this.#answered(frame)
      case FrameType.result:
      case FrameType.exception:
      case FrameType.rejected:
      case FrameType.answerChunk:
        return this.#outcome(frame)
      default:
        // Statuses of its own parcels, heartbeats, and what is said of leases, which it does not keep by itself.
        return
    }
  }

  #call(frame: Frame): void {
    try {
      if ((frame.flags & Flag.more) === 0) this.#take(frame)
      else this.#pieces.begin(keyOf(frame), frame)
    } catch (thrown) {
      this.#refuse(frame, WaybillError.from(thrown, 'no'))
    }
  }

  #chunk(frame: Frame): void {
    const first = this.#pieces.first(keyOf(frame))
    if (first === undefined) return
    try {
      const whole = this.#pieces.add(keyOf(frame), frame.body, (frame.flags & Flag.more) === 0)
      if (whole !== undefined) this.#take(whole)
    } catch (thrown) {
      this.#refuse(first, WaybillError.from(thrown, 'no'))
    }
  }

  #take(frame: Frame): void {
    const method = fieldText(frame, Tag.method)
    if (method === undefined ? frame.method !== this.#method : method !== RECEIVE)
      throw new WaybillError('NoSuchMethod', `an inbox has one method, ${RECEIVE}`)
    const lease = frame.fields.get(Tag.lease)
    const token = lease && serialText(lease).replaceAll('-', '')
    const receipt = token === undefined ? undefined : this.#parts.receiptOf(token)
    if (token === undefined || receipt === undefined)
      throw new WaybillError('Rejected', 'who comes for parcels takes stored calls alone: dispatch it, or call with .async')
    const { head, bytes } = contentOf(frame.encoding, frame.body, 'no')
    const large = this.#parts.largeOf(receipt)
    const { sn, ordinal } = receipt
    const held: Held = { id: this.#parts.ids.of(ordinal), sn, lease: token, source: frame.source, call: frame.call, isReceived: false }
    this.#hold(held)
    const from = this.#callers.get(frame.source) ?? receipt.terms.client
    this.#parts.came({
      id: held.id,
      kind: 'parcel',
      sn,
      from,
      attempt: Math.max(1, frame.attempt),
      head,
      bytes: bytes.slice(),
      ...(large && { large }),
    })
  }

  #refuse(frame: Frame, error: WaybillError): void {
    const body = prepareBody(rejectionBody(error))
    this.#say(frame, { type: FrameType.rejected }, body.encoding, bodyBytes(body))
  }

  /** Nobody can tell its program: what it does of it counts for nothing. */
  #cancel(frame: Frame): void {
    const held = this.#byCall.get(keyOf(frame))
    if (held === undefined) return this.#pieces.drop(keyOf(frame))
    const body = prepareBody(outcomeBody(new WaybillError('Cancelled', 'the parcel was cancelled')))
    this.#say(held, { type: FrameType.exception, flags: executedFlag('maybe') }, body.encoding, bodyBytes(body))
    this.#forget(held)
    this.#parts.gone(held.id)
  }

  #learn({ source, fields }: Frame): void {
    const who = fields.get(Tag.principal)
    if (who === undefined) return void this.#callers.delete(source)
    const [client] = JSON.parse(Buffer.from(who).toString()) as [string]
    this.#callers.set(source, client)
  }

  /** To whom those are answered that it has had since an earlier start. What is its own no more was ended meanwhile. */
  #answered(frame: Frame): void {
    const addressees = readAddressees(frame.body)
    for (const [index, { source, call }] of addressees.entries()) {
      const held = this.#asked[index]
      if (held === undefined || (source === 0 && call === 0)) continue
      this.#hold({ ...held, source, call })
      this.#parts.returned?.(held.id)
    }
    this.#asked = this.#asked.slice(addressees.length)
    if (this.#asked.length === 0) this.#settle()
  }

  #outcome(frame: Frame): void {
    const field = frame.fields.get(Tag.sn)
    const sn = field && serialText(field)
    if (sn === undefined || !isSerialNumber(sn)) return
    const isLast = (frame.flags & Flag.more) === 0
    if (frame.type !== FrameType.answerChunk && !isLast) return this.#pieces.begin(sn, frame)
    const whole = frame.type === FrameType.answerChunk ? this.#pieces.add(sn, frame.body, isLast) : frame
    if (whole !== undefined) this.#parts.came({ id: sn, sn, from: '', attempt: 1, ...itemOf(whole) })
  }

  #hold(held: Held): void {
    this.#held.set(held.id, held)
    this.#byCall.set(keyOf(held), held)
  }

  #forget(held: Held): void {
    this.#held.delete(held.id)
    this.#byCall.delete(keyOf(held))
    this.#parts.over?.(held.id)
  }
}

function itemOf(frame: Frame): Pick<Item, 'kind' | 'head' | 'bytes'> {
  const { content, failure } = outcomeOf([frame])
  if (content !== undefined) return { kind: 'result', head: content.head, bytes: content.bytes.slice() }
  return { kind: frame.type === FrameType.rejected ? 'rejected' : 'exception', ...failureContent(failure) }
}

function keyOf({ source, call }: Pick<Held, 'source' | 'call'>): string {
  return `${source}/${call}`
}
