/**
 * A peer that speaks the protocol by hand, so that it can break it: opens a link, introduces itself, and sends whatever bytes it is given.
 * Owns nothing but its link; knows what the router sent as frames, in order.
 */
import {
  Exchange,
  findField,
  FrameReader,
  PACKET_HEADER_BYTES,
  parseBody,
  prepareBody,
  readConnected,
  Slab,
  writeFrame,
  writeOpening,
} from '@waybill/core'
import type { Connected, FrameHead, Introduction, Link, LinkEnd, PreparedBody, Transport } from '@waybill/core'

/** A frame that arrived, with copies of its bytes. */
export interface Seen {
  readonly type: number
  readonly flags: number
  readonly destination: number
  readonly source: number
  readonly call: number
  readonly ttlMs: number
  readonly method: number
  readonly encoding: number
  readonly body: Uint8Array
  /** The decoded body. */
  readonly value: unknown
  field(tag: number): Uint8Array | undefined
}

export interface PeerOptions {
  readonly introduction?: Partial<Introduction>
  /** Whether what arrives is acknowledged. Default true. */
  readonly acknowledges?: boolean
}

const slab = new Slab()

/** One frame as bytes. */
export function frameOf(head: FrameHead, extension?: Uint8Array, body?: PreparedBody): Uint8Array {
  const start = writeFrame(slab, head, extension, body)
  return slab.bytes.slice(start, slab.at)
}

/** One packet as bytes, its numbers still 0. */
export function packetOf(...frames: readonly Uint8Array[]): Uint8Array {
  const packet = new Uint8Array(PACKET_HEADER_BYTES + frames.reduce((sum, frame) => sum + frame.byteLength, 0))
  let at = PACKET_HEADER_BYTES
  for (const frame of frames) {
    packet.set(frame, at)
    at += frame.byteLength
  }
  return packet
}

export function body(value: unknown): PreparedBody {
  return prepareBody(value)
}

export class HostilePeer {
  readonly frames: Seen[] = []
  readonly exchange = new Exchange()
  /** The first message from the router. */
  readonly welcome: Promise<Uint8Array>
  readonly ended: Promise<LinkEnd>
  connected!: Connected
  link!: Link
  packets = 0
  readonly #waiting: { readonly matches: (frame: Seen) => boolean; readonly resolve: (frame: Seen) => void }[] = []
  #welcomed!: (message: Uint8Array) => void
  #end!: (end: LinkEnd) => void
  #open = false

  private constructor(acknowledges: boolean) {
    this.exchange.withhold(!acknowledges)
    this.welcome = new Promise((resolve) => (this.#welcomed = resolve))
    this.ended = new Promise((resolve) => (this.#end = resolve))
  }

  /** Opens a link and says nothing. */
  static async link(transport: Transport, url: string, options: PeerOptions = {}): Promise<HostilePeer> {
    const peer = new HostilePeer(options.acknowledges ?? true)
    const events = { packet: (bytes: Uint8Array) => peer.#packet(bytes), ended: (end: LinkEnd) => peer.#end(end) }
    peer.link = await transport.open(url, events, new AbortController().signal)
    return peer
  }

  /** Opens a link and introduces itself. Rejects with what the router refused with. */
  static async open(transport: Transport, url: string, options: PeerOptions = {}): Promise<HostilePeer> {
    const peer = await HostilePeer.link(transport, url, options)
    peer.link.send(writeOpening({ incarnation: 'beef'.repeat(5), ...options.introduction }))
    peer.connected = readConnected(await peer.welcome)
    return peer
  }

  /** Sends frames as the next packet. */
  send(...frames: readonly Uint8Array[]): void {
    this.link.send(this.exchange.seal(packetOf(...frames)))
  }

  /** The next frame that matches, or one that has arrived already. Each frame is given once. */
  next(matches: (frame: Seen) => boolean): Promise<Seen> {
    const at = this.frames.findIndex(matches)
    if (at >= 0) return Promise.resolve(this.frames.splice(at, 1)[0]!)
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }))
  }

  #packet(bytes: Uint8Array): void {
    if (!this.#open) {
      this.#open = true
      return this.#welcomed(bytes)
    }
    this.packets++
    if (this.exchange.arrive(bytes) === 'duplicate') return
    const frame = new FrameReader(2 ** 30)
    frame.open(bytes.slice(), PACKET_HEADER_BYTES)
    while (frame.next()) this.#frame(copyOf(frame))
    if (!this.exchange.withholds && this.exchange.unacknowledgedBytes > 0) this.link.send(this.exchange.sealUnnumbered())
  }

  #frame(frame: Seen): void {
    const at = this.#waiting.findIndex(({ matches }) => matches(frame))
    if (at < 0) this.frames.push(frame)
    else this.#waiting.splice(at, 1)[0]!.resolve(frame)
  }
}

function copyOf(frame: FrameReader): Seen {
  const { type, flags, destination, source, call, ttlMs, method, encoding } = frame
  const bytes = frame.body().slice()
  const own = new FrameReader(2 ** 30)
  own.open(frame.bytes.slice(frame.start, frame.end), 0)
  own.next()
  return {
    type,
    flags,
    destination,
    source,
    call,
    ttlMs,
    method,
    encoding,
    body: bytes,
    get value() {
      return parseBody(encoding, bytes)
    },
    field: (tag) => findField(own, tag),
  }
}
