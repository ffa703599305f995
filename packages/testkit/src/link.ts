/**
 * A wire between two processes of a world, and its two ends. What is sent arrives after a latency, in order, as a copy; what becomes due
 * at the same time arrives in one go, as from one read of a socket. Owns what is under way. Which faults happen when is decided
 * elsewhere.
 */
import type { Link, LinkEnd, LinkEvents } from '@waybill/core'
import type { VirtualProcess } from './process.js'
import type { World } from './world.js'

type Letter = { readonly atMs: number; readonly packet: Uint8Array } | { readonly atMs: number; readonly end: LinkEnd }

/** How long an end waits for the other side's answer to its close, as `ws` does. */
const CLOSE_MS = 30_000

/** What happens on wires, as it happens. */
export interface Tap {
  sent?(wire: Wire, from: End, packet: Uint8Array): void
  arrived?(wire: Wire, to: End, packet: Uint8Array): void
  /** An end of a wire has been told that it is over. */
  ended?(wire: Wire, at: End, end: LinkEnd): void
  /** What somebody did to a wire: opened, cut, silenced. */
  happened?(wire: Wire, what: string): void
}

export interface WireParts {
  readonly world: World
  readonly id: number
  readonly client: VirtualProcess
  readonly router: VirtualProcess
  readonly latencyMs: (from: VirtualProcess, to: VirtualProcess) => number
  readonly tap: Tap
  readonly over: (wire: Wire) => void
}

export class Wire {
  readonly id: number
  readonly client: End
  readonly router: End
  /** Somebody has cut or silenced it: packets are being lost. */
  isBroken = false
  readonly #over: (wire: Wire) => void

  constructor(readonly parts: WireParts) {
    this.id = parts.id
    this.client = new End(this, parts.client)
    this.router = new End(this, parts.router)
    this.#over = parts.over
  }

  other(end: End): End {
    return end === this.client ? this.router : this.client
  }

  /** What is under way is lost; both sides see the end, each after a delay of its own. */
  cut(clientDelayMs: number, routerDelayMs: number): void {
    this.isBroken = true
    this.parts.tap.happened?.(this, 'cut')
    this.client.lose(clientDelayMs)
    this.router.lose(routerDelayMs)
  }

  /** The client's side is over; what it had sent arrives so much later, beside what it sends by another link, and then the router's side is over too. */
  strand(delayMs: number): void {
    this.isBroken = true
    this.parts.tap.happened?.(this, 'stranded')
    this.router.defer(delayMs)
    this.client.lose(0)
  }

  /** What an end sends vanishes from here on, its goodbye included, and nobody is told. */
  silence(end: End): void {
    this.isBroken = true
    this.parts.tap.happened?.(this, `${end === this.client ? 'client' : 'router'} silenced`)
    end.isSilent = true
  }

  /** @internal */
  ended(): void {
    if (this.client.isOver && this.router.isOver) this.#over(this)
  }
}

export class End implements Link {
  readonly bufferedBytes = 0
  isSilent = false
  isOver = false
  #events: LinkEvents | undefined
  #isClosing = false
  /** The user of this end knows that it is over. What is sent between the end and this goes out for all that the sender can tell. */
  #isTold = false
  #isPaused = false
  #inbox: Letter[] = []
  #isExpecting = false
  #lastMs = 0
  readonly #wire: Wire

  constructor(
    wire: Wire,
    readonly process: VirtualProcess,
  ) {
    this.#wire = wire
  }

  /** Who is told of what arrives; before this nothing does. */
  join(events: LinkEvents): void {
    this.#events = events
    this.#expect()
  }

  // ---- Link

  send(packet: Uint8Array): void {
    if (this.#isTold || this.#isClosing || !this.process.isAlive) return
    this.#wire.parts.tap.sent?.(this.#wire, this, packet)
    this.#post({ atMs: this.#arrivalMs(), packet: packet.slice() })
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#expect()
  }

  end(code: number, reason: string): void {
    if (this.isOver || this.#isClosing || !this.process.isAlive) return
    this.#isClosing = true
    this.#post({ atMs: this.#arrivalMs(), end: { code, reason } })
    this.#later(CLOSE_MS, () => this.finish({ code: 1006, reason: '' }))
  }

  terminate(): void {
    if (this.isOver || !this.process.isAlive) return
    this.#post({ atMs: this.#arrivalMs(), end: { code: 1006, reason: '' } })
    this.finish({ code: 1006, reason: '' })
  }

  // ---- faults

  /** Nothing arrives here or leaves from here any more, and after `delayMs` this side is told. */
  lose(delayMs: number): void {
    this.isSilent = true
    this.#inbox = []
    this.#later(delayMs, () => this.finish({ code: 1006, reason: '' }))
  }

  /** What is under way to here takes so much longer, and is the last that comes. */
  defer(delayMs: number): void {
    this.#lastMs = Math.max(this.#lastMs, this.#wire.parts.world.nowMs) + delayMs
    const late = this.#inbox.map((letter): Letter => ({ ...letter, atMs: letter.atMs + delayMs }))
    this.#inbox = [...late, { atMs: this.#lastMs, end: { code: 1006, reason: '' } }]
    this.#expect()
  }

  /** The end, for this side. */
  finish(end: LinkEnd): void {
    if (this.isOver) return
    this.isOver = true
    this.#inbox = []
    if (this.process.isAlive) {
      const tell = (): void => {
        this.#isTold = true
        this.#wire.parts.tap.ended?.(this.#wire, this, end)
        this.#events?.ended(end)
      }
      this.#later(0, () => this.process.enter(tell))
    }
    this.#wire.ended()
  }

  // ---- what is under way

  #arrivalMs(): number {
    const { world, latencyMs } = this.#wire.parts
    const to = this.#wire.other(this)
    to.#lastMs = Math.max(to.#lastMs, world.nowMs + latencyMs(this.process, to.process))
    return to.#lastMs
  }

  #post(letter: Letter): void {
    if (this.isSilent || this.isOver) return
    const to = this.#wire.other(this)
    if (to.isOver) return
    to.#inbox.push(letter)
    to.#expect()
  }

  #expect(): void {
    const first = this.#inbox[0]
    if (first === undefined || this.#isExpecting || this.#isPaused || this.#events === undefined) return
    this.#isExpecting = true
    const receive = (): void => {
      this.#isExpecting = false
      this.#receive()
    }
    this.#later(first.atMs - this.#wire.parts.world.nowMs, () => this.process.enter(receive))
  }

  #receive(): void {
    const { world, tap } = this.#wire.parts
    while (!this.#isPaused && !this.isOver) {
      const letter = this.#inbox[0]
      if (letter === undefined) return
      if (letter.atMs > world.nowMs) return this.#expect()
      this.#inbox.shift()
      if ('end' in letter) {
        if (!this.#isClosing) this.#post({ atMs: this.#arrivalMs(), end: letter.end })
        return this.finish(letter.end)
      }
      if (!this.process.isAlive) continue
      tap.arrived?.(this.#wire, this, letter.packet)
      this.#events!.packet(letter.packet)
    }
  }

  #later(delayMs: number, run: () => void): void {
    this.#wire.parts.world.after(delayMs, run)
  }
}
