/**
 * A link over a socket: what is sent gets its length in front, and all of one turn leaves in one system call; what arrives goes through a
 * `Framer`. Knows a socket only as something that carries bytes in order, so both ends and every kind of socket share it.
 */
import type { Link, LinkEnd, LinkEvents, Ports, Timer } from '../ports/index.js'
import { Framer, LENGTH_BYTES } from './framer.js'
import { writeU32 } from './little-endian.js'
import { Slab } from './slab.js'

/** Node's sockets fit: TCP, TLS, Unix. */
export interface ByteSocket {
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'close', listener: () => void): unknown
  write(bytes: Uint8Array): unknown
  /** What is written until `uncork` leaves together. */
  cork(): void
  uncork(): void
  pause(): unknown
  resume(): unknown
  end(): unknown
  destroy(): unknown
  /** Written and not yet given to the system. */
  readonly writableLength: number
}

export interface SocketLinkOptions {
  readonly ports: Pick<Ports, 'clock' | 'soon'>
  /** The longest message until the first is sent: until then the peer is nobody. */
  readonly mostBytesUnknown: number
  readonly mostBytes: number
  /** The peer announced a length that no message has; nothing more is read of it. Who is told can still say why, then ends the link. */
  faulty(fault: string, link: SocketLink): void
}

/** `ending`: closed here; what still arrives is dropped until the peer closes too. */
type State = 'open' | 'ending' | 'over'

/** How long a peer may take to close after we did. */
const CLOSE_MS = 1000
/** Up to this length one buffer costs less than the length and the message apart. */
const JOINED_BYTES = 2048

/** One for all links of the process. */
const slab = new Slab()

export class SocketLink implements Link {
  readonly #socket: ByteSocket
  readonly #options: SocketLinkOptions
  readonly #framer: Framer
  #events!: LinkEvents
  #state: State = 'open'
  #isFirst = true
  #corked = false
  #closing: Timer | undefined
  #end: LinkEnd = { reason: '' }

  constructor(socket: ByteSocket, options: SocketLinkOptions) {
    this.#socket = socket
    this.#options = options
    this.#framer = new Framer(options.mostBytesUnknown)
  }

  /** Begins to read. */
  join(events: LinkEvents): void {
    this.#events = events
    this.#socket.on('data', (chunk) => this.#arrived(chunk))
    this.#socket.on('error', ({ message }) => this.#because({ reason: message }))
    this.#socket.on('close', () => this.#closed())
  }

  send(packet: Uint8Array): void {
    if (this.#state !== 'open') return
    if (this.#isFirst) {
      this.#isFirst = false
      this.#framer.mostBytes = this.#options.mostBytes
    }
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      this.#options.ports.soon.onTick(this.#uncork)
    }
    const length = packet.byteLength
    const isJoined = length <= JOINED_BYTES
    const head = slab.take(isJoined ? LENGTH_BYTES + length : LENGTH_BYTES)
    writeU32(head, 0, length)
    if (isJoined) head.set(packet, LENGTH_BYTES)
    this.#socket.write(head)
    if (!isJoined) this.#socket.write(packet)
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  pause(): void {
    if (this.#state === 'open') this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(code: number, reason: string): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#because({ code, reason })
    this.#closing = this.#options.ports.clock.timer(CLOSE_MS, () => this.#socket.destroy())
    this.#socket.end()
    // The peer's own end is behind what it has sent.
    this.#socket.resume()
  }

  terminate(reason = 'terminated'): void {
    if (this.#state === 'over') return
    this.#state = 'ending'
    this.#because({ reason })
    this.#socket.destroy()
  }

  readonly #take = (message: Uint8Array): void => {
    if (this.#state === 'open') this.#events.packet(message)
  }

  #arrived(chunk: Uint8Array): void {
    if (this.#state !== 'open') return
    const fault = this.#framer.feed(chunk, this.#take)
    if (fault !== undefined && this.#isOpen()) this.#options.faulty(fault, this)
  }

  /** What was taken may have ended the link. */
  #isOpen(): boolean {
    return this.#state === 'open'
  }

  /** The first reason is the one that counts. */
  #because(end: LinkEnd): void {
    if (this.#end.reason === '') this.#end = end
  }

  #closed(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#closing?.cancel()
    this.#events.ended(this.#end)
  }

  readonly #uncork = (): void => {
    this.#corked = false
    this.#socket.uncork()
  }
}
