/**
 * The client's end of a session: finds the router, introduces itself, keeps the exchange going over one link after another, and says when the
 * session is open, lost or over. Moves through `clientSession`. Owns link, exchange, outbox and heartbeat; knows frames only as something to
 * hand on.
 */
import {
  clientSession,
  EARLY_FLUSH_BYTES,
  Exchange,
  FrameReader,
  FrameType,
  Outbox,
  PACKET_HEADER_BYTES,
  parseBody,
  Queue,
  readConnected,
  Slab,
  WaybillError,
  writeFrame,
  writeOpening,
  writeRawFrame,
  isCode,
} from '@waybill/core'
import type {
  ClientSessionEvent,
  ClientSessionState,
  Connected,
  FrameHead,
  Introduction,
  Link,
  LinkEvents,
  Ports,
  PreparedBody,
  Timer,
  Transport,
} from '@waybill/core'
import { delayOf, type Backoff } from './backoff.js'

/** Something that waits for credit and writes one frame at a time. */
export interface Sendable {
  /** Writes its next frame; true when more remains. */
  writeNext(nowMs: number): boolean
}

export interface ConnectionEvents {
  /** A new session; the one before, if any, was reported lost. */
  opened(connected: Connected): void
  /** A frame of a numbered packet, in order, once. The reader is only valid during the call. */
  frame(frame: FrameReader): void
  /** The session cannot be resumed; another one may open. */
  lost(reason: string): void
  /** For good: refused, superseded or closed. */
  ended(error: WaybillError | undefined): void
}

export interface ConnectionOptions {
  readonly url: string
  readonly transport: Transport
  readonly ports: Ports
  readonly introduction: Omit<Introduction, 'resume'>
  readonly backoff: Backoff
  /** How long one attempt to open a link and be welcomed may take. */
  readonly attemptMs: number
  readonly acknowledgeMs: number
}

/** A refusal that another attempt would get again. */
const FINAL: ReadonlySet<string> = new Set(['Unauthorized', 'Forbidden', 'Incompatible', 'BadAddress', 'Superseded'])

