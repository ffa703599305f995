/**
 * The client's end of a session: keeps the exchange going over one link after another, and says when the session is open, lost or over. Moves
 * through `clientSession`. Owns the exchange, what waits to be sent, and the attempts to reach the router; knows frames only as something to
 * hand on.
 */
import {
  clientSession,
  EARLY_FLUSH_BYTES,
  Exchange,
  FrameType,
  Outbox,
  PACKET_HEADER_BYTES,
  Slab,
  WaybillError,
  writeFrame,
  writeRawFrame,
  framePacket,
} from '@waybill/core'
import type {
  ClientSessionEvent,
  ClientSessionState,
  Connected,
  FrameHead,
  FrameReader,
  Introduction,
  Link,
  PreparedBody,
  Timer,
} from '@waybill/core'
import { Acknowledging } from './acknowledging.js'
import { Attempt, type Door } from './attempt.js'
import type { Backoff } from './backoff.js'
import { errorFromGoodbye, isFinal } from './failures.js'
import { Inbox, type Readers } from './inbox.js'
import { Lanes, type Sendable } from './lanes.js'
import { Liveness } from './liveness.js'
import { PIECE_BYTES } from './pieces.js'
import { Retry } from './retry.js'

export interface ConnectionEvents {
  /** A new session; the one before, if any, was reported lost. */
  opened(connected: Connected): void
  /** A frame of a numbered packet, in order, once. The reader is only valid during the call. */
  frame(frame: FrameReader): void
  /** An attempt to reach the router came to nothing; the next one follows. */
  unreachable(error: WaybillError): void
  /** The session cannot be resumed; another one may open. */
  lost(reason: string): void
  /** For good: refused, superseded or closed. */
  ended(error: WaybillError | undefined): void
}

export interface ConnectionOptions extends Door, Readers {
  readonly introduction: Omit<Introduction, 'resume'>
  readonly backoff: Backoff
  readonly acknowledgeMs: number
}

/** One for all connections of the process. */
const slab = new Slab()

