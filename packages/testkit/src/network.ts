/**
 * The network of a world: who listens where, how long packets take, and the transports that processes connect through. Owns the wires.
 * Faults are methods here; when they happen is decided elsewhere.
 */
import { WaybillError, type Link, type LinkEvents, type Transport } from '@waybill/core'
import { Wire, type Tap } from './link.js'
import type { VirtualProcess } from './process.js'
import type { World } from './world.js'

/** Where new links are brought; a router is one. */
export interface Listener {
  admit(link: Link): LinkEvents
}

export interface NetworkOptions {
  /** Drawn for each packet. */
  readonly latencyMs?: () => number
  readonly tap?: Tap
}

/** How the other side learns that a process is gone: its machine says so, or nobody does. */
export type Death = 'reset' | 'silent'

export class Network {
  readonly wires = new Set<Wire>()
  readonly #world: World
  readonly #latencyMs: () => number
  readonly #tap: Tap
  readonly #listeners = new Map<string, { readonly process: VirtualProcess; readonly listener: Listener }>()
  /** What each process's packets take on top, by process name. */
  readonly #extraMs = new Map<string, number>()
  readonly #unreachable = new Map<string, Death>()
  #opened = 0

  constructor(world: World, options: NetworkOptions = {}) {
    this.#world = world
    this.#latencyMs = options.latencyMs ?? (() => 0)
    this.#tap = options.tap ?? {}
  }

  listen(url: string, process: VirtualProcess, listener: Listener): void {
    this.#listeners.set(url, { process, listener })
  }

  transport(process: VirtualProcess): Transport {
    return { open: (url, events, signal) => this.#open(process, url, events, signal) }
  }

  /** The wires of a process that are not over, oldest first. */
  wiresOf(process: VirtualProcess): Wire[] {
    return [...this.wires].filter((wire) => wire.client.process === process || wire.router.process === process)
  }

  // ---- faults

  /** Cuts whatever wires the process has. `delayMs` is drawn for each end. */
  cut(process: VirtualProcess, delayMs: () => number = () => 0): void {
    for (const wire of this.wiresOf(process)) if (!wire.isBroken) wire.cut(delayMs(), delayMs())
  }

  /** The process's wires are over for it, and what it had sent arrives so much later. */
  strand(process: VirtualProcess, delayMs: number): void {
    for (const wire of this.wiresOf(process)) if (!wire.isBroken && wire.client.process === process) wire.strand(delayMs)
  }

  /** Half-open: one or both directions of the process's wires drop everything from here on. */
  silence(process: VirtualProcess, direction: 'in' | 'out' | 'both'): void {
    for (const wire of this.wiresOf(process)) {
      const own = wire.client.process === process ? wire.client : wire.router
      if (direction !== 'in') wire.silence(own)
      if (direction !== 'out') wire.silence(wire.other(own))
    }
  }

  /** Every packet to or from processes of this name takes so much longer; 0 heals it. */
  slow(name: string, extraMs: number): void {
    if (extraMs === 0) this.#extraMs.delete(name)
    else this.#extraMs.set(name, extraMs)
  }

  /** New links of processes of this name fail at once, or hang; undefined heals it. */
  isolate(name: string, how: Death | undefined): void {
    if (how === undefined) this.#unreachable.delete(name)
    else this.#unreachable.set(name, how)
  }

  /** The process was killed: what it had sent and is under way still arrives, unless it died silently. */
  died(process: VirtualProcess, how: Death, delayMs = 0): void {
    for (const [url, { process: listening }] of this.#listeners) if (listening === process) this.#listeners.delete(url)
    for (const wire of this.wiresOf(process)) {
      wire.isBroken = true
      const own = wire.client.process === process ? wire.client : wire.router
      own.isSilent = true
      own.finish({ code: 1006, reason: '' })
      this.#tap.happened?.(wire, `${process.name} died (${how})`)
      if (how === 'reset') wire.other(own).lose(delayMs)
    }
  }

  // ---- opening

  #open(process: VirtualProcess, url: string, events: LinkEvents, signal: AbortSignal): Promise<Link> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => reject(new WaybillError('RouterUnreachable', `no router at ${url}: ${reason}`))
      if (signal.aborted) return fail('the attempt was given up')
      signal.addEventListener('abort', () => fail('it did not answer in time'), { once: true })
      const roundTripMs = this.#latencyOf(process) * 2
      const knock = (): void => {
        const how = this.#unreachable.get(process.name)
        if (signal.aborted || how === 'silent') return
        const there = this.#listeners.get(url)
        if (there === undefined || how === 'reset') return fail('nobody listens there')
        // Nobody answers for a router that is stopped.
        there.process.enter(() => {
          if (!signal.aborted && process.isAlive) resolve(this.#join(process, events, there.process, there.listener))
        })
      }
      this.#world.after(roundTripMs, () => process.enter(knock))
    })
  }

  #join(client: VirtualProcess, events: LinkEvents, router: VirtualProcess, listener: Listener): Link {
    const wire: Wire = new Wire({
      world: this.#world,
      id: ++this.#opened,
      client,
      router,
      latencyMs: (from, to) => this.#latencyOf(from, to),
      tap: this.#tap,
      over: () => this.wires.delete(wire),
    })
    this.wires.add(wire)
    this.#tap.happened?.(wire, 'opened')
    wire.router.join(listener.admit(wire.router))
    wire.client.join(events)
    return wire.client
  }

  #latencyOf(...processes: readonly VirtualProcess[]): number {
    return processes.reduce((sum, { name }) => sum + (this.#extraMs.get(name) ?? 0), this.#latencyMs())
  }
}
