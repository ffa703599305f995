/**
 * The JSON door: turns the text messages of one connection into the packets of a link, and the packets of the router into text messages. To the router
 * it is a client like any other, beside it in its own process, so that each right, rule and limit is the router's; to the client it is the router, and
 * names are all that it shows. Owns the opening, who is alive, and when what was gathered goes on. No sockets: whoever holds one gives it as `TextEnd`.
 */
import {
  after,
  bodyBytes,
  FrameReader,
  FrameType,
  MAX_INTRODUCTION_BYTES,
  mintIncarnation,
  PACKET_HEADER_BYTES,
  packetNumbers,
  prepareBody,
  readConnected,
  WaybillError,
  type Connected,
  type FrameHead,
  type LinkEnd,
} from '@waybill/core'
import { Asking } from './json-asking.js'
import { bodyMembers, frameOf, type Frame } from './json-frames.js'
import { errorText, readHello, rejectionOf, welcomeText, type Hello } from './json-hello.js'
import { JsonLiveness } from './json-liveness.js'
import { countOf, KINDS, objectText, referenceOf, textOf, wrong, type Kind, type Members } from './json-messages.js'
import { Numbers } from './json-numbers.js'
import { Packets } from './door-packets.js'
import { Serving } from './json-serving.js'
import { readStreamWord } from './json-stream-words.js'
import type { JsonDoorParts, JsonWire, Said } from './json-wire.js'
import { checkSize, faultOf, unsigned, unwrap } from './json-wrapper.js'

/** `introduced`: the router has the introduction and has not answered it. */
type State = 'waiting' | 'introduced' | 'open' | 'over'

/** As the router itself closes. */
const CLOSE = { normal: 1000, refused: 4000, violation: 4001, silent: 4004 } as const
/** Of what was said and not sent: up to this it counts as taken, and above the other nothing more is read. */
const LITTLE_BYTES = 64 * 1024
const MOST_BYTES = 1024 * 1024

export class JsonDoor implements JsonWire {
  readonly #parts: JsonDoorParts
  readonly #reader = new FrameReader(2 ** 31)
  readonly #numbers = new Numbers()
  readonly #packets: Packets
  readonly #liveness: JsonLiveness
  readonly #incarnation: string
  #state: State = 'waiting'
  #hello!: Hello
  #connected!: Connected
  #asking!: Asking
  #serving!: Serving
  /** The key that the client signs with; undefined where it does not. */
  #keyId: string | undefined
  /** The last number that the client was told of. */
  #acked = 0
  /** Not read from: because of the router, and because the client does not read itself. */
  #isPaused = false
  #isHeld = false

