/**
 * The streams of one call that a JSON client made or was given, in both directions. Owns which of them go on, the credit of each, and what of their items
 * is not whole yet. To its peers the client keeps the rules of streams, because this does: it gives credit as the client takes what it is told, until
 * the client gives its own, and takes nothing of the client that nobody gave credit for.
 */
import {
  encodings,
  executedOf,
  Flag,
  FrameType,
  HEADER_BYTES,
  itemCost,
  streamConstants,
  TOWARD_CALLEE,
  WaybillError,
  type FrameHead,
  type StreamKind,
} from '@waybill/core'
import { bodyMembers, bodyText, type Frame, type Pieces } from './json-frames.js'
import { streamName, type Letter, type Placed } from './json-places.js'
import { itemText, type StreamWord } from './json-stream-words.js'
import { bytesOf, encodingOf, quote, type JsonWire, type Said } from './json-wire.js'

const { windowBytes, maxStreams } = streamConstants
/** Credit is given back from here on, as a client of ours does. */
const GRANT_BYTES = windowBytes / 2

export interface StreamsParts {
  readonly wire: JsonWire
  /** Of all calls of this half, each under a key of its own. */
  readonly pieces: Pieces
  readonly key: string
  /** As the client wrote it. */
  readonly sn: string
  /** The client is the caller. */
  readonly isCaller: boolean
  /** Where frames go: its symbol, where that is a caller; 0 toward the callee, whom the router knows. */
  readonly destination: number
  readonly call: number
  /** The other side broke a rule: of the stream nothing more is told, and the call cannot go on. */
  readonly broken: (error: WaybillError) => void
}

/** A stream that the client sends. */
interface Out {
  readonly kind: StreamKind
  credit: number
  isStopped: boolean
}

/** A stream that the client reads. */
interface In {
  readonly kind: StreamKind
  /** What its sender has left. */
  credit: number
  /** Of an item that is not whole: what its pieces cost so far. */
  joined: number
  /** Of items that were told, one after the other: what they cost, until the client has taken them. */
  readonly costs: number[]
  /** Taken, and not given back yet. */
  owed: number
  /** The client says itself what it has taken. */
  isManual: boolean
  isStopped: boolean
}

export class CallStreams {
  readonly #parts: StreamsParts
  readonly #out = new Map<number, Out>()
  readonly #in = new Map<number, In>()

  constructor(parts: StreamsParts) {
    this.#parts = parts
  }

  /** The client has said itself that it ended. */
  sent(number: number): void {
    this.#out.delete(number)
  }

  /** All streams that the client sends have ended. */
  get isSent(): boolean {
    return this.#out.size === 0
  }

  /** Streams that stand in what the client said. */
  send(placed: readonly Placed[], credit: number): void {
    for (const { number, kind } of placed) this.#out.set(number, { kind, credit, isStopped: false })
  }

