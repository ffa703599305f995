/**
 * What a JSON client asks for: calls, the watching of stored ones, subscriptions, and that its services be offered. Owns which of them are pending,
 * under the numbers that the router knows and the serial numbers that the client does. Names stand inline in each frame: so no request need be
 * kept to be sent again where a symbol went stale.
 */
import {
  encodings,
  ENVELOPE_VERSION,
  executedOf,
  extensionField,
  Flag,
  FrameType,
  serialBytes,
  serialNumber,
  serialText,
  Tag,
  WaybillError,
  type Executed,
  type FrameHead,
} from '@waybill/core'
import { digestOf } from './json-digest.js'
import { bodyMembers, bodyText, eventText, fieldJson, fieldsOf, Pieces, unknownMembers, type Frame } from './json-frames.js'
import {
  countOf,
  flagOf,
  neededSerial,
  objectOf,
  objectText,
  readRequest,
  serialOf,
  textOf,
  wrong,
  type Asked,
  type Members,
} from './json-messages.js'
import { parcelBody } from './json-parcels.js'
import { contentOf, isLast, type Pending } from './json-pending.js'
import { markedBody, plainBody, readStreams, streamsText, type Placed, type Plain } from './json-places.js'
import type { StreamWord } from './json-stream-words.js'
import { CallStreams, errorMembers, exceptionOf, sayUnread } from './json-streams.js'
import { bytesOf, encodingOf, quote, type JsonWire, type Said } from './json-wire.js'

const ROUTER = 'waybill.Router'
/** Their symbols would mean nothing to the client, and the door would not know what it offers. */
const NOT_HERE = new Set(['offer', 'withdraw'])

/** A result without a body is itself a stream. */
const ITSELF = { text: 'null', streams: [{ path: [], number: 0, kind: 'values' }] } as const satisfies Plain

export class Asking {
  readonly #wire: JsonWire
  readonly #pieces: Pieces
  readonly #byNumber = new Map<number, Pending>()
  readonly #bySerial = new Map<string, Pending>()
  #counter = 0

  constructor(wire: JsonWire) {
    this.#wire = wire
    this.#pieces = new Pieces(wire.limits.maxBodyBytes)
  }

  // ---- from the client

  request(members: Members): void {
    const streams = readStreams(objectOf(members, 'request'), 'a')
    const given = serialOf(members)
    try {
      this.#request(members, given, streams)
    } catch (thrown) {
      // Where a pending call has this sn, it is not that one which was not made.
      if (given !== undefined && !this.#bySerial.has(given.toLowerCase())) sayUnread(this.#wire, given, 'a', streams)
      throw thrown
    }
  }

  #request(members: Members, given: string | undefined, streams: readonly Placed[]): void {
    const asked = readRequest(members)
    const { self } = this.#wire
    const isOwn = asked.replyto === self.name || asked.replyto === self.id
    if (!isOwn && asked.replyto !== undefined && !asked.isDurable)
      throw new WaybillError('BadArguments', `a call that is not stored is answered to its caller: the replyto is ${self.name}, or absent`)
    if (asked.destination === ROUTER && NOT_HERE.has(asked.method))
      throw new WaybillError('Unsupported', 'services are offered with register and taken back with unregister')
    if (streams.length > 0 && (asked.isDurable || !isOwn))
      throw new WaybillError(asked.isDurable ? 'NotStorable' : 'BadArguments', 'a call with streams in it is live and has a replyto')
    const isTold = isOwn || asked.isDurable
    const number = this.#mint(given)
    const natural = serialNumber(self.incarnation, number)
    const sn = given ?? natural
    const flags =
      (isOwn ? 0 : Flag.noReply) | (isOwn && asked.wantsStatuses ? Flag.statusesWanted : 0) | (asked.isDurable ? Flag.durable : 0)
    const carried = asked.isDurable || sn !== natural ? [extensionField(Tag.sn, serialBytes(sn.toLowerCase()))] : []
    const postback = !isOwn && asked.replyto !== undefined ? [extensionField(Tag.replyto, asked.replyto)] : []
    const { encoding, body } = argumentsOf(asked, streams)
    const pending: Pending = { sn, number, destination: asked.destination, kind: isOwn ? 'call' : 'stored' }
    if (isTold) this.#add(pending, given, members)
    if (streams.length > 0) this.#streamsOf(pending).send(streams, 0)
    // How long a call with streams may take is its caller's to watch.
    const ttlMs = streams.length === 0 ? asked.ttlMs : 0
    const head = { type: FrameType.call, flags, source: self.symbol, call: number, ttlMs }
    const fields = fieldsOf(asked)
    const digest = asked.key === undefined ? [] : [digestOf(encoding, body, fields)]
    this.#send(number, head, [...fields, ...digest, ...carried, ...postback], body, encoding)
  }