export class Connection {
  /** What the router said when the session began; undefined before. */
  connected: Connected | undefined
  /** When the last packet arrived, on the local clock. */
  heardMs = 0
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  readonly #slab = new Slab()
  readonly #queue = new Queue<Sendable>()
  #state: ClientSessionState = 'opening'
  #reader = new FrameReader(MAX_FRAME_BYTES)
  #exchange = new Exchange()
  #outbox = new Outbox(this.#slab)
  #link: Link | undefined
  #token = ''
  #attempts = 0
  #attachedMs = 0
  #attempt: AbortController | undefined
  #retry: Timer | undefined
  #grace: Timer | undefined
  #heartbeat: Timer | undefined
  #acknowledge: Timer | undefined
  #pinged = false
  #flushing = false

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options
    this.#events = events
  }

  get state(): ClientSessionState {
    return this.#state
  }

  /** Whether frames can leave now. */
  get isLinked(): boolean {
    return this.#link !== undefined
  }

  /** Begins to look for the router, and does not stop before `stop`. `failed` is told of each attempt that came to nothing. */
  start(failed: (error: WaybillError) => void): void {
    void this.#open(failed)
  }

  // ---- sending

  /** A frame that needs no credit: an answer, a status, a cancel. It waits where there is no link. */
  write(head: FrameHead, extension?: Uint8Array, body?: PreparedBody): void {
    const start = writeFrame(this.#slab, head, extension, body)
    this.#push(start)
  }

  writeRaw(head: FrameHead, extension: Uint8Array | undefined, encoding: number, piece: Uint8Array): void {
    const start = writeRawFrame(this.#slab, head, extension, encoding, piece)
    this.#push(start)
  }

  /** Something that has frames to write when there is a link and credit; the end of the line is its place after each. */
  enqueue(sendable: Sendable): void {
    this.#queue.push(sendable)
    this.#flushSoon()
  }

  #push(start: number): void {
    this.#outbox.push(this.#slab.bytes, start, this.#slab.at)
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
    const { windowBytes } = this.connected!.limits
    const now = this.#options.ports.clock.nowMs()
    // The acknowledgement is the credit: no more than the window is under way.
    while (this.#exchange.retainedBytes + this.#outbox.bytes < windowBytes) {
      const sendable = this.#queue.shift()
      if (sendable === undefined) break
      if (sendable.writeNext(now)) this.#queue.push(sendable)
    }
    this.#send()
  }

  #send(): void {
    if (this.#link === undefined) return
    for (let packet = this.#outbox.take(); packet !== undefined; packet = this.#outbox.take()) this.#link.send(this.#exchange.seal(packet))
  }

  // ---- opening

  async #open(failed: (error: WaybillError) => void): Promise<void> {
    const { transport, url, attemptMs, ports } = this.#options
    const attempt = new AbortController()
    this.#attempt = attempt
    const timer = ports.clock.timer(attemptMs, () => attempt.abort())
    const welcome = new Welcome()
    const events: LinkEvents = {
      packet: (packet) => (this.#link === undefined || this.#link !== welcome.link ? welcome.take(packet) : this.#packet(packet)),
      ended: ({ reason }) => {
        welcome.fail(new WaybillError('RouterUnreachable', `the router at ${url} closed the connection${reason === '' ? '' : `: ${reason}`}`))
        if (welcome.link !== undefined) this.#linkEnded(welcome.link)
      },
    }
    attempt.signal.addEventListener('abort', () => welcome.fail(new WaybillError('RouterUnreachable', `no router at ${url}: it did not answer in time`)))
    try {
      const link = await transport.open(url, events, attempt.signal)
      welcome.link = link
      link.send(writeOpening({ ...this.#options.introduction, ...this.#identity() }))
      const connected = readConnected(await welcome.message)
      // Given up meanwhile: the session that this attempt asked to resume has been declared lost.
      if (attempt.signal.aborted) throw new WaybillError('RouterUnreachable', `no router at ${url}: the attempt was given up`)
      this.#welcomed(link, connected)
    } catch (thrown) {
      welcome.link?.terminate()
      if (this.#attempt === attempt) this.#failed(WaybillError.from(thrown, 'no'), failed)
    } finally {
      timer.cancel()
    }
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
    if (this.#state === 'ended') return link.terminate()
    this.#step('connected')
    this.connected = connected
    this.#reader = new FrameReader(connected.limits.maxFrameBytes)
    this.#exchange = new Exchange()
    this.#outbox = new Outbox(this.#slab)
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

  #detach(): void {
    this.#link = undefined
    this.#quiet()
    // A router that welcomes and then drops us is not hammered: only a link that lasted starts the backoff anew.
    if (this.#options.ports.clock.nowMs() - this.#attachedMs >= this.#options.backoff.mostMs) this.#attempts = 0
  }

  #attach(link: Link): void {
    this.#link = link
    this.#attachedMs = this.#options.ports.clock.nowMs()
    this.#heard()
    this.#beat()
  }

  #failed(error: WaybillError, failed: (error: WaybillError) => void): void {
    this.#attempt = undefined
    if (FINAL.has(error.code)) {
      this.#step('refused')
      return this.#end(error)
    }
    failed(error)
    if (this.#state === 'ended') return
    const { ports, backoff } = this.#options
    this.#retry = ports.clock.timer(delayOf(this.#attempts++, backoff, ports.random), () => void this.#open(failed))
  }

  // ---- the link's end

  #linkEnded(link: Link): void {
    if (this.#link !== link) return
    this.#detach()
    this.#step('linkEnded')
    this.#grace = this.#options.ports.clock.timer(this.connected!.limits.resumeGraceMs, () => {
      if (this.#state === 'broken') this.#lose('did not come back in time')
    })
    void this.#open(() => {})
  }

  /** The session is over; the next one starts from nothing. */
  #lose(reason: string): void {
    this.#step('lost')
    this.#state = 'opening'
    // An attempt that is under way asks for the old session.
    this.#attempt?.abort()
    this.#events.lost(reason)
  }

  #end(error: WaybillError | undefined): void {
    this.#quiet()
    this.#attempt?.abort()
    this.#retry?.cancel()
    this.#grace?.cancel()
    const link = this.#link
    this.#link = undefined
    link?.end(1000, error?.code ?? 'closed')
    this.#queue.clear()
    this.#events.ended(error)
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

  // ---- receiving

  #packet(packet: Uint8Array): void {
    this.#heard()
    const exchange = this.#exchange
    const before = exchange.retainedBytes
    try {
      const arrival = exchange.arrive(packet)
      if (arrival !== 'duplicate') this.#frames(packet, arrival === 'fresh')
    } catch (thrown) {
      // The session is broken beyond repair; a new one begins.
      return this.#abandon(WaybillError.from(thrown))
    }
    if (exchange !== this.#exchange || this.#link === undefined) return
    if (exchange.retainedBytes < before && this.#queue.size > 0) this.#flushSoon()
    if (exchange.unacknowledgedBytes === 0) return
    if (exchange.unacknowledgedBytes >= this.connected!.limits.windowBytes / 4) this.#acknowledgeNow()
    else this.#acknowledge ??= this.#options.ports.clock.timer(this.#options.acknowledgeMs, this.#acknowledgeNow)
  }

  #frames(packet: Uint8Array, numbered: boolean): void {
    const frame = this.#reader
    frame.open(packet, PACKET_HEADER_BYTES)
    while (frame.next()) {
      if (frame.type === FrameType.ping) this.#sendUnnumbered(FrameType.pong)
      else if (frame.type === FrameType.pong) continue
      else if (!numbered) throw new WaybillError('ProtocolViolation', `frame type ${frame.type} came in a packet without a number`)
      else if (frame.type === FrameType.goodbye) return this.#goodbye(frame)
      else this.#events.frame(frame)
    }
  }

  #goodbye(frame: FrameReader): void {
    const { code, message } = parseBody(frame.encoding, frame.body()) as { code?: unknown; message?: unknown }
    const error = new WaybillError(isCode(code) ? code : 'RouterLost', typeof message === 'string' ? message : 'the router said goodbye', { executed: 'maybe' })
    if (!FINAL.has(error.code)) return this.#abandon(error)
    this.#step('goodbye')
    this.#end(error)
  }

  #abandon(error: WaybillError): void {
    this.#link?.terminate()
    this.#detach()
    this.#step('linkEnded')
    this.#lose(error.message)
    const { ports, backoff } = this.#options
    this.#retry = ports.clock.timer(delayOf(this.#attempts++, backoff, ports.random), () => void this.#open(() => {}))
  }

  // ---- heartbeat and acknowledgement

  #heard(): void {
    this.heardMs = this.#options.ports.clock.nowMs()
    this.#pinged = false
  }

  readonly #beat = (): void => {
    const { heartbeatMs, heartbeatGraceMs } = this.connected!.limits
    this.#heartbeat = this.#options.ports.clock.timer(Math.max(10, Math.min(heartbeatMs, heartbeatGraceMs) / 5), this.#beat)
    const silentMs = this.#options.ports.clock.nowMs() - this.heardMs
    if (silentMs >= heartbeatMs + heartbeatGraceMs) {
      const link = this.#link!
      link.terminate()
      this.#linkEnded(link)
    } else if (silentMs >= heartbeatMs && !this.#pinged) {
      this.#pinged = true
      this.#sendUnnumbered(FrameType.ping)
    }
  }

  readonly #acknowledgeNow = (): void => {
    this.#acknowledge?.cancel()
    this.#acknowledge = undefined
    if (this.#link !== undefined && this.#exchange.unacknowledgedBytes > 0) this.#link.send(this.#exchange.sealUnnumbered())
  }

  #sendUnnumbered(type: number): void {
    const start = writeFrame(this.#slab, { type })
    const frame = this.#slab.bytes.subarray(start, this.#slab.at)
    const packet = new Uint8Array(PACKET_HEADER_BYTES + frame.byteLength)
    packet.set(frame, PACKET_HEADER_BYTES)
    this.#link?.send(this.#exchange.sealUnnumbered(packet))
  }

  #quiet(): void {
    this.#heartbeat?.cancel()
    this.#acknowledge?.cancel()
    this.#acknowledge = undefined
  }

  #step(event: ClientSessionEvent): void {
    const next = clientSession[this.#state][event]
    if (next === 'wrong') throw new WaybillError('Internal', `a session that is ${this.#state} cannot take ${event}`)
    this.#state = next
  }
}

/** Until the router has told its limits. */
const MAX_FRAME_BYTES = 64 * 1024

/** The router's answer to the introduction: the first message of a link. */
class Welcome {
  link: Link | undefined
  readonly message: Promise<Uint8Array>
  take!: (message: Uint8Array) => void
  fail!: (error: WaybillError) => void

  constructor() {
    this.message = new Promise((resolve, reject) => {
      this.take = resolve
      this.fail = reject
    })
    this.message.catch(() => {})
  }
}
