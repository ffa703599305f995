/**
 * What a JSON client serves: the services that it offers, who calls it, and the calls that it was given and has not answered. Owns what their symbols
 * mean, so that the client sees names only; where answers go, the call says and not the client.
 */
import {
  encodings,
  ENVELOPE_VERSION,
  executedFlag,
  extensionField,
  Flag,
  FrameType,
  parseBody,
  serialNumber,
  serialText,
  streamConstants,
  Tag,
  WaybillError,
  type FrameHead,
} from '@waybill/core'
import type { Asking } from './json-asking.js'
import { fieldJson, fieldText, Pieces, unknownMembers, type Frame } from './json-frames.js'
import { givenArguments, jsonField, requestText, textFields } from './json-given.js'
import {
  neededSerial,
  objectOf,
  readAnswer,
  readRegister,
  refusalAsException,
  textOf,
  type Answer,
  type Members,
  type Registered,
} from './json-messages.js'
import { parcelBody } from './json-parcels.js'
import { markedBody, readStreams, type Placed } from './json-places.js'
import type { StreamWord } from './json-stream-words.js'
import { CallStreams, sayUnread } from './json-streams.js'
import { bytesOf, encodingOf, quote, type JsonWire } from './json-wire.js'

const DESCRIBE = 'waybill.describe'
/** Of calls that the client was given and never answers, and of what their callers want to have back. */
const MOST_CALLS = 65_536
const MOST_DATA_BYTES = 32 * 1024 * 1024
/** Of streams in the arguments of such calls. */
const MOST_STREAMS = 65_536

interface Instance {
  readonly offer: Registered
  readonly methods: ReadonlyMap<number, string>
}

interface Caller {
  readonly client: string
  readonly principal: string
  readonly incarnation: string
}

/** A call that the client has. */
interface Given {
  readonly sn: string
  readonly source: number
  readonly call: number
  readonly flags: number
  /** The caller's own, which goes back with every status and the outcome. */
  readonly data: Uint8Array | undefined
  /** Its streams, in both directions, and how many of them stood in the arguments. */
  streams?: CallStreams
  streamCount?: number
  /** The client has said that it runs. */
  hasBegun?: boolean
  /** Its result is said, and the call goes on until the streams in it have ended. */
  isOpened?: boolean
}

export class Serving {
  readonly #wire: JsonWire
  readonly #asking: Asking
  readonly #pieces: Pieces
  readonly #instances = new Map<number, Instance>()
  readonly #callers = new Map<number, Caller>()
  readonly #bySerial = new Map<string, Given>()
  readonly #byCall = new Map<string, Given>()
  #dataBytes = 0
  #streamCount = 0

  constructor(wire: JsonWire, asking: Asking) {
    this.#wire = wire
    this.#asking = asking
    this.#pieces = new Pieces(wire.limits.maxBodyBytes)
  }

  // ---- from the client

