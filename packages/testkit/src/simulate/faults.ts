/** Does to a simulation what its scenario says goes wrong, and heals it. Notes each trouble, so that the checks know what it explains. */
import type { Network } from '../network.js'
import type { Seeded } from '../random.js'
import type { World } from '../world.js'
import type { Cast } from './cast.js'
import type { History } from './history.js'
import type { FaultPlan } from './fault-plans.js'

/**
 * How long the consequences of a trouble may still show after it has ended: a silent link is found out by heartbeats, then a grace
 * passes.
 */
const AFTERMATH_MS = 6000

export interface FaultParts {
  readonly world: World
  readonly network: Network
  readonly cast: Cast
  readonly history: History
  readonly random: Seeded
}

/** How much later each side learns of an end. */
const NOTICE_MS = 40

export class Faults {
  readonly #parts: FaultParts
  #isHealed = false

  constructor(parts: FaultParts) {
    this.#parts = parts
  }

  plan(faults: readonly FaultPlan[]): void {
    for (const fault of faults) this.#parts.world.after(fault.atMs, () => this.#strike(fault))
  }

  /** Everything works again: what was ended is started by then. */
  heal(): void {
    const { cast, network } = this.#parts
    this.#isHealed = true
    for (const name of cast.names) {
      network.slow(name, 0)
      network.isolate(name, undefined)
    }
    if (cast.router === undefined) cast.startRouter()
    for (const name of cast.names) if (cast.current.get(name)?.isLeaving !== false) cast.start(name)
  }

  #strike(fault: FaultPlan): void {
    const { network, cast, history } = this.#parts
    const { target, forMs } = fault
    const life = cast.current.get(target)
    if (fault.kind === 'killRouter') {
      if (cast.router === undefined) return
      this.#note('router', fault.kind, forMs)
      cast.killRouter(fault.how, this.#noticeMs())
      this.#later(forMs, () => cast.router ?? cast.startRouter())
      return
    }
    if (life?.client === undefined || life.isLeaving) return
    history.count(`fault ${fault.kind}`)
    this.#note(target, fault.kind, forMs)
    switch (fault.kind) {
      case 'cut':
        return network.cut(life.process, () => this.#noticeMs())
      case 'outage':
        network.isolate(target, fault.how)
        network.cut(life.process, () => this.#noticeMs())
        this.#later(forMs, () => network.isolate(target, undefined))
        return
      case 'silence':
        return network.silence(life.process, fault.direction)
      case 'slow':
        network.slow(target, fault.extraMs)
        this.#later(forMs, () => network.slow(target, 0))
        return
      case 'restart':
        cast.kill(life, fault.how, this.#noticeMs())
        this.#later(forMs, () => cast.current.has(target) || cast.start(target))
        return
      case 'supersede':
        life.isLeaving = true
        life.isSuperseded = true
        cast.start(target)
        return
      case 'close':
        // It may still be draining when its successor takes the name.
        void cast.close(life, fault.drainMs)
        this.#later(forMs, () => (cast.current.get(target) ?? life) === life && cast.start(target))
    }
  }

  #later(delayMs: number, heal: () => void): void {
    this.#parts.world.after(delayMs, () => this.#isHealed || heal())
  }

  #note(name: string, kind: string, forMs: number): void {
    const { world, history } = this.#parts
    history.troubles.push({ name, kind, fromMs: world.nowMs, untilMs: world.nowMs + forMs + AFTERMATH_MS })
  }

  #noticeMs(): number {
    return this.#parts.random.between(0, NOTICE_MS)
  }
}