export class Connection {
  /** What the router said when the session began; undefined before. */
  connected: Connected | undefined
  /** The longest piece of a body that goes into one frame, with room for the header and names beside it. */
  pieceBytes = PIECE_BYTES
  readonly #options: ConnectionOptions
  readonly #inbox: Inbox
  readonly #events: ConnectionEvents
  readonly #retry: Retry
  readonly #acknowledging: Acknowledging
  readonly #lanes = new Lanes()
  #state: ClientSessionState = 'opening'
  #exchange = new Exchange()
  #outbox = new Outbox(slab)
  #link: Link | undefined
  #liveness: Liveness | undefined
  #token = ''
  #attempt: Attempt | undefined
  #grace: Timer | undefined
  #flushing = false
  #emptied: (() => void) | undefined

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options
    this.#events = events
    this.#acknowledging = new Acknowledging(options.ports.clock, options.acknowledgeMs, () => {
      if (this.#exchange.unacknowledgedBytes > 0) this.#link?.send(this.#exchange.sealUnnumbered())
    })
    this.#retry = new Retry(options.ports, options.backoff)
    this.#inbox = new Inbox(options, {
      frame: (frame) => events.frame(frame),
      goodbye: (frame) => this.#goodbye(frame),
      pinged: () => this.#beat(FrameType.pong),
    })
  }

  /** Whether frames can leave now. */
  get isLinked(): boolean {
    return this.#link !== undefined
  }

  /** When the last packet arrived, on the local clock. */
  get heardMs(): number {
    return this.#liveness?.heardMs ?? 0
  }

  /** Begins to look for the router, and does not stop before `stop`. */
  start(): void {
    this.#knock()
  }

  /** Time has passed that nobody noticed, or there is a network again: it is tried now. */
  wake(): void {
    if (this.#state === 'ended') return
    // An attempt that is under way may have begun without a network, or be about to succeed: should it fail, another one follows at once.
    this.#retry.forget(this.#attempt !== undefined)
    if (this.#attempt !== undefined) return
    if (this.#link !== undefined) return this.#liveness?.doubt()
    this.#retry.cancel()
    this.#knock()
  }

  /** Goodbye, and the end. What was written is sent first. */
  stop(error?: WaybillError): void {
    if (this.#state === 'ended') return
    this.#step('close')
    if (this.#link !== undefined) {
      this.write({ type: FrameType.goodbye })
      this.#send()
    }
    this.#end(error)
  }

  // ---- sending

  /** A frame that needs no credit: an answer, a status, a cancel. It waits where there is no link. Returns its length. */
  write(head: FrameHead, extension?: Uint8Array, body?: PreparedBody): number {
    const headroom = this.#outbox.bytes === 0 ? PACKET_HEADER_BYTES : 0
    const start = writeFrame(slab, head, extension, body, headroom)
    const length = slab.at - start
    this.#push(start, headroom > 0)
    return length
  }

  writeRaw(head: FrameHead, extension: Uint8Array | undefined, encoding: number, piece: Uint8Array): void {
    const headroom = this.#outbox.bytes === 0 ? PACKET_HEADER_BYTES : 0
    this.#push(writeRawFrame(slab, head, extension, encoding, piece, headroom), headroom > 0)
  }

  /** Whether anything but a few bytes may be written now: no more than the window is under way. */
  get hasCredit(): boolean {
    return this.#exchange.retainedBytes + this.#outbox.bytes < (this.connected?.limits.windowBytes ?? 0)
  }

  /** Nothing waits in front of what is written now. */
  get isIdle(): boolean {
    return this.#lanes.isIdle
  }

  /**
   * Whether an item of a stream may be written now, and overtakes nothing. Streams have half of the window: where somebody who reads them has stopped, and
   * nothing is acknowledged any more, calls of others are still answered.
   */
  get hasRoom(): boolean {
    return this.#link !== undefined && this.#hasItemCredit && this.#lanes.size === 0
  }

  get #hasItemCredit(): boolean {
    return this.#exchange.retainedBytes + this.#outbox.bytes < (this.connected?.limits.windowBytes ?? 0) / 2
  }

  /** Something that has frames to write when there is a link and credit; the end of the line is its place after each. */
  enqueue(sendable: Sendable): void {
    this.#lanes.push(sendable, false)
    this.#flushSoon()
  }

  /** The same for items of streams. */
  enqueueItem(sendable: Sendable): void {
    this.#lanes.push(sendable, true)
    this.#flushSoon()
  }

  /** Resolves when nothing waits to be written any more. */
  flushed(): Promise<void> {
    if (this.#lanes.size === 0 && this.#outbox.bytes === 0) return Promise.resolve()
    return new Promise((resolve) => (this.#emptied = resolve))
  }

  #push(start: number, headroom: boolean): void {
    this.#outbox.push(slab.bytes, start, slab.at, headroom)
    if (this.#outbox.bytes >= EARLY_FLUSH_BYTES) this.#send()
    else this.#flushSoon()
  }

  #flushSoon(): void {
    if (this.#flushing || this.#link === undefined) return
    this.#flushing = true
    this.#options.ports.soon.onTick(this.#flush)
  }

  readonly #flush = (): void => {
    this.#flushing = false
    if (this.#link === undefined) return
    const now = this.#options.ports.clock.nowMs()
    // The acknowledgement is the credit.
    while (this.hasCredit) if (!this.#lanes.writeNext(now, this.#hasItemCredit)) break
    this.#send()
    if (this.#lanes.size === 0) this.#emptied?.()
  }

  #send(): void {
    if (this.#link === undefined) return
    for (let packet = this.#outbox.take(); packet !== undefined; packet = this.#outbox.take()) this.#link.send(this.#exchange.seal(packet))
  }

  // ---- reaching the router

  #knock(): void {
    this.#attempt = new Attempt(
      this.#options,
      { ...this.#options.introduction, ...this.#identity() },
      {
        welcomed: (link, connected) => this.#welcomed(link, connected),
        failed: (error) => this.#failed(error),
        packet: (packet, link) => this.#arrived(packet, link),
        ended: (link) => this.#linkEnded(link),
      },
    )
  }

  /** The name that the router minted stays ours over all sessions. */
  #identity(): Pick<Introduction, 'name' | 'resume'> {
    if (this.connected === undefined) return {}
    const { name, session } = this.connected
    if (this.#state !== 'broken') return { name }
    return { name, resume: { session, token: this.#token, received: this.#exchange.received } }
  }

  #welcomed(link: Link, connected: Connected): void {
    this.#attempt = undefined
    this.#grace?.cancel()
    this.#token = connected.token
    if (connected.resumed) {
      this.#step('connected')
      this.#attach(link)
      return this.#replay(link, connected.received)
    }
    if (this.#state === 'broken') this.#lose('the router began a new session')
    this.#step('connected')
    this.connected = connected
    this.#inbox.open(connected.limits.maxFrameBytes)
    this.pieceBytes = Math.min(PIECE_BYTES, Math.ceil(connected.limits.maxFrameBytes / 2))
    this.#exchange = new Exchange()
    this.#outbox = new Outbox(slab)
    this.#attach(link)
    this.#events.opened(connected)
    this.#flushSoon()
  }

  /** Sends again what the router did not receive, then what waited meanwhile. */
  #replay(link: Link, received: number): void {
    try {
      for (const packet of this.#exchange.resume(received)) link.send(packet)
    } catch (thrown) {
      return this.#abandon(WaybillError.from(thrown))
    }
    this.#send()
    this.#flushSoon()
  }

  #failed(error: WaybillError): void {
    this.#attempt = undefined
    if (this.#state === 'ended') return
    if (isFinal(error)) {
      this.#step('refused')
      return this.#end(error)
    }
    this.#events.unreachable(error)
    this.#knockLater()
  }

  #knockLater(): void {
    this.#retry.later(this.connected === undefined, () => this.#knock())
  }

  #attach(link: Link): void {
    const { clock } = this.#options.ports
    this.#link = link
    this.#retry.reached()
    this.#liveness = new Liveness(clock, this.connected!.limits, {
      ask: () => this.#beat(FrameType.ping),
      giveUp: () => {
        link.terminate()
        this.#linkEnded(link)
      },
    })
  }

  // ---- losing it

  #linkEnded(link: Link): void {
    if (this.#link !== link) return
    this.#detach()
    this.#step('linkEnded')
    this.#grace = this.#options.ports.clock.timer(this.connected!.limits.resumeGraceMs, () => {
      if (this.#state === 'broken') this.#lose('it was not restored in time')
    })
    this.#knock()
  }

  /** The session is over; the next one starts from nothing. */
  #lose(reason: string): void {
    this.#step('lost')
    this.#state = 'opening'
    this.#events.lost(reason)
    // An attempt that is under way asks for the old session: one that asks for a new one follows at once.
    if (this.#attempt !== undefined) this.#retry.forget(true)
    this.#attempt?.abort('the session is over')
  }

  /** The session is broken beyond repair: a new one begins, later. */
  #abandon(error: WaybillError): void {
    this.#link?.terminate()
    this.#detach()
    this.#step('linkEnded')
    this.#lose(error.message)
    this.#knockLater()
  }

  #detach(): void {
    this.#link = undefined
    this.#quiet()
    this.#retry.left()
  }

  #end(error: WaybillError | undefined): void {
    this.#quiet()
    this.#attempt?.abort('the client has ended')
    this.#retry.cancel()
    this.#grace?.cancel()
    const link = this.#link
    this.#link = undefined
    link?.end(1000, error?.code ?? 'closed')
    this.#lanes.clear()
    this.#events.ended(error)
  }

  #quiet(): void {
    this.#liveness?.stop()
    this.#acknowledging.cancel()
  }

  // ---- receiving

  /** What needs something that is not loaded waits for it, unacknowledged, and whatever is behind it. */
  #arrived(packet: Uint8Array, link: Link): void {
    if (this.#link !== link) return
    this.#liveness!.heard()
    if (!this.#inbox.isLate(packet)) return this.#packet(packet)
    // A link that has ended meanwhile is followed by one on which all of it comes again.
    this.#inbox.hold(packet, () => this.#link === link && this.#packet(packet))
  }

  #packet(packet: Uint8Array): void {
    const exchange = this.#exchange
    const before = exchange.retainedBytes
    try {
      const arrival = exchange.arrive(packet)
      if (arrival !== 'duplicate') this.#inbox.read(packet, arrival === 'fresh')
    } catch (thrown) {
      return this.#abandon(WaybillError.from(thrown))
    }
    if (exchange !== this.#exchange || this.#link === undefined) return
    if (exchange.retainedBytes < before && this.#lanes.size > 0) this.#flushSoon()
    this.#acknowledging.due(exchange.unacknowledgedBytes, this.connected!.limits.windowBytes)
  }

  #goodbye(frame: FrameReader): void {
    const error = errorFromGoodbye(frame)
    if (!isFinal(error)) return this.#abandon(error)
    this.#step('goodbye')
    this.#end(error)
  }

  // ---- what needs no number

  #beat(type: typeof FrameType.ping | typeof FrameType.pong): void {
    this.#link?.send(this.#exchange.sealUnnumbered(framePacket(slab, { type })))
  }

  #step(event: ClientSessionEvent): void {
    const next = clientSession[this.#state][event]
    if (next === 'wrong') throw new WaybillError('Internal', `a session that is ${this.#state} cannot take ${event}`)
    this.#state = next
  }
}