  register(members: Members): void {
    const offer = readRegister(members)
    this.#asking.own(members, 'offer', JSON.stringify([[offer]]), (frame) => {
      const [offered] = parseBody(frame.encoding, frame.body) as readonly [{ symbol: number; methods: readonly number[] }]
      this.#instances.set(offered.symbol, { offer, methods: new Map(offered.methods.map((symbol, at) => [symbol, offer.methods[at]!])) })
      return JSON.stringify({ service: offer.service, version: offer.version })
    })
  }

  /** Calls that cross it are refused by the door, as they have not been handed over. */
  unregister(members: Members): void {
    const withdrawn = objectOf(members, 'unregister')
    const service = textOf(withdrawn, 'service')
    const version = textOf(withdrawn, 'version')
    const found = [...this.#instances].filter(([, { offer }]) => offer.service === service && (version ?? offer.version) === offer.version)
    if (found.length === 0) throw new WaybillError('NoSuchService', 'this client offers no such service')
    const symbols = found.map(([symbol]) => symbol)
    this.#asking.own(members, 'withdraw', JSON.stringify([symbols]), () => {
      for (const symbol of symbols) this.#instances.delete(symbol)
      return JSON.stringify(found.map(([, { offer }]) => ({ service: offer.service, version: offer.version })))
    })
  }

  /** A status or the outcome of a call that the client has; of any other nobody wants to know. */
  answer(members: Members, kind: 'status' | 'result'): void {
    const answer = readAnswer(members, kind)
    const given = this.#bySerial.get(neededSerial(members).toLowerCase())
    if (given === undefined) return
    const streams = answer.kind === 'result' ? readStreams(objectOf(members, 'result'), 'r') : []
    if (streams.length > 0 && answer.kind === 'result') return this.#open(given, answer.retval ?? bytesOf('null'), streams)
    if (answer.kind === 'rejected') return this.#rejected(given, answer, members)
    if (answer.kind === 'started' || answer.kind === 'progress') given.hasBegun = true
    this.#say(given, answer)
    if (answer.kind === 'result' || answer.kind === 'parcel' || answer.kind === 'exception') this.#forget(given)
  }

  /** What has begun is refused no more, and the router would drop such a word: its caller hears it as an exception. Streams have begun with their credit. */
  #rejected(given: Given, answer: Answer, members: Members): void {
    if (given.hasBegun || given.isOpened)
      return this.#end(given, { code: 'ProtocolViolation', exval: 'the call was refused after it had begun', executed: 'maybe' })
    this.#say(given, given.streams === undefined ? answer : refusalAsException(members))
    this.#forget(given)
  }

  /** A result with streams in it. Where nobody can read them, the client is told to stop, and the call has ended. */
  #open(given: Given, retval: Uint8Array, placed: readonly Placed[]): void {
    if (given.isOpened) throw new WaybillError('ProtocolViolation', 'the result of this call was said already')
    const body = markedBody(retval, placed)
    if ((given.flags & (Flag.noReply | Flag.durable)) !== 0) {
      sayUnread(this.#wire, given.sn, 'r', placed)
      return this.#end(given, {
        code: 'NotRepresentable',
        exval: 'the result of a call whose caller does not wait holds a stream',
        executed: 'yes',
      })
    }
    this.#frame(given, FrameType.opened, 0, body, encodings.rich)
    given.isOpened = true
    this.#streamsOf(given).send(placed, streamConstants.windowBytes)
  }

  /** What the client says of a stream of a call that it was given. With the end of the last one of the result the call ends. */
  streamed(members: Members, word: StreamWord): void {
    const given = this.#bySerial.get(neededSerial(members).toLowerCase())
    const streams = given?.streams
    if (given === undefined || streams === undefined) return
    try {
      if (word.kind === 'end' && word.number === 0 && given.isOpened) {
        streams.sent(word.number)
        this.#say(given, word.outcome)
        return this.#forget(given)
      }
      streams.heard(word)
      if (word.kind !== 'end' || !given.isOpened || !streams.isSent) return
      this.#say(given, { kind: 'result', retval: undefined })
      this.#forget(given)
    } catch (thrown) {
      const { code, message: exval } = WaybillError.from(thrown)
      this.#cancelled(given, exval)
      this.#end(given, { code, exval, executed: 'maybe' })
    }
  }

  /** The call ends with an exception of the door's own. */
  #end(given: Given, { executed, ...body }: { readonly code: string; readonly exval: string; readonly executed: 'maybe' | 'yes' }): void {
    this.#say(given, { kind: 'exception', body: JSON.stringify(body), executed })
    this.#forget(given)
  }

  #streamsOf(given: Given): CallStreams {
    return (given.streams ??= new CallStreams({
      wire: this.#wire,
      pieces: this.#pieces,
      key: keyOf(given),
      sn: given.sn,
      isCaller: false,
      destination: given.source,
      call: given.call,
      broken: ({ message }) => this.#cancelled(given, message),
    }))
  }

  #say(given: Given, answer: Answer): void {
    const { flags } = given
    const isLast = ['result', 'parcel', 'exception', 'rejected'].includes(answer.kind)
    if ((flags & Flag.noReply) !== 0) return isLast ? this.#over(given) : undefined
    if ((answer.kind === 'accepted' || answer.kind === 'started') && (flags & Flag.statusesWanted) === 0) return
    if (answer.kind === 'parcel') return this.#frame(given, FrameType.result, 0, parcelBody(answer.said), encodings.parcel)
    const body = 'body' in answer ? bytesOf(answer.body) : answer.kind === 'result' ? answer.retval : undefined
    const executed = answer.kind === 'exception' ? executedFlag(answer.executed) : 0
    this.#frame(given, FrameType[answer.kind], executed, body)
  }

  /** The end of a call that nobody waits for; said where the router asks for it. */
  #over({ source, call, flags }: Pick<Given, 'source' | 'call' | 'flags'>): void {
    if ((flags & Flag.statusesWanted) === 0) return
    const head = { type: FrameType.result, flags: Flag.noReply, destination: source, source: this.#wire.self.symbol, call }
    this.#wire.frame(head, [])
  }

  #frame(to: Omit<Given, 'sn' | 'flags'>, type: number, flags: number, body: Uint8Array | undefined, encoding?: number): void {
    const { source, call, data } = to
    const head: FrameHead = { type, flags, destination: source, source: this.#wire.self.symbol, call }
    this.#wire.frame(head, data === undefined ? [] : [extensionField(Tag.data, data)], encoding ?? encodingOf(body), body)
  }

  // ---- from the router

  /** Who a caller is, or that it is gone. */
  learn(frame: Frame): void {
    if (frame.source === 0) return
    const who = fieldJson(frame, Tag.principal)
    if (who === undefined) return void this.#callers.delete(frame.source)
    const [client, principal, incarnation] = JSON.parse(who) as [string, string, string]
    this.#callers.set(frame.source, { client, principal, incarnation })
  }

  /** What another client wrote is its own fault: it is refused, and this one does not hear of it. */
  call(frame: Frame): void {
    try {
      if ((frame.flags & Flag.more) === 0) this.#give(frame)
      else this.#pieces.begin(keyOf(frame), frame)
    } catch (thrown) {
      this.#refuse(frame, WaybillError.from(thrown, 'no'))
    }
  }

  callChunk(frame: Frame): void {
    const first = this.#pieces.first(keyOf(frame))
    if (first === undefined) return
    try {
      const whole = this.#pieces.add(keyOf(frame), frame.body, (frame.flags & Flag.more) === 0)
      if (whole !== undefined) this.#give(whole)
    } catch (thrown) {
      this.#refuse(first, WaybillError.from(thrown, 'no'))
    }
  }

  cancel(frame: Frame): void {
    const given = this.#byCall.get(keyOf(frame))
    if (given === undefined) return this.#pieces.drop(keyOf(frame))
    this.#cancelled(given, reasonOf(frame))
  }

  stream(frame: Frame): void {
    this.#byCall.get(keyOf(frame))?.streams?.frame(frame)
  }

  #cancelled({ sn, source }: Given, reason: string | undefined): void {
    this.#wire.say([
      ['sn', quote(sn)],
      ['version', quote(ENVELOPE_VERSION)],
      ['routing', `[${quote(this.#callers.get(source)?.client ?? 'unknown')},${quote(this.#wire.self.name)}]`],
      ['cancel', reason === undefined ? '{}' : JSON.stringify({ reason })],
    ])
  }

  #give(frame: Frame): void {
    const { self } = this.#wire
    const instance = this.#instances.get(frame.destination)
    if (instance === undefined) throw new WaybillError('NoSuchService', `${self.name} has taken this service back`)
    const { offer } = instance
    const method = fieldText(frame, Tag.method) ?? instance.methods.get(frame.method)
    if (method === DESCRIBE) return this.#describe(frame, offer)
    if (method === undefined || !offer.methods.includes(method))
      throw new WaybillError('NoSuchMethod', `${offer.service} exposes no such method`)
    const caller = this.#callers.get(frame.source) ?? { client: 'unknown', principal: 'unknown', incarnation: '0'.repeat(20) }
    const sn = frame.fields.get(Tag.sn)
    const given: Given = { sn: sn ? serialText(sn) : serialNumber(caller.incarnation, frame.call), ...addressee(frame) }
    const isSilent = (frame.flags & Flag.noReply) !== 0
    const args = givenArguments(frame)
    const request = requestText(frame, offer.service, method, args)
    const carried = [
      ...(isSilent ? [] : [['replyto', quote(caller.client)] as const]),
      ['principal', quote(caller.principal)] as const,
      ...textFields(frame),
      ...jsonField(frame, 'data', Tag.data),
      ...(frame.ttlMs === 0 ? [] : [['ttl', String(frame.ttlMs)] as const]),
      ...(frame.attempt > 1 ? [['attempt', String(frame.attempt)] as const] : []),
    ]
    const unknown = unknownMembers(frame, Tag.unknown)
    this.#add(given, args.streams.length)
    this.#receive(given, args.streams)
    this.#wire.say([
      ...unknown,
      ['sn', quote(given.sn)],
      ['version', quote(ENVELOPE_VERSION)],
      ['routing', `[${quote(caller.client)},${quote(`${self.name}/${offer.service}@${offer.version}`)}]`],
      ...carried,
      ['request', request],
    ])
  }

  #receive(given: Given, placed: readonly Placed[]): void {
    if (placed.length === 0) return
    try {
      this.#streamsOf(given).receive(placed, false)
    } catch (thrown) {
      this.#forget(given)
      throw thrown
    }
  }

  /** Every service says of itself what it is, and the door knows it as well as the client does. */
  #describe(frame: Frame, { service, version, labels, concurrency, methods, idempotent }: Registered): void {
    const described = {
      name: service,
      version,
      labels,
      instance: this.#wire.self.name,
      ...(concurrency !== undefined && { concurrency }),
      methods: methods.map((name) => ({ name, idempotent: idempotent.includes(name) })),
    }
    if ((frame.flags & Flag.noReply) !== 0) return this.#over(frame)
    this.#frame(addressee(frame), FrameType.result, 0, bytesOf(JSON.stringify(described)))
  }

  #refuse(frame: Frame, { code, message, details }: WaybillError): void {
    if ((frame.flags & Flag.noReply) !== 0) return this.#over(frame)
    const rejection = { code, description: message, ...(details !== undefined && { details }) }
    this.#frame(addressee(frame), FrameType.rejected, 0, bytesOf(JSON.stringify(rejection)))
  }

  /** Kept where an answer is owed. */
  #add(given: Given, streamCount: number): void {
    if (streamCount > 0 && (given.flags & (Flag.noReply | Flag.durable)) !== 0)
      throw new WaybillError('NotStorable', 'the arguments hold a stream, and the caller does not wait')
    if ((given.flags & (Flag.noReply | Flag.statusesWanted)) === Flag.noReply) return
    const dataBytes = given.data?.byteLength ?? 0
    if (this.#bySerial.has(given.sn)) throw new WaybillError('Rejected', `${this.#wire.self.name} already has a call of this sn`)
    if (this.#bySerial.size >= MOST_CALLS || this.#dataBytes + dataBytes > MOST_DATA_BYTES)
      throw new WaybillError('Overloaded', `${this.#wire.self.name} has left too many calls unanswered`)
    if (this.#streamCount + streamCount > MOST_STREAMS)
      throw new WaybillError('Overloaded', `${this.#wire.self.name} has too many streams in calls that it has not answered`)
    this.#bySerial.set(given.sn, given)
    this.#byCall.set(keyOf(given), given)
    this.#dataBytes += dataBytes
    this.#streamCount += given.streamCount = streamCount
  }

  #forget(given: Given): void {
    this.#bySerial.delete(given.sn)
    this.#byCall.delete(keyOf(given))
    this.#dataBytes -= given.data?.byteLength ?? 0
    this.#streamCount -= given.streamCount ?? 0
    given.streams?.endAll()
  }
}

/** Where the answer to a call goes. */
function addressee({ source, call, flags, fields }: Frame): Omit<Given, 'sn'> {
  return { source, call, flags, data: fields.get(Tag.data)?.slice() }
}

function reasonOf({ encoding, body }: Frame): string | undefined {
  try {
    const reason = parseBody(encoding, body)
    return typeof reason === 'string' ? reason : undefined
  } catch {
    return undefined
  }
}

function keyOf({ source, call }: { readonly source: number; readonly call: number }): string {
  return `${source}/${call}`
}
