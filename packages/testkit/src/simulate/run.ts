/**
 * One simulation from its seed: everybody connects, the scenario happens, everything is healed, what is due must drain, everybody closes,
 * and nothing may be left.
 */
import { WaybillError } from '@waybill/client'
import { Network } from '../network.js'
import { WALL_ORIGIN_MS } from '../process.js'
import { World } from '../world.js'
import { probe } from './call-plans.js'
import { Callers } from './callers.js'
import { Cast, type Life } from './cast.js'
import { check } from './check.js'
import { closeAll } from './closing.js'
import { countOutcomes } from './coverage.js'
import { Durable } from './durable/run.js'
import type { DurablePlan } from './durable/plan.js'
import { Faults } from './faults.js'
import { gather } from './gathering/run.js'
import { History, type Violation } from './history.js'
import { workMs } from './kennel.js'
import { Observer } from './observer.js'
import type { WorldName } from './options.js'
import { planned } from './planned.js'
import { scenarioOf } from './scenario.js'
import { SEMANTICS } from './semantics.js'
import { tenantOf } from './setting.js'
import { without, type Omitted } from './shrink.js'
import type { StoredPlan } from './stored-plans.js'
import { stream } from './streams/run.js'
import { both, traceTap } from './trace.js'

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
/** Until whatever was under way has arrived. */
const LATE_MS = 3000
/** Receipts that each principal asks for when all is over. */
const AUDITED = 10

export interface Simulating {
  /** Gets each line of what happens; without it nothing is written down. */
  readonly trace?: ((line: string) => void) | undefined
  /** One of the worlds alone, which goes as it does beside the others. */
  readonly world?: WorldName | undefined
  /** Of what is planned. */
  readonly omitted?: Omitted | undefined
}

