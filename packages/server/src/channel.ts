/**
 * The wire side of a session: what waits for a client, what was sent and is not acknowledged, and the link of the moment. Outlives its links.
 * Knows frames only as bytes, and nothing of calls.
 */
import { EARLY_FLUSH_BYTES, Exchange, framePacket, Outbox, PACKET_HEADER_BYTES, writeFrame, writeRawFrame } from '@waybill/core'
import type { FrameHead, FrameType, Link, PreparedBody, Slab } from '@waybill/core'
import type { Flusher } from './flusher.js'

/** Heartbeats need no credit, so this bounds what a client that never reads can make us say. */
const MAX_BEAT_BACKLOG_BYTES = 64 * 1024

export class Channel {
  readonly exchange = new Exchange()
  /** When anything last arrived, on the router's clock; and whether a heartbeat has been sent since. */
  heardMs: number
  pinged = false
  /** Numbered packets sent so far. */
  packets = 0
  /** The flusher's marks. */
  dirty = false
  owesAcknowledgement = false

  readonly #outbox: Outbox
  readonly #slab: Slab
  readonly #flusher: Flusher
  #link: Link | undefined
  /** Channels that get no credit because this one is full, and how many hold this one back. */
  readonly #heldBack = new Set<Channel>()
  #holders = 0
  #paused = false

  constructor(slab: Slab, flusher: Flusher, nowMs: number) {
    this.#slab = slab
    this.#flusher = flusher
    this.#outbox = new Outbox(slab)
    this.heardMs = nowMs
  }

  get link(): Link | undefined {
    return this.#link
  }

  /** Not read from because somebody else is full, so its silence means nothing. */
  get isPaused(): boolean {
    return this.#paused && !this.#heldBack.has(this)
  }

  /** Bytes that wait for this client, sent or not. */
  get outboundBytes(): number {
    return this.exchange.retainedBytes + this.#outbox.bytes
  }

  /**
   * Frames of a packet that arrived elsewhere; the bytes must not change any more. Those that follow the packet's header may go on in its place,
   * their own header over the old one.
   */
  push(source: Uint8Array, start: number, end: number): void {
    this.#push(source, start, end, start === PACKET_HEADER_BYTES)
  }

  /** The same for bytes that other channels are given too: nothing is ever written over them. */
  share(source: Uint8Array, start: number, end: number): void {
    this.#push(source, start, end, false)
  }

  #push(source: Uint8Array, start: number, end: number, headroom: boolean): void {
    this.#outbox.push(source, start, end, headroom)
    if (this.#outbox.bytes >= EARLY_FLUSH_BYTES) this.flush()
    else this.#flusher.touch(this)
  }

  write(head: FrameHead, extension?: Uint8Array, body?: PreparedBody): void {
    const headroom = this.#outbox.bytes === 0 ? PACKET_HEADER_BYTES : 0
    const start = writeFrame(this.#slab, head, extension, body, headroom)
    this.#push(this.#slab.bytes, start, this.#slab.at, headroom > 0)
  }

  /** A frame whose body is bytes already. */
  writeRaw(head: FrameHead, extension: Uint8Array | undefined, encoding: number, body: Uint8Array): void {
    const start = writeRawFrame(this.#slab, head, extension, encoding, body)
    this.#push(this.#slab.bytes, start, this.#slab.at, false)
  }

  /** Sends what waits, as far as there is a link; the rest waits for the next one. False when nothing was sent. */
  flush(): boolean {
    if (this.#link === undefined) return false
    const before = this.packets
    for (let packet = this.#outbox.take(); packet !== undefined; packet = this.#outbox.take()) {
      this.#link.send(this.exchange.seal(packet))
      this.packets++
    }
    return this.packets > before
  }

  heard(nowMs: number): void {
    this.heardMs = nowMs
    this.pinged = false
  }

  acknowledge(): void {
    this.#link?.send(this.exchange.sealUnnumbered())
  }

  /** A heartbeat or its answer; left out where the client does not even take what was sent before. */
  beat(type: typeof FrameType.ping | typeof FrameType.pong): void {
    if (this.#link === undefined || this.#link.bufferedBytes > MAX_BEAT_BACKLOG_BYTES) return
    this.#link.send(this.exchange.sealUnnumbered(framePacket(this.#slab, { type })))
  }

  attach(link: Link, nowMs: number): void {
    this.#link = link
    this.#paused = false
    this.heard(nowMs)
  }

  /** Sends again what the client did not receive, then what waited meanwhile. */
  resume(peerReceived: number): void {
    for (const packet of this.exchange.resume(peerReceived)) this.#link?.send(packet)
    this.flush()
  }

  detach(): Link | undefined {
    const link = this.#link
    this.#link = undefined
    return link
  }

  /**
   * Gives `feeder` no more credit until this channel has room again. It is read on, as its own acknowledgements may be what somebody waits for.
   */
  holdBack(feeder: Channel): void {
    if (this.#heldBack.has(feeder)) return
    this.#heldBack.add(feeder)
    feeder.hold()
  }

  /** No more credit, until `letGo` was called as often as this. */
  hold(): void {
    this.#holders++
    this.exchange.withhold(true)
  }

  letGo(): void {
    if (--this.#holders > 0) return
    this.exchange.withhold(false)
    this.acknowledge()
    if (!this.#paused) return
    this.#paused = false
    this.#link?.resume()
  }

  /** The client has caught up: lets go of whom this channel held back once half of the room is free again. */
  caughtUp(roomBytes: number): void {
    if (this.#heldBack.size > 0 && this.outboundBytes <= roomBytes / 2) this.#letAllGo()
  }

  /** A client that goes on without credit, which no honest one does, is not read from any more until it has credit again. */
  restrain(mostBytes: number): void {
    if (!this.exchange.withholds || this.#paused || this.exchange.unacknowledgedBytes <= mostBytes) return
    this.#paused = true
    this.#link?.pause()
  }

  #letAllGo(): void {
    for (const feeder of this.#heldBack) feeder.letGo()
    this.#heldBack.clear()
  }

  /** For good: nothing that waits will ever be sent. */
  dispose(): void {
    this.#outbox.clear()
    // Whoever has left may be kept for a stored call, for days; what it did not take is not.
    this.exchange.forget()
    this.#letAllGo()
  }
}