  /** Streams that stand in what the client is told. Those without credit are given it. Throws `ProtocolViolation`. */
  receive(placed: readonly Placed[], hasCredit: boolean): void {
    if (placed.length > maxStreams || new Set(placed.map(({ number }) => number)).size < placed.length)
      throw new WaybillError('ProtocolViolation', `a call has at most ${maxStreams} streams, each with a number of its own`)
    for (const { number, kind } of placed)
      this.#in.set(number, {
        kind,
        credit: windowBytes,
        joined: 0,
        costs: [],
        owed: 0,
        isManual: this.#parts.wire.self.paces,
        isStopped: false,
      })
    if (!hasCredit) for (const { number } of placed) this.#frame(FrameType.credit, number, { ttlMs: windowBytes })
  }

  // ---- from the client

  /** Of a stream that is not there, or has ended, nobody wants to know. Throws `ProtocolViolation` for an item without credit. */
  heard(word: StreamWord): void {
    const { number } = word
    switch (word.kind) {
      case 'item':
        return this.#send(number, word.encoding, word.body)
      case 'end': {
        const out = this.#out.get(number)
        this.#out.delete(number)
        // Who stopped it is not told.
        if (out === undefined || out.isStopped) return
        if (word.outcome.kind === 'result') return this.#frame(FrameType.end, number, {}, word.outcome.retval)
        return this.#frame(FrameType.failed, number, {}, bytesOf(word.outcome.body))
      }
      case 'credit': {
        const stream = this.#in.get(number)
        if (stream === undefined) return
        stream.isManual = true
        for (const cost of stream.costs.splice(0, word.items)) stream.owed += cost
        return this.#grant(number, stream, 1)
      }
      case 'stop': {
        const stream = this.#in.get(number)
        if (stream !== undefined) this.#stop(number, stream)
      }
    }
  }

  #send(number: number, encoding: number, body: Uint8Array | undefined): void {
    const out = this.#out.get(number)
    if (out === undefined || out.isStopped) return
    if (out.credit <= 0) throw new WaybillError('ProtocolViolation', `an item of stream ${this.#name(number, true)} came without credit`)
    if (out.kind === 'bytes' && encoding !== encodings.bytes)
      throw new WaybillError('ProtocolViolation', `stream ${this.#name(number, true)} is one of bytes, and its item has none`)
    out.credit -= itemCost(HEADER_BYTES + (body?.byteLength ?? 0))
    this.#frame(FrameType.item, number, {}, body, encoding)
  }

  #stop(number: number, stream: In): void {
    if (stream.isStopped) return
    stream.isStopped = true
    this.#parts.pieces.drop(this.#keyOf(number))
    this.#frame(FrameType.stop, number)
  }

  // ---- from the router

  frame(frame: Frame): void {
    const number = frame.method
    switch (frame.type & ~TOWARD_CALLEE) {
      case FrameType.item: {
        const stream = this.#in.get(number)
        return stream === undefined || stream.isStopped ? undefined : this.#arrived(frame, stream)
      }
      case FrameType.end:
        return this.#in.has(number) ? this.#ended(frame) : undefined
      case FrameType.failed:
        return this.#in.has(number) ? this.end(number, exceptionOf(frame)) : undefined
      case FrameType.credit: {
        const out = this.#out.get(number)
        if (out === undefined || out.isStopped || frame.ttlMs === 0) return
        out.credit += frame.ttlMs
        return this.#say('credit', number, `,"bytes":${frame.ttlMs}`, true)
      }
      case FrameType.stop:
        return this.#unwanted(number)
    }
  }

  #arrived(frame: Frame, stream: In): void {
    const { wire } = this.#parts
    const number = frame.method
    const key = this.#keyOf(number)
    const cost = itemCost(frame.body.byteLength + HEADER_BYTES)
    stream.credit -= cost
    stream.joined += cost
    // An item may be begun with the last byte of credit, and then goes on to its end.
    if (stream.credit < -(wire.limits.maxBodyBytes + windowBytes)) return this.#violate(number, 'its sender goes on without credit')
    try {
      const whole = this.#joined(frame, key)
      if (whole === undefined) return
      if (stream.kind === 'bytes' && whole.encoding !== encodings.bytes)
        return this.#violate(number, 'it is one of bytes and brings others')
      this.#say('item', number, itemText(whole, 'maybe'), false)
    } catch (thrown) {
      const error = WaybillError.from(thrown)
      if (stream.joined > wire.limits.maxBodyBytes) return this.#violate(number, error.message)
      this.#stop(number, stream)
      return this.end(number, errorMembers(error))
    }
    stream.costs.push(stream.joined)
    stream.joined = 0
    wire.whenTaken(() => {
      if (stream.isManual) return
      stream.owed += stream.costs.shift() ?? 0
      this.#grant(number, stream, GRANT_BYTES)
    })
  }

  /** The whole item with its last piece, before that undefined. Throws as `Pieces`. */
  #joined(frame: Frame, key: string): Frame | undefined {
    const { pieces } = this.#parts
    const isLast = (frame.flags & Flag.more) === 0
    if (pieces.first(key) !== undefined) return pieces.add(key, frame.body, isLast)
    if (isLast) return frame
    pieces.begin(key, frame)
    return undefined
  }

  #grant(number: number, stream: In, least: number): void {
    if (stream.owed < least || stream.isStopped || this.#in.get(number) !== stream) return
    stream.credit += stream.owed
    this.#frame(FrameType.credit, number, { ttlMs: stream.owed })
    stream.owed = 0
  }

  #violate(number: number, why: string): void {
    const error = new WaybillError('ProtocolViolation', `stream ${number} is broken: ${why}`, { executed: 'maybe' })
    const stream = this.#in.get(number)!
    this.#stop(number, stream)
    this.end(number, errorMembers(error))
    this.#parts.broken(error)
  }

  #ended(frame: Frame): void {
    try {
      const text = bodyText(frame.encoding, frame.body, 'maybe')
      this.end(frame.method, text === undefined ? [] : [['retval', text]])
    } catch (thrown) {
      this.end(frame.method, errorMembers(WaybillError.from(thrown)))
    }
  }

  /** The client is told how a stream ended that it reads. */
  end(number: number, outcome: Said): void {
    this.#parts.pieces.drop(this.#keyOf(number))
    this.#in.delete(number)
    this.#say('end', number, outcome.map(([name, text]) => `,"${name}":${text}`).join(''), false)
  }

  /** The call has ended, and with it each stream that the client reads. `result`: of the one that is itself the result. */
  endAll(result: Said = CLOSED, others: Said = CLOSED): void {
    this.stopAll()
    for (const [number, { isStopped }] of this.#in) this.end(number, number === 0 ? result : isStopped ? [] : others)
  }

  /** Nobody wants more of those that the client sends. */
  stopAll(): void {
    for (const number of this.#out.keys()) this.#unwanted(number)
    this.#out.clear()
  }

  #unwanted(number: number): void {
    const out = this.#out.get(number)
    if (out === undefined || out.isStopped) return
    out.isStopped = true
    this.#say('stop', number, '', true)
  }

  // ---- out

  #say(kind: string, number: number, content: string, isOwn: boolean): void {
    const { wire, sn } = this.#parts
    wire.say([
      ['sn', quote(sn)],
      [kind, `{"stream":${this.#name(number, isOwn)}${content}}`],
    ])
  }

  #name(number: number, isOwn: boolean): string {
    const letter: Letter = this.#parts.isCaller === isOwn ? 'a' : 'r'
    return streamName(letter, number)
  }

  #frame(type: number, number: number, more: Partial<FrameHead> = {}, body?: Uint8Array, encoding: number = encodingOf(body)): void {
    const { wire, isCaller, destination, call } = this.#parts
    const head = { type: isCaller ? type | TOWARD_CALLEE : type, destination, source: wire.self.symbol, call, method: number, ...more }
    wire.frame(head, [], encoding, body)
  }

  #keyOf(number: number): string {
    return `${this.#parts.key}/${number}`
  }
}

/** Whoever sends these is told that nobody reads them: what they stood in went no further. */
export function sayUnread(wire: JsonWire, sn: string, letter: Letter, placed: readonly Placed[]): void {
  for (const { number } of placed)
    wire.say([
      ['sn', quote(sn)],
      ['stop', `{"stream":${streamName(letter, number)}}`],
    ])
}

/** An exception that a frame tells, as members. */
export function exceptionOf(frame: Frame): Said {
  const members = bodyMembers(frame)
  members.delete('executed')
  if (!members.has('exval')) members.set('exval', bytesOf('""'))
  return [...members]
    .map(([name, slice]) => [name, new TextDecoder().decode(slice)] as const)
    .concat([['executed', quote(executedOf(frame.flags))]])
}

export function errorMembers({ code, message, details, executed }: Pick<WaybillError, 'code' | 'message' | 'details' | 'executed'>): Said {
  return [
    ['exval', quote(message)],
    ['code', quote(code)],
    ...(details === undefined ? [] : [['details', JSON.stringify(details)] as const]),
    ['executed', quote(executed)],
  ]
}

const CLOSED = errorMembers({
  code: 'Closed',
  message: 'the call that the stream belongs to has ended',
  details: undefined,
  executed: 'maybe',
})
