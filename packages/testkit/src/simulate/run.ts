/**
 * One simulation from its seed: everybody connects, the scenario happens, everything is healed, what is due must drain, everybody closes,
 * and nothing may be left.
 */
import type { Client } from '@waybill/client'
import type { End, Tap, Wire } from '../link.js'
import { Network } from '../network.js'
import { World } from '../world.js'
import { Callers } from './callers.js'
import { Cast, type Life } from './cast.js'
import { check } from './check.js'
import { countOutcomes } from './coverage.js'
import { Faults } from './faults.js'
import { History, type Violation } from './history.js'
import { workMs } from './kennel.js'
import { Observer } from './observer.js'
import { scenarioOf, type CallPlan } from './scenario.js'
import { traceTap } from './trace.js'

export interface Simulated {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** What was seen, and how often. */
  readonly counts: ReadonlyMap<string, number>
  readonly history: History
  /** Virtual milliseconds. */
  readonly tookMs: number
}

/** I16: within this time after everything works again, whatever is due has ended. */
const DRAIN_MS = 10_000
/** Longer than any grace, heartbeat or close. */
const REST_MS = 40_000

/** `trace` gets each line of what happens; without it nothing is written down. */
export async function simulate(seed: number, trace?: (line: string) => void): Promise<Simulated> {
  const history = new History(scenarioOf(seed))
  const simulation = new Simulation(history, trace)
  await simulation.run()
  check(history)
  countOutcomes(history)
  return { seed, violations: history.violations, counts: history.counts, history, tookMs: simulation.world.nowMs }
}

class Simulation {
  readonly world: World
  readonly #history: History
  readonly #network: Network
  readonly #cast: Cast
  readonly #callers: Callers
  readonly #faults: Faults

  constructor(history: History, trace: ((line: string) => void) | undefined) {
    const { seed, latencyMs } = history.scenario
    this.#history = history
    this.world = new World({ seed })
    const latency = this.world.random.fork('latency')
    const observer = new Observer(history, () => this.world.nowMs)
    this.#network = new Network(this.world, {
      latencyMs: () => latency.between(...latencyMs),
      tap:
        trace === undefined
          ? observer
          : both(
              traceTap(() => this.world.nowMs, trace),
              observer,
            ),
    })
    const parts = { world: this.world, network: this.#network, history }
    this.#cast = new Cast(parts)
    this.#callers = new Callers({ ...parts, cast: this.#cast })
    this.#faults = new Faults({ ...parts, cast: this.#cast, random: this.world.random.fork('faults') })
  }

  async run(): Promise<void> {
    const { scenario } = this.#history
    this.#cast.startRouter()
    for (const name of this.#cast.names) this.#cast.start(name)
    this.#callers.plan(scenario.calls)
    this.#faults.plan(scenario.faults)
    await this.world.advance(scenario.endMs + 1)
    this.#faults.heal()
    await this.#drain()
    await this.#probe()
    await this.#close()
  }

  /** I16, for what was going on. */
  async #drain(): Promise<void> {
    // What waits for a worker that takes one call at a time is due only when those before it have had their time.
    const dueMs = this.world.nowMs + this.#callers.pending.reduce((sum, { plan }) => sum + workMs(plan), DRAIN_MS)
    while (this.#callers.pending.length > 0 && this.world.nowMs < dueMs) await this.world.advance(100)
    for (const { plan } of this.#callers.pending)
      this.#history.violate('I16', `call ${plan.id} is pending long after everything works again`)
  }

  /** I16, for what is new: everybody reaches everybody again. */
  async #probe(): Promise<void> {
    const healedMs = this.world.nowMs
    let id = 1_000_000
    for (const caller of this.#history.scenario.callers) {
      for (const { name } of this.#history.scenario.workers) {
        const first = (++id, id)
        let isAnswered = false
        while (!isAnswered && this.world.nowMs < healedMs + DRAIN_MS) {
          const life = this.#cast.current.get(caller)
          if (life?.client !== undefined) {
            const made = this.#callers.make(life, probe({ id: id++, caller, on: name, atMs: this.world.nowMs }))
            for (let waitedMs = 0; waitedMs < DRAIN_MS && made.ends.length === 0; waitedMs += 20) await this.world.advance(20)
            isAnswered = made.ends[0]?.kind === 'result'
          }
          if (!isAnswered) await this.world.advance(100)
        }
        if (!isAnswered)
          this.#history.violate('I16', `${caller} does not reach ${name} ${DRAIN_MS} ms after everything works again (probe ${first})`)
      }
    }
  }

  /** I14. */
  async #close(): Promise<void> {
    // Whose link was silent learns of it when heartbeats have found that out.
    const unaware = (): readonly Life[] => this.#cast.living.filter(({ isSuperseded, hasEnded }) => isSuperseded && !hasEnded)
    for (let waitedMs = 0; waitedMs < DRAIN_MS && unaware().length > 0; waitedMs += 100) await this.world.advance(100)
    for (const { name } of unaware()) this.#history.violate('superseded', `a process that ${name} was taken from goes on`)
    const { living } = this.#cast
    const closing = new Set(living)
    this.#cast.isOver = true
    for (const life of living) void this.#cast.close(life, 1000).then(() => closing.delete(life))
    await this.world.advance(REST_MS)
    for (const { name } of closing) this.#history.violate('I16', `${name} does not close`)
    for (const { name, client } of living) if (client !== undefined) this.#isIdle(name, client)
    const { router } = this.#cast.router!
    for (const [what, count] of Object.entries(router.load))
      if (count > 0) this.#history.violate('I14', `the router has ${count} ${what} when all have closed`)
    router.close()
    await this.world.advance(REST_MS)
    for (const { name, timers } of this.world.processes)
      if (timers > 0) this.#history.violate('I14', `${name} has ${timers} timers when all have closed`)
    for (const { id } of this.#network.wires) this.#history.violate('I14', `link ${id} is open when all have closed`)
  }

  #isIdle(name: string, { pending }: Client): void {
    const { outgoing, incoming } = pending
    if (outgoing + incoming > 0)
      this.#history.violate('I14', `${name} has ${outgoing} calls out and ${incoming} running when all have closed`)
  }
}

function probe({ id, caller, on, atMs }: { id: number; caller: string; on: string; atMs: number }): CallPlan {
  const nothing = { everyMs: 0, byFormer: false, cancelAfterMs: undefined, isWatched: false }
  return { ...nothing, id, method: 'fast', size: 1, atMs, caller, address: 'Kennel', on, timeoutMs: 2000, deadlineMs: 2000 }
}

function both(first: Tap, second: Tap): Tap {
  return {
    sent: (wire: Wire, from: End, packet: Uint8Array) => (first.sent?.(wire, from, packet), second.sent?.(wire, from, packet)),
    arrived: (wire, to, packet) => (first.arrived?.(wire, to, packet), second.arrived?.(wire, to, packet)),
    ended: (wire, at, end) => (first.ended?.(wire, at, end), second.ended?.(wire, at, end)),
    happened: (wire, what) => (first.happened?.(wire, what), second.happened?.(wire, what)),
  }
}
