/**
 * One process of a world: the ports that everything in it runs on. Its monotonic clock has an origin of its own, so a time that crosses
 * from one process to another shows. Killing it ends every timer, and whatever it still asks for never happens.
 */
import type { Clock, Ports, Soon, Timer } from '@waybill/core'
import type { Appointment } from './clock.js'
import type { Seeded } from './random.js'

/** 2026-01-01: the wall clock when a world begins. */
const WALL_ORIGIN_MS = 1_767_225_600_000

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
  readonly #dead: () => void

  constructor(world: Surroundings, name: string, id: number, dead: () => void) {
    this.name = name
    this.id = id
    this.random = world.random.fork(name)
    this.#dead = dead
    const originMs = this.random.whole(0, 1_000_000)
    const whileAlive = (run: () => void) => (): void => {
      if (this.isAlive) run()
    }
    this.clock = {
      nowMs: () => originMs + world.nowMs,
      wallMs: () => WALL_ORIGIN_MS + world.nowMs,
      timer: (delayMs, fire) => {
        if (!this.isAlive) return { cancel: () => {} }
        const appointment = world.after(delayMs, () => {
          this.#timers.delete(timer)
          fire()
        })
        const timer: Timer = {
          cancel: () => {
            appointment.cancelled = true
            this.#timers.delete(timer)
          },
        }
        this.#timers.add(timer)
        return timer
      },
    }
    this.soon = { onTick: (run) => world.tick(whileAlive(run)), afterInput: (run) => world.afterInput(whileAlive(run)) }
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
