/** Makes the faults of a plan happen to those who are there. Decides nothing but who is meant. */
import type { Actor } from './cast/actor.js'
import type { RouterProcess } from './cast/router.js'
import type { LogFile } from './log-file.js'
import type { HarnessLine } from './lines.js'
import { nowMs, pause } from './now.js'
import type { Fault, Role } from './plan.js'

export interface Cast {
  readonly router: RouterProcess
  readonly actors: readonly Actor[]
  readonly log: LogFile<HarnessLine>
}

/** Past this a link is no longer resumed in silence, and what runs there may be given up. */
const DIAL_AGAIN_MS = 2000

export class Weather {
  /** Nothing is begun from now on. */
  isOver = false
  readonly #cast: Cast
  readonly #under = new Set<Promise<void>>()
  #routerIsBusy = false

  constructor(cast: Cast) {
    this.#cast = cast
  }

  /** Resolves when the last one was begun. */
  async play(plan: readonly Fault[], signal: AbortSignal): Promise<void> {
    const fromMs = nowMs()
    for (const fault of plan) {
      await pause(fault.atMs - (nowMs() - fromMs), signal)
      if (signal.aborted) break
      const doing = this.#begin(fault)
      this.#under.add(doing)
      void doing.finally(() => this.#under.delete(doing))
    }
    this.isOver = true
  }

  /** Ends what is under way, and brings back who is not there. */
  async heal(): Promise<void> {
    this.isOver = true
    for (const { part } of this.#cast.actors) part.cable?.heal()
    await Promise.all(this.#under)
    await this.#upRouter()
    for (const actor of this.#cast.actors) actor.start()
    this.#cast.log.write({ e: 'healed' })
  }

  /** A router that ended by itself is started again; that it did is in the log. */
  async upkeep(): Promise<void> {
    if (!this.#routerIsBusy && !this.#cast.router.isRunning) await this.#upRouter()
  }

  async #begin(fault: Fault): Promise<void> {
    const { log, actors } = this.#cast
    switch (fault.kind) {
      case 'kill-router':
        return this.#killRouter(fault)
      case 'kill':
        return this.#pick(fault.who, fault.role)?.end(fault.gently, fault.downMs)
      case 'stop':
        return fault.role === 'router' ? this.#stopRouter(fault.forMs) : this.#pick(fault.who, fault.role)?.stop(fault.forMs)
      default:
    }
    const wired = actors.filter(({ part, isRunning }) => part.cable !== undefined && isRunning)
    const actor = wired[Math.floor(fault.who * wired.length)]
    if (actor === undefined) return
    const { who } = actor
    const cable = actor.part.cable!
    switch (fault.kind) {
      case 'half-open':
        log.write({ e: 'away', who, why: 'half-open', forMs: fault.forMs })
        cable.swallow()
        await pause(fault.forMs)
        return cable.heal()
      case 'delay':
        log.write({ e: 'away', who, why: 'delay', forMs: fault.forMs })
        cable.delayMs = fault.delayMs
        await pause(fault.forMs)
        cable.delayMs = 0
        return
      case 'cut':
        log.write({ e: 'fault', what: 'cut', who })
        return cable.cutNext(fault)
      case 'double':
        log.write({ e: 'fault', what: 'packet twice', who })
        return cable.doubleNext(fault.direction)
      case 'dial-again':
        log.write({ e: 'fault', what: 'dialled twice', who })
        return cable.dialAgain(DIAL_AGAIN_MS)
    }
  }

  async #killRouter({ downMs, againMs, gently }: Extract<Fault, { kind: 'kill-router' }>): Promise<void> {
    const { router, log } = this.#cast
    if (this.#routerIsBusy || !router.isRunning) return
    this.#routerIsBusy = true
    try {
      if (gently) {
        const { who } = router
        const { code, signal } = await router.ask()
        if (code !== 0) log.write({ e: 'died', who, how: `asked to end, it did with ${signal ?? code}` })
      } else await router.kill()
      await pause(downMs)
      if (againMs !== undefined) {
        const starting = router.start()
        await pause(againMs)
        await router.kill()
        await starting
      }
    } finally {
      await this.#upRouter()
      this.#routerIsBusy = false
    }
  }

  async #stopRouter(forMs: number): Promise<void> {
    const { router, actors, log } = this.#cast
    if (this.#routerIsBusy || !router.isRunning) return
    this.#routerIsBusy = true
    router.signal('SIGSTOP')
    log.write({ e: 'away', who: router.who, why: 'stop router', forMs })
    // From where they are nobody can be told from a router that is gone.
    for (const { who } of actors) log.write({ e: 'away', who, why: 'behind a stopped router', forMs })
    await pause(forMs)
    router.signal('SIGCONT')
    this.#routerIsBusy = false
  }

  async #upRouter(): Promise<void> {
    const { router, log } = this.#cast
    if (router.isRunning) return
    const refusal = await router.start()
    if (refusal === undefined) return
    const { who } = router
    log.write({
      e: 'died',
      who,
      how: `it did not start: ${refusal.signal ?? `exit ${refusal.code}`}: ${refusal.said.slice(-500)}`,
    })
  }

  #pick(fraction: number, role: Role): Actor | undefined {
    const there = this.#cast.actors.filter(({ part, isRunning }) => part.role === role && isRunning)
    return there[Math.floor(fraction * there.length)]
  }
}