/** One at a time. */
export async function simulate(seed: number, { trace, world, omitted }: Simulating = {}): Promise<Simulated> {
  const { stackTraceLimit } = Error
  // Thousands of errors are made and none of their stacks is looked at.
  Error.stackTraceLimit = 0
  try {
    const history = new History(without(scenarioOf(seed), omitted))
    let tookMs = 0
    const has = (name: WorldName): boolean => world === undefined || world === name
    if (has('calls')) tookMs += await call(history, trace)
    if (has('gathering')) tookMs += await gather(planned.gathering(seed, omitted), history, trace)
    if (has('streams')) tookMs += await stream(planned.streams(seed, omitted), history, trace)
    if (has('stored')) tookMs += await store(planned.stored(seed, omitted), history, trace)
    return { seed, violations: history.violations, counts: history.counts, history, tookMs }
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** The first part: calls under faults. Resolves with the virtual milliseconds that it took. */
async function call(history: History, trace: ((line: string) => void) | undefined, durable?: DurablePlan): Promise<number> {
  const simulation = new Simulation(history, trace, durable)
  await simulation.run()
  check(history)
  countOutcomes(history)
  return simulation.world.nowMs
}

/** The last part: stored calls and durable events over starts of the router. Tells `whole` what it found. */
async function store({ scenario, durable }: StoredPlan, whole: History, trace: ((line: string) => void) | undefined): Promise<number> {
  const history = new History(scenario)
  const tookMs = await call(history, trace, durable)
  for (const { invariant, what } of history.violations) whole.violate(invariant, `stored: ${what}`)
  for (const [what, count] of history.counts) whole.counts.set(what, (whole.counts.get(what) ?? 0) + count)
  return tookMs
}

class Simulation {
  readonly world: World
  readonly #history: History
  readonly #network: Network
  readonly #cast: Cast
  readonly #callers: Callers
  readonly #faults: Faults
  readonly #durable: Durable | undefined

  constructor(history: History, trace: ((line: string) => void) | undefined, durable: DurablePlan | undefined) {
    const { seed, latencyMs } = history.scenario
    this.#history = history
    this.world = new World({ seed })
    const latency = this.world.random.fork('latency')
    this.#durable = durable && new Durable(history, durable)
    const calls = new Observer(history, () => this.world.nowMs)
    const observer = this.#durable === undefined ? calls : both(calls, this.#durable.watcher)
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
    this.#durable?.begin(this.world, this.#cast)
    this.#cast.nested = (life, id) => this.#callers.during(life, id)
    this.#faults = new Faults({ ...parts, cast: this.#cast, random: this.world.random.fork('faults') })
  }

  async run(): Promise<void> {
    const { scenario } = this.#history
    this.#cast.startRouter()
    for (const name of this.#cast.names) this.#cast.start(name)
    this.#callers.plan(scenario.calls, scenario.asks)
    this.#faults.plan(scenario.faults)
    await this.world.advance(scenario.endMs + 1)
    this.#faults.heal()
    await this.#drain()
    await this.#probe()
    await this.#durable?.end(DRAIN_MS)
    await this.#audit()
    await this.#close()
  }

  /** I16, for what was going on. */
  async #drain(): Promise<void> {
    // What waits for a worker that takes one call at a time is due only when those before it have had their time.
    const waiting = this.#history.calls.filter(({ ends, plan }) => ends.length === 0 || SEMANTICS[plan.semantics].isStored)
    const leaseMs = this.#history.scenario.limits.leaseMs ?? 0
    const dueMs = this.world.nowMs + waiting.reduce((sum, { plan }) => sum + workMs(plan), DRAIN_MS + leaseMs)
    const stored = (): number => this.#cast.router?.router.view.info().storedCalls ?? Number.NaN
    const isBusy = (): boolean => this.#callers.pending.length + this.#callers.asking.length > 0 || stored() !== 0
    // What was given up by who made it may still be on its way.
    if (leaseMs > 0) await this.world.advance(LATE_MS)
    while (isBusy() && this.world.nowMs < dueMs) await this.world.advance(100)
    for (const { plan } of this.#callers.pending)
      this.#history.violate('I16', `call ${plan.id} is pending long after everything works again`)
    for (const { made, by } of this.#callers.asking)
      this.#history.violate('I16', `${by} still waits for call ${made.plan.id} long after everything works again`)
    if (stored() !== 0) this.#history.violate('I16', `the router has ${stored()} stored calls long after everything works again`)
  }

  /** What the router knows of all that it has stored, and whether it says the same when it is asked again. */
  async #audit(): Promise<void> {
    const asked = new Set<string>()
    for (const life of this.#cast.current.values()) {
      const tenant = tenantOf(life.name)
      if (asked.has(tenant) || life.client === undefined || !life.client.isConnected) continue
      asked.add(tenant)
      const infos = await this.world.until(life.client.receipts({ limit: 1000 }).catch((error: WaybillError) => error))
      if (infos instanceof WaybillError) {
        // An older process that was silent until now may still come back and take the name.
        if (infos.code !== 'Superseded')
          this.#history.violate('I16', `${life.name} is not told of its stored calls after everything works again: ${infos.message}`)
        continue
      }
      this.#history.listed.set(
        tenant,
        infos.map(({ storedAt, endedAt, ...info }) => ({
          ...info,
          storedMs: Date.parse(storedAt) - WALL_ORIGIN_MS,
          endedMs: endedAt === undefined ? undefined : Date.parse(endedAt) - WALL_ORIGIN_MS,
        })),
      )
      const mine = this.#history.calls.filter(({ plan }) => tenantOf(plan.caller) === tenant)
      const kept = mine.filter((made) => {
        const storing = this.#history.storing(made)
        return storing !== undefined && this.#history.isKept(storing)
      })
      for (const made of kept.slice(0, AUDITED)) this.#callers.fetch(life, made)
    }
    for (let waitedMs = 0; waitedMs < DRAIN_MS && this.#callers.asking.length > 0; waitedMs += 20) await this.world.advance(20)
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
    await closeAll({ world: this.world, network: this.#network, cast: this.#cast, history: this.#history })
  }
}