  /** What the client says of a stream of a call that it made. */
  streamed(members: Members, word: StreamWord): void {
    const pending = this.#bySerial.get(neededSerial(members).toLowerCase())
    try {
      pending?.streams?.heard(word)
    } catch (thrown) {
      this.#breakOff(pending!, WaybillError.from(thrown))
    }
  }

  #streamsOf(pending: Pending): CallStreams {
    return (pending.streams ??= new CallStreams({
      wire: this.#wire,
      pieces: this.#pieces,
      key: keyOf(pending.number, undefined),
      sn: pending.sn,
      isCaller: true,
      destination: 0,
      call: pending.number,
      broken: (error) => this.#breakOff(pending, error),
    }))
  }

  /** A call, or the watching of one, of which nothing is said then: what is not pending any more needs no cancel. */
  cancel(members: Members): void {
    const cancel = objectOf(members, 'cancel')
    const reason = textOf(cancel, 'reason') === undefined ? undefined : cancel.get('reason')
    const pending = this.#bySerial.get(neededSerial(members).toLowerCase())
    if (pending === undefined || pending.kind === 'subscription' || pending.kind === 'own') return
    this.#wire.frame({ type: FrameType.cancel, source: this.#wire.self.symbol, call: pending.number }, [], encodingOf(reason), reason)
    if (pending.kind === 'watch') this.#drop(pending)
  }

  watch(members: Members): void {
    objectOf(members, 'watch')
    const sn = neededSerial(members)
    const number = this.#mint(sn)
    this.#add({ sn, number, destination: null, kind: 'watch' }, sn, members)
    this.#send(number, { type: FrameType.watch, source: this.#wire.self.symbol, call: number }, [
      extensionField(Tag.sn, serialBytes(sn.toLowerCase())),
    ])
  }

  /** Durable where it says where it begins. */
  subscribe(members: Members): void {
    const asked = objectOf(members, 'subscribe')
    const pattern = textOf(asked, 'topic')
    if (pattern === undefined) throw wrong('subscribe.topic', 'a string')
    const after = countOf(asked, 'after')
    const cursor = textOf(asked, 'cursor')
    const isDurable = after !== undefined || cursor !== undefined
    const given = serialOf(members)
    const number = this.#mint(given)
    const sn = given ?? serialNumber(this.#wire.self.incarnation, number)
    this.#add({ sn, number, destination: null, kind: 'subscription' }, given, members)
    const flags = isDurable ? Flag.durable : 0
    this.#send(number, { type: FrameType.subscribe, flags, source: this.#wire.self.symbol, call: number }, [
      extensionField(Tag.topic, pattern),
      ...(after === undefined ? [] : [extensionField(Tag.cursor, String(after))]),
      ...(cursor === undefined ? [] : [extensionField(Tag.cursorName, cursor)]),
    ])
  }

  /** Of a durable subscription, up to which event the client has taken what came. */
  taken(members: Members): void {
    const id = countOf(objectOf(members, 'taken'), 'id')
    if (id === undefined) throw wrong('taken.id', 'a number')
    const pending = this.#bySerial.get(neededSerial(members).toLowerCase())
    if (pending?.kind !== 'subscription') return
    const head = { type: FrameType.eventsTaken, source: this.#wire.self.symbol, call: pending.number }
    this.#wire.frame(head, [extensionField(Tag.cursor, String(id))])
  }

  unsubscribe(members: Members): void {
    objectOf(members, 'unsubscribe')
    const pending = this.#bySerial.get(neededSerial(members).toLowerCase())
    if (pending?.kind !== 'subscription') return
    this.#drop(pending)
    this.#wire.frame({ type: FrameType.unsubscribe, source: this.#wire.self.symbol, call: pending.number }, [])
  }

  publish(members: Members): void {
    const event = objectOf(members, 'publish')
    const topic = textOf(event, 'topic')
    if (topic === undefined) throw wrong('publish.topic', 'a string')
    const isDurable = flagOf(members, 'durable') === true
    const given = isDurable ? serialOf(members) : undefined
    const number = this.#mint(given)
    const sn = given ?? serialNumber(this.#wire.self.incarnation, number)
    if (isDurable) this.#add({ sn, number, destination: null, kind: 'stored' }, given, members)
    const value = event.get('value')
    const head = { type: FrameType.publish, flags: isDurable ? Flag.durable : 0, source: this.#wire.self.symbol, call: number }
    this.#send(number, head, [extensionField(Tag.topic, topic)], value)
  }

  /** A call of the door's own to the router, on behalf of the client. `answered` gives the text of what the client is told, or throws. */
  own(members: Members, method: string, args: string, answered: (frame: Frame) => string): void {
    const given = serialOf(members)
    const number = this.#mint(given)
    const sn = given ?? serialNumber(this.#wire.self.incarnation, number)
    this.#add({ sn, number, destination: null, kind: 'own', answered }, given, members)
    const head = { type: FrameType.call, source: this.#wire.self.symbol, call: number }
    this.#send(number, head, [extensionField(Tag.destination, ROUTER), extensionField(Tag.method, method)], bytesOf(args))
  }

  #send(number: number, head: FrameHead, fields: readonly Uint8Array[], body?: Uint8Array, encoding: number = encodingOf(body)): void {
    try {
      this.#wire.frame(head, fields, encoding, body)
    } catch (thrown) {
      const pending = this.#byNumber.get(number)
      if (pending !== undefined) this.#drop(pending)
      throw thrown
    }
  }

  #mint(sn: string | undefined): number {
    if (sn !== undefined && this.#bySerial.has(sn.toLowerCase()))
      throw new WaybillError('BadArguments', 'the sn is that of something which is pending')
    do this.#counter = this.#counter >= 0xffffffff ? 1 : this.#counter + 1
    while (this.#byNumber.has(this.#counter))
    return this.#counter
  }

  /** What had no sn is told which it got, before anything else of it. */
  #add(pending: Pending, given: string | undefined, members: Members): void {
    this.#byNumber.set(pending.number, pending)
    this.#bySerial.set(pending.sn.toLowerCase(), pending)
    const n = countOf(members, 'n')
    if (given === undefined) this.#wire.say([['minted', quote(pending.sn)], ...(n === undefined ? [] : [['re', String(n)] as const])])
  }

  #drop(pending: Pending): void {
    // A postback is not one of ours, whatever its sn.
    if (pending.number === 0) return
    this.#pieces.drop(keyOf(pending.number, undefined))
    this.#byNumber.delete(pending.number)
    this.#bySerial.delete(pending.sn.toLowerCase())
  }

  // ---- from the router

  /** Of a durable subscription it says which. */
  event(frame: Frame): void {
    const pending = this.#byNumber.get(frame.call)
    // One that was given up meanwhile.
    if (frame.call !== 0 && pending === undefined) return
    const sn: Said = pending === undefined ? [] : [['sn', quote(pending.sn)]]
    this.#wire.say([...sn, frame.type === FrameType.event ? ['event', eventText(frame)] : ['gap', objectText(bodyMembers(frame))]])
  }

  /** A status, an outcome, or the first piece of one. */
  answer(frame: Frame): void {
    const pending = this.#pendingOf(frame)
    // A refusal of what is not answered where it succeeds: an event.
    if (pending === undefined) return frame.type === FrameType.rejected && frame.source === 0 ? this.#tell(frame, undefined) : undefined
    if ((frame.flags & Flag.more) === 0) return this.#whole(frame, pending)
    try {
      this.#pieces.begin(keyOf(frame.call, pending.sn), frame)
    } catch (thrown) {
      this.#cannot(frame, pending, WaybillError.from(thrown))
    }
  }

  /** A frame of a stream, or the result in which some stand. */
  stream(frame: Frame): void {
    const pending = this.#byNumber.get(frame.call)
    if (pending?.kind !== 'call') return
    if (frame.type !== FrameType.opened) return pending.streams?.frame(frame)
    try {
      const { text, streams } = frame.body.byteLength === 0 ? ITSELF : plainBody(frame.encoding, frame.body, 'maybe')!
      if (pending.isOpened || streams.length === 0) throw new WaybillError('ProtocolViolation', 'the callee opened what holds no streams')
      this.#streamsOf(pending).receive(streams, true)
      pending.isOpened = true
      this.#wire.say([...this.#head(frame, pending), ['result', `{"retval":${text},"streams":${streamsText(streams, 'r')}}`]])
    } catch (thrown) {
      this.#breakOff(pending, WaybillError.from(thrown, 'maybe'))
    }
  }

  /** The call cannot go on: the client is told, and so is the callee. */
  #breakOff(pending: Pending, error: WaybillError): void {
    this.#wire.frame({ type: FrameType.cancel, source: this.#wire.self.symbol, call: pending.number }, [])
    this.#fail(pending, error, 'maybe', 0)
  }

  answerChunk(frame: Frame): void {
    const sn = frame.call === 0 ? frame.fields.get(Tag.sn) : undefined
    const key = keyOf(frame.call, sn && serialText(sn))
    const first = this.#pieces.first(key)
    const pending = first && this.#pendingOf(first)
    if (first === undefined || pending === undefined) return
    try {
      const whole = this.#pieces.add(key, frame.body, (frame.flags & Flag.more) === 0)
      if (whole !== undefined) this.#whole({ ...whole, flags: whole.flags & ~Flag.more }, pending)
    } catch (thrown) {
      this.#cannot(first, pending, WaybillError.from(thrown))
    }
  }

  /** The call of a postback was made by somebody else, and only its sn says which. */
  #pendingOf({ call, fields }: Frame): Pending | undefined {
    const sn = fields.get(Tag.sn)
    if (call !== 0 || sn === undefined) return this.#byNumber.get(call)
    return { sn: serialText(sn), number: 0, destination: null, kind: 'call' }
  }

  #whole(frame: Frame, pending: Pending): void {
    if (isLast(frame, pending)) pending.streams?.stopAll()
    try {
      if (pending.isOpened && isLast(frame, pending)) this.#close(frame, pending.streams!)
      else this.#tell(frame, pending)
    } catch (thrown) {
      return this.#cannot(frame, pending, WaybillError.from(thrown))
    }
    if (isLast(frame, pending)) this.#drop(pending)
  }

  /** The last word of a call whose result is told already: of the streams in it, those that have not ended do so with it. */
  #close(frame: Frame, streams: CallStreams): void {
    if (frame.type !== FrameType.result) return streams.endAll(exceptionOf(frame), exceptionOf(frame))
    const retval = bodyText(frame.encoding, frame.body, 'yes')
    streams.endAll(retval === undefined ? [] : [['retval', retval]])
  }

  /** The outcome is there, and the client cannot be told it. */
  #cannot(frame: Frame, pending: Pending, error: WaybillError): void {
    const executed = frame.type === FrameType.result ? 'yes' : frame.type === FrameType.rejected ? 'no' : executedOf(frame.flags)
    this.#fail(pending, error, executed, frame.source)
  }

  #fail(pending: Pending, { code, message, details }: WaybillError, executed: Executed, source: number): void {
    const exception = errorMembers({ code, message, details, executed })
    pending.streams?.stopAll()
    if (pending.isOpened) pending.streams!.endAll(exception, exception)
    else this.#wire.say([...this.#who(source, pending), ['result', objectText(exception)]])
    this.#drop(pending)
  }

  #tell(frame: Frame, pending: Pending | undefined): void {
    const said = contentOf(frame, pending)
    if (said !== undefined) this.#wire.say([...this.#head(frame, pending), ...said])
  }

  #head(frame: Frame, pending: Pending | undefined): Said {
    const data = fieldJson(frame, Tag.data)
    const topic = pending === undefined ? frame.fields.get(Tag.topic) : undefined
    return [
      ...unknownMembers(frame, Tag.unknown),
      ...this.#who(frame.source, pending),
      ...(topic === undefined ? [] : [['topic', quote(new TextDecoder().decode(topic))] as const]),
      ...(data === undefined ? [] : [['data', data] as const]),
    ]
  }

  /** Whoever answered, the name by which it was called is what the caller knows of it. */
  #who(source: number, pending: Pending | undefined): Said {
    const sender = source === 0 || !pending?.destination ? 'null' : quote(pending.destination)
    return [
      ...(pending === undefined ? [] : [['sn', quote(pending.sn)] as const]),
      ['version', quote(ENVELOPE_VERSION)],
      ['routing', `[${sender},${quote(this.#wire.self.name)}]`],
    ]
  }
}

function argumentsOf(
  { args, parcel }: Asked,
  streams: readonly Placed[],
): { readonly encoding: number; readonly body: Uint8Array | undefined } {
  if (parcel !== undefined) return { encoding: encodings.parcel, body: parcelBody(parcel) }
  if (streams.length === 0) return { encoding: encodingOf(args), body: args }
  return { encoding: encodings.rich, body: markedBody(args ?? bytesOf('[]'), streams) }
}

function keyOf(call: number, sn: string | undefined): string {
  return call === 0 ? (sn ?? '') : String(call)
}
