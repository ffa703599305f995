/**
 * One process of a world: the ports that everything in it runs on. Its monotonic clock has an origin of its own, so a time that crosses
 * from one process to another shows. Killing it ends every timer, and whatever it still asks for never happens. Stopping it holds back all that would run in it
 * until it goes on.
 */
import type { Clock, Ports, Soon, Timer } from '@waybill/core'
import type { Appointment } from './clock.js'
import type { Seeded } from './random.js'

/** 2026-01-01: the wall clock when a world begins. */
export const WALL_ORIGIN_MS = 1_767_225_600_000

/** What a process asks of the world that it is in. */
export interface Surroundings {
  readonly nowMs: number
  readonly random: Seeded
  after(delayMs: number, run: () => void): Appointment
  tick(run: () => void): void
  afterInput(run: () => void): void
}

export class VirtualProcess implements Ports {
  isAlive = true
  readonly name: string
  /** Tells processes of the same name apart. */
  readonly id: number
  readonly random: Seeded
  readonly clock: Clock
  readonly soon: Soon
  readonly #timers = new Set<Timer>()
  readonly #world: Surroundings
  readonly #dead: () => void
  /** What would have run since it was stopped, in order. */
  #waiting: (() => void)[] | undefined

  /** `skewMs`: by how much its wall clock is wrong. */
  constructor(parts: { world: Surroundings; name: string; id: number; skewMs: number; dead: () => void }) {
    const { world, name, id, skewMs } = parts
    this.name = name
    this.id = id
    this.random = world.random.fork(name)
    this.#world = world
    this.#dead = parts.dead
    const originMs = this.random.whole(0, 1_000_000)
    const entering = (run: () => void) => (): void => this.enter(run)
    this.clock = {
      nowMs: () => originMs + world.nowMs,
      wallMs: () => WALL_ORIGIN_MS + skewMs + world.nowMs,
      timer: (delayMs, fire) => this.#timer(delayMs, fire),
    }
    this.soon = { onTick: (run) => world.tick(entering(run)), afterInput: (run) => world.afterInput(entering(run)) }
  }

  /** Something of this process happens: now, once it goes on where it is stopped, never where it was killed. */
  enter(run: () => void): void {
    if (!this.isAlive) return
    if (this.#waiting === undefined) run()
    else this.#waiting.push(run)
  }

  get isStopped(): boolean {
    return this.#waiting !== undefined
  }

  /** As by `SIGSTOP`: its clock goes on, and nothing runs. */
  stop(): void {
    this.#waiting ??= []
  }

  /** As by `SIGCONT`. */
  goOn(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const run of waiting) this.#world.after(0, () => this.enter(run))
  }

  #timer(delayMs: number, fire: () => void): Timer {
    if (!this.isAlive) return { cancel: () => {} }
    const due = (): void => {
      // It may have been due for a while, and cancelled by what ran before it.
      if (this.#timers.delete(timer)) fire()
    }
    const appointment = this.#world.after(delayMs, () => this.enter(due))
    const timer: Timer = {
      cancel: () => {
        appointment.cancelled = true
        this.#timers.delete(timer)
      },
    }
    this.#timers.add(timer)
    return timer
  }

  /** Timers that are set and have not fired. */
  get timers(): number {
    return this.#timers.size
  }

  /** Resolves after `delayMs` of this process's life; never, where it is killed before. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.clock.timer(delayMs, resolve))
  }

  /** As by `SIGKILL`. Its links must be ended by the network, which knows how the other side learns of it. */
  kill(): void {
    this.isAlive = false
    for (const timer of this.#timers) timer.cancel()
    this.#dead()
  }
}
