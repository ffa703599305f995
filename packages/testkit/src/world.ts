/**
 * The world of a simulation: one event loop on virtual time for every process in it. In one virtual instant it behaves as Node does: the
 * code that runs and its promise jobs, then `onTick`, then further input and timers that are due, then `afterInput`. Nothing in it
 * depends on real time, so the same seed gives the same history. Knows processes only as ports; what they are is the user's business.
 */
import { Calendar, type Appointment } from './clock.js'
import { VirtualProcess } from './process.js'
import { Seeded } from './random.js'

export interface WorldOptions {
  readonly seed?: number
  /** Runs by itself whatever is due now, so that only timers need `advance`. For ordinary tests; a simulation drives the world itself. */
  readonly flows?: boolean
}

/** Steps in one turn of the real loop: few enough that real timers, such as a test's timeout, fire although virtual time never ends. */
const STEPS_PER_TURN = 64

export class World {
  readonly random: Seeded
  readonly #calendar = new Calendar()
  readonly #processes = new Set<VirtualProcess>()
  readonly #flows: boolean
  #ticks: (() => void)[] = []
  #afterInput: (() => void)[] = []
  #running: Promise<void> | undefined
  #sequence = 0

  constructor({ seed = 1, flows = false }: WorldOptions = {}) {
    this.random = new Seeded(seed)
    this.#flows = flows
  }

  get nowMs(): number {
    return this.#calendar.nowMs
  }

  /** Every process that was started and not killed. */
  get processes(): Iterable<VirtualProcess> {
    return this.#processes
  }

  /** Starts a process: ports of its own, which end with it. `skewMs`: by how much its wall clock is wrong. */
  process(name: string, { skewMs = 0 }: { skewMs?: number } = {}): VirtualProcess {
    const dead = (): void => void this.#processes.delete(process)
    const process: VirtualProcess = new VirtualProcess({ world: this, name, id: ++this.#sequence, skewMs, dead })
    this.#processes.add(process)
    return process
  }

  // ---- what processes and networks ask for

  after(delayMs: number, run: () => void): Appointment {
    const appointment = this.#calendar.after(delayMs, run)
    if (this.#flows && appointment.atMs <= this.nowMs) this.#flow()
    return appointment
  }

  tick(run: () => void): void {
    this.#ticks.push(run)
    if (this.#flows) this.#flow()
  }

  afterInput(run: () => void): void {
    this.#afterInput.push(run)
    if (this.#flows) this.#flow()
  }

  // ---- driving it

  /** Runs everything that is due within the next `byMs`, and moves the time there. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.nowMs + byMs
    await this.#exclusively(async () => {
      await this.#steps(() => this.#step(untilMs))
      this.#calendar.nowMs = Math.max(this.nowMs, untilMs)
    })
  }

  /** Runs until the promise settles. Rejects with a plain error when it has not settled within `mostMs` of virtual time. */
  async until<T>(promise: PromiseLike<T>, mostMs = 3_600_000): Promise<T> {
    let settled = false
    const done = (): void => {
      settled = true
    }
    promise.then(done, done)
    const untilMs = this.nowMs + mostMs
    await this.#exclusively(() => this.#steps(() => !settled && this.#step(untilMs)))
    if (!settled) throw new Error(`nothing that could settle the promise happens within ${mostMs} ms`)
    return await promise
  }

  /** Runs whatever is due now, without moving the time. */
  #flow(): void {
    this.#running ??= this.#steps(() => this.#step(this.nowMs)).finally(this.#rest)
  }

  /** What came up while the last step was ending, or was left by who waited for something else, is due all the same. */
  readonly #rest = (): void => {
    this.#running = undefined
    if (this.#flows && this.#isDue) this.#flow()
  }

  get #isDue(): boolean {
    if (this.#ticks.length > 0 || this.#afterInput.length > 0) return true
    const next = this.#calendar.peek()
    return next !== undefined && next.atMs <= this.nowMs
  }

  async #exclusively(run: () => Promise<void>): Promise<void> {
    while (this.#running !== undefined) await this.#running
    this.#running = run().finally(this.#rest)
    await this.#running
  }

  /**
   * Takes steps until one is false. Node ends each immediate only when no promise job and no tick of its own is left, however long their chain
   * is, and has reported what was rejected and is not handled; so a step is an immediate, and many of them share one turn of the real loop.
   */
  #steps(step: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let queued: NodeJS.Immediate[] = []
      let taken = 0
      const end = (): void => {
        for (const immediate of queued) clearImmediate(immediate)
      }
      const take = (): void => {
        try {
          if (!step()) {
            end()
            resolve()
          } else if (++taken === queued.length) turn()
        } catch (thrown) {
          end()
          reject(thrown as Error)
        }
      }
      const turn = (): void => {
        taken = 0
        queued = Array.from({ length: STEPS_PER_TURN }, () => setImmediate(take))
      }
      turn()
    })
  }

  /** One round of whatever comes next; false when nothing is left until then. */
  #step(untilMs: number): boolean {
    if (this.#ticks.length > 0) {
      const ticks = this.#ticks
      this.#ticks = []
      for (const run of ticks) run()
      return true
    }
    const next = this.#calendar.peek()
    const isDueNow = next !== undefined && next.atMs <= this.nowMs
    if (!isDueNow && this.#afterInput.length > 0) {
      const afterInput = this.#afterInput
      this.#afterInput = []
      for (const run of afterInput) run()
      return true
    }
    if (next === undefined || next.atMs > untilMs) return false
    this.#calendar.take()!.run()
    return true
  }
}