  constructor(parts: JsonDoorParts) {
    this.#parts = parts
    this.#incarnation = mintIncarnation(parts.ports.clock, parts.ports.random)
    this.#packets = new Packets(parts.router, parts.ports.soon, this.#numbers)
    this.#liveness = new JsonLiveness(parts.ports.clock, {
      ask: () => {
        this.#say([['heartbeat', '"ping"']], false)
        parts.to.ping()
      },
      end: () => {
        this.#leave(CLOSE.silent, 'no sign of life')
        parts.to.terminate()
      },
      // Held back by the router for somebody else's sake, and taking what it is sent.
      isExcused: () => this.#isPaused && parts.to.bufferedBytes === 0,
    })
  }

  // ---- JsonWire

  get self(): JsonWire['self'] {
    const { name, session, symbol } = this.#connected
    return { name, id: session, symbol, incarnation: this.#incarnation, paces: this.#hello.paces }
  }

  get limits(): JsonWire['limits'] {
    return this.#connected.limits
  }

  say(members: Said): void {
    this.#say(members, this.#hello.acknowledges)
  }

  whenTaken(tell: () => void): void {
    this.#numbers.whenTaken(tell)
  }

  frame(head: FrameHead, fields: readonly Uint8Array[], encoding = 0, body: Uint8Array = new Uint8Array(0)): void {
    this.#packets.frame(head, fields, encoding, body, this.limits.maxFrameBytes)
  }

  // ---- from the router

  /** A packet, the first of all the answer to the introduction. */
  packet(packet: Uint8Array): void {
    if (this.#state === 'over') return
    if (this.#state !== 'open') return this.#opened(packet)
    const { sequence, acknowledged } = packetNumbers(packet)
    this.#numbers.routerHas(acknowledged)
    this.#reader.open(packet, PACKET_HEADER_BYTES)
    while (this.#reader.next()) this.#understood(frameOf(this.#reader))
    if (sequence !== 0) this.#numbers.received(sequence)
    this.#taken()
    this.#acknowledge()
  }

  pause(): void {
    this.#isPaused = true
    this.#parts.to.pause()
  }

  resume(): void {
    this.#isPaused = false
    if (!this.#isHeld) this.#parts.to.resume()
  }

  /** What another client wrote, and cannot be understood, is dropped: neither this client nor the router is to blame. */
  #understood(frame: Frame): void {
    try {
      this.#frame(frame)
    } catch (thrown) {
      this.#parts.disclosed(WaybillError.from(thrown, 'maybe'))
    }
  }

  #frame(frame: Frame): void {
    switch (frame.type) {
      case FrameType.result:
      case FrameType.progress:
      case FrameType.accepted:
      case FrameType.started:
      case FrameType.exception:
      case FrameType.rejected:
      case FrameType.stored:
        return this.#asking.answer(frame)
      case FrameType.answerChunk:
        return this.#asking.answerChunk(frame)
      case FrameType.opened:
      case FrameType.item:
      case FrameType.end:
      case FrameType.failed:
      case FrameType.credit:
      case FrameType.stop:
        return this.#asking.stream(frame)
      case FrameType.callItem:
      case FrameType.callEnd:
      case FrameType.callFailed:
      case FrameType.callCredit:
      case FrameType.callStop:
        return this.#serving.stream(frame)
      case FrameType.call:
        return this.#serving.call(frame)
      case FrameType.callChunk:
        return this.#serving.callChunk(frame)
      case FrameType.cancel:
        return this.#serving.cancel(frame)
      case FrameType.symbol:
        return this.#serving.learn(frame)
      case FrameType.event:
      case FrameType.gap:
        return this.#asking.event(frame)
      case FrameType.drain:
        return this.say([['drain', '{}']])
      case FrameType.goodbye:
        return this.say([['goodbye', objectText(bodyMembers(frame))]])
      case FrameType.ping:
        // Whether the client is alive is asked here, and the router is answered for it.
        return this.#packets.owe()
      case FrameType.pong:
      case FrameType.unsupported:
        return
      default: {
        const body = prepareBody({ type: frame.type })
        return this.frame({ type: FrameType.unsupported, call: frame.call }, [], body.encoding, bodyBytes(body))
      }
    }
  }

  // ---- from the connection

  /** One text message. */
  text(bytes: Uint8Array): void {
    if (this.#state === 'over') return
    this.alive()
    try {
      if (this.#state === 'waiting') return this.#introduce(bytes)
      if (this.#state === 'introduced') throw wrong('time', 'after the answer to hello')
      this.#message(bytes)
    } catch (thrown) {
      return this.#broke(WaybillError.from(thrown, 'no'))
    }
    this.#packets.flush()
    this.#acknowledge()
    if (this.#parts.to.bufferedBytes <= MOST_BYTES || this.#isHeld) return
    this.#isHeld = true
    this.#parts.to.pause()
  }

  /** Something that is no text message. */
  violated(sentence: string): void {
    if (this.#state !== 'over') this.#broke(new WaybillError('ProtocolViolation', sentence, { executed: 'no' }))
  }

  /** Anything came, also what only the transport knows of. */
  alive(): void {
    this.#liveness.heard()
    if (this.#state === 'open') this.#packets.owe()
  }

  /** Some of what was said has left this process. */
  flushed(): void {
    if (this.#state !== 'open' || this.#parts.to.bufferedBytes > LITTLE_BYTES) return
    if (this.#isHeld) {
      this.#isHeld = false
      if (!this.#isPaused) this.#parts.to.resume()
    }
    this.#taken()
  }

  /** The connection is gone, and does not come back: nobody is waited for. */
  closed(end: LinkEnd): void {
    this.#leave(CLOSE.normal, 'gone')
    this.#parts.router.ended(end)
  }

  // ---- the opening

  #introduce(bytes: Uint8Array): void {
    checkSize('hello', bytes.byteLength, MAX_INTRODUCTION_BYTES)
    const { signer, audience, ports, router } = this.#parts
    const { members, keyId, fault } = unwrap(bytes, signer, audience, ports.clock.wallMs())
    if (fault !== undefined) throw fault
    this.#keyId = keyId
    if (keyId === undefined && signer?.required) throw unsigned()
    this.#hello = readHello(members, this.#incarnation)
    this.#state = 'introduced'
    router.packet(this.#hello.introduction)
  }

  #opened(packet: Uint8Array): void {
    let refusal: WaybillError | undefined
    try {
      this.#connected = readConnected(packet)
    } catch (thrown) {
      // The router ends the link itself.
      this.#say([['refused', errorText(WaybillError.from(thrown))]], false)
      this.#state = 'over'
      return
    }
    const { principal, limits } = this.#connected
    this.#state = 'open'
    this.#asking = new Asking(this)
    this.#serving = new Serving(this, this.#asking)
    try {
      if (this.#keyId !== undefined) this.#parts.signer!.checkPrincipal(this.#keyId, principal)
    } catch (thrown) {
      refusal = WaybillError.from(thrown)
    }
    // Not before the router has done with its answer.
    if (refusal !== undefined) return this.#parts.ports.soon.onTick(() => this.#refuse(refusal))
    this.#say([['welcome', welcomeText(this.#connected)]], false)
    this.#liveness.start(limits)
  }

  #broke(fault: WaybillError): void {
    const error = this.#parts.disclosed(fault)
    if (this.#state !== 'open') return this.#refuse(error)
    this.#say([['goodbye', errorText(error)]], false)
    this.#leave(CLOSE.violation, 'broke the protocol')
  }

  #refuse(error: WaybillError): void {
    this.#say([['refused', errorText(error)]], false)
    this.#leave(CLOSE.refused, error.code)
  }

  /** For good. */
  #leave(code: number, reason: string): void {
    this.#liveness.stop()
    // The router closes too, once it has the goodbye; the first word counts.
    this.#parts.to.end(code, reason)
    if (this.#state === 'open') this.#packets.goodbye()
    this.#state = 'over'
  }

  // ---- messages

  #message(bytes: Uint8Array): void {
    checkSize('message', bytes.byteLength, this.limits.maxFrameBytes)
    const { signer, audience, ports } = this.#parts
    const unwrapped = unwrap(bytes, signer, audience, ports.clock.wallMs())
    const { members } = unwrapped
    const fault = faultOf(unwrapped, this.#keyId)
    // What must not be believed moves no numbers.
    if (fault !== undefined) return this.#reject(members, fault)
    this.#numbers.heard(countOf(members, 'n', 1))
    const ack = countOf(members, 'ack')
    if (ack !== undefined && this.#hello.acknowledges) this.#numbers.taken(ack)
    const kinds = KINDS.filter((kind) => members.has(kind))
    const [kind] = kinds
    try {
      if (kinds.length > 1) throw wrong('content', `one of ${kinds.join(' and ')}`)
      if (kind !== undefined) this.#heard(kind, members)
      else this.#unknown(members)
    } catch (thrown) {
      this.#rejectHeard(members, WaybillError.from(thrown, 'no'))
    }
    this.#numbers.passed(this.#packets.isEmpty ? this.#numbers.sent : after(this.#numbers.sent))
  }

  #heard(kind: Kind, members: Members): void {
    switch (kind) {
      case 'request':
      case 'cancel':
      case 'watch':
      case 'publish':
      case 'subscribe':
      case 'unsubscribe':
      case 'taken':
        return this.#asking[kind](members)
      case 'status':
      case 'result':
        return this.#serving.answer(members, kind)
      case 'register':
      case 'unregister':
        return this.#serving[kind](members)
      case 'item':
      case 'end':
      case 'credit':
      case 'stop': {
        const word = readStreamWord(members, kind)
        return (word.isCallers ? this.#asking : this.#serving).streamed(members, word)
      }
      case 'heartbeat':
        // However many were asked for, no more than the client takes.
        if (textOf(members, kind) === 'ping' && this.#parts.to.bufferedBytes <= LITTLE_BYTES) this.#say([['heartbeat', '"pong"']], false)
        return
      case 'goodbye':
        return this.#leave(CLOSE.normal, 'goodbye')
      case 'hello':
        throw wrong('kind', 'hello, which was said')
    }
  }

  #unknown(members: Members): void {
    const names = [...members.keys()].filter((name) => name !== 'n' && name !== 'ack')
    if (names.length > 0)
      this.say([['unsupported', JSON.stringify({ members: names.slice(0, 16).map((name) => name.slice(0, 64)) })], ...referenceOf(members)])
  }

  /** Who asked for silence is only told of what could not be understood. */
  #rejectHeard(members: Members, error: WaybillError): void {
    const isSilent = members.has('request') && !members.has('replyto') && !members.has('durable')
    if (isSilent && error.code !== 'ProtocolViolation') return
    this.#reject(members, error)
  }

  #reject(members: Members, error: WaybillError): void {
    this.say([...referenceOf(members), ...rejectionOf(this.#parts.disclosed(error))])
  }

  #say(members: Said, isNumbered: boolean): void {
    const numbers = this.#numbers
    const n = isNumbered ? [['n', String(++numbers.said)] as const] : []
    const ack = this.#acked < numbers.acked ? [['ack', String((this.#acked = numbers.acked))] as const] : []
    const text = objectText([...n, ...ack, ...members])
    const { signer, to, ports } = this.#parts
    if (this.#keyId === undefined) return to.send(text)
    const session = this.#state === 'open' ? this.#connected.session : ''
    to.send(JSON.stringify({ message: text, signature: signer!.sign(text, session, ports.clock.wallMs()) }))
  }

  /** Where nothing else was said that it could ride on. */
  #acknowledge(): void {
    if (this.#acked < this.#numbers.acked && this.#state === 'open') this.#say([], false)
  }

  /** Tells the router what the client has taken. */
  #taken(): void {
    const before = this.#numbers.told
    if (this.#hello.acknowledges) this.#numbers.taken(undefined)
    else if (this.#parts.to.bufferedBytes <= LITTLE_BYTES) this.#numbers.allTaken()
    if (this.#numbers.told === before) return
    this.#packets.owe()
  }
}
