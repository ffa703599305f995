/** Does to a simulation what its scenario says goes wrong, and heals it. Notes each trouble, so that the checks know what it explains. */
import type { Network } from '../network.js'
import type { Seeded } from '../random.js'
import type { World } from '../world.js'
import type { Cast } from './cast.js'
import type { History } from './history.js'
import type { FaultPlan, RouterDeath } from './fault-plans.js'

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
    this.#healRouter()
    for (const { process } of cast.living) process.goOn()
    for (const name of cast.names) if (cast.current.get(name)?.isLeaving !== false) cast.start(name)
  }

  #strike(fault: FaultPlan): void {
    const { network, cast } = this.#parts
    const { target, forMs } = fault
    const life = cast.current.get(target)
    if (fault.kind === 'killRouter') return this.#killRouter(fault, forMs)
    if (fault.kind === 'failingDisk' || fault.kind === 'fullDisk' || fault.kind === 'slowDisk') return this.#troubleDisk(fault, forMs)
    if (fault.kind === 'stop' && fault.isRouter) return this.#stopRouter(forMs)
    if (life?.client === undefined || life.isLeaving) return
    this.#note(target, fault.kind, forMs)
    switch (fault.kind) {
      case 'cut':
        return network.cut(life.process, () => this.#noticeMs())
      case 'outage':
        network.isolate(target, fault.how)
        network.cut(life.process, () => this.#noticeMs())
        this.#later(forMs, () => network.isolate(target, undefined))
        return
      case 'strand':
        return network.strand(life.process, fault.lateMs)
      case 'stop':
        life.process.stop()
        this.#later(forMs, () => life.process.goOn())
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

  #killRouter(death: RouterDeath, forMs: number): void {
    const { cast } = this.#parts
    const { storage } = cast.host
    const { upon, lateMs = 0 } = death
    if (upon === undefined || storage === undefined) return this.#endRouter(death, forMs)
    const strike = (): void => {
      if (lateMs === 0) this.#endRouter(death, forMs)
      else this.#later(lateMs, () => this.#endRouter(death, forMs))
    }
    storage.armed = { deed: upon, strike }
  }

  #endRouter({ how, isPower, skewMs, damage }: RouterDeath, forMs: number): void {
    const { cast, history } = this.#parts
    const { host } = cast
    if (host.process === undefined) return
    this.#note('router', 'killRouter', forMs)
    if (skewMs !== undefined && skewMs !== 0) this.#note('router', skewMs < 0 ? 'clock back' : 'clock forward', forMs)
    if (cast.router === undefined) history.count('router killed while it starts')
    cast.killRouter({ how, delayMs: this.#noticeMs(), ...(isPower && { isPower }), ...(skewMs !== undefined && { skewMs }) })
    if (damage !== undefined) void host.damage(damage)
    this.#later(forMs, () => this.#startRouter())
  }

  #startRouter(): void {
    const { cast } = this.#parts
    // A failing disk is mended by whoever starts the router again.
    if (cast.host.process === undefined) cast.host.storage?.heal()
    cast.startRouter()
  }

  #stopRouter(forMs: number): void {
    const { process } = this.#parts.cast.host
    if (process === undefined) return
    this.#note('router', 'stop', forMs)
    process.stop()
    this.#later(forMs, () => process.goOn())
  }

  #troubleDisk(fault: FaultPlan & { readonly kind: 'failingDisk' | 'fullDisk' | 'slowDisk' }, forMs: number): void {
    const { storage } = this.#parts.cast.host
    if (storage === undefined) return
    this.#note('router', fault.kind, forMs)
    if (fault.kind === 'slowDisk') {
      storage.extraMs = fault.extraMs
      this.#later(forMs, () => (storage.extraMs = 0))
    } else if (fault.kind === 'fullDisk') {
      storage.fill()
      this.#later(forMs, () => storage.heal())
    } else {
      storage.isFailing = true
      this.#later(forMs, () => this.#endRouter({ kind: 'killRouter', how: 'reset' }, 100))
    }
  }

  /** What has failed begins anew; what is about to begin is waited for by others. */
  #healRouter(): void {
    const { cast } = this.#parts
    const { host } = cast
    host.process?.goOn()
    if (host.router?.store?.journal.failure !== undefined) cast.killRouter({ how: 'reset', delayMs: this.#noticeMs() })
    host.storage?.heal()
    cast.startRouter()
  }

  #later(delayMs: number, heal: () => void): void {
    this.#parts.world.after(delayMs, () => this.#isHealed || heal())
  }

  #note(name: string, kind: string, forMs: number): void {
    const { world, history } = this.#parts
    const leaseMs = history.scenario.limits.leaseMs ?? 0
    history.count(`fault ${kind}`)
    history.troubles.push({
      name,
      kind,
      fromMs: world.nowMs,
      forMs,
      untilMs: world.nowMs + forMs + AFTERMATH_MS + (history.scenario.storage === undefined ? 0 : leaseMs),
    })
  }

  #noticeMs(): number {
    return this.#parts.random.between(0, NOTICE_MS)
  }
}
