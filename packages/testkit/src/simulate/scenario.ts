/** What happens in a simulation, drawn from a seed before it begins: who is there, who calls what when, and what goes wrong. Plain data. */
import type { Limits } from '@waybill/server'
import { Seeded } from '../random.js'
import { asksOf, callsOf, type AskPlan, type CallPlan } from './call-plans.js'
import { faultsOf, type FaultPlan } from './fault-plans.js'
import type { StoragePlan } from './storage-plans.js'
import { BEGIN_MS, type Weather, type WorkerPlan } from './setting.js'

export interface Scenario {
  readonly seed: number
  readonly weather: Weather
  readonly limits: Partial<Limits>
  readonly latencyMs: readonly [least: number, most: number]
  readonly workers: readonly WorkerPlan[]
  readonly callers: readonly string[]
  readonly calls: readonly CallPlan[]
  readonly asks: readonly AskPlan[]
  readonly faults: readonly FaultPlan[]
  /** What outlives the routers; default: nothing. */
  readonly storage?: StoragePlan | undefined
  /** When the last call is made and the last fault begins. */
  readonly endMs: number
}

/** Longer than what is going on when everything has been healed, so that nothing is forgotten before it was looked at. */
export const RETENTION_MS = 600_000

export function scenarioOf(seed: number): Scenario {
  const random = new Seeded(seed)
  const weather: Weather = random.pick(['calm', 'cuts', 'cuts', 'storm', 'storm', 'storm', 'storm', 'storm'])
  const spanMs = random.whole(1500, 4000)
  const workers = Array.from({ length: random.whole(1, 3) }, (_, index): WorkerPlan => {
    const version = random.pick(['1.0.0', '1.2.0', '2.0.0'])
    return { name: `worker-${index}`, version, concurrency: random.chance(0.5) ? random.whole(1, 4) : undefined }
  })
  const callers = Array.from({ length: random.whole(1, 4) }, (_, index) => `caller-${index}`)
  const least = random.between(0.1, 5)
  const everything = { random: random.fork('calls'), weather, workers, callers, spanMs }
  const calls = callsOf(everything)
  return {
    seed,
    weather,
    limits: {
      windowBytes: random.pick([16, 64, 1024]) * 1024,
      maxOutboundBytes: random.pick([128, 8192]) * 1024,
      maxQueuedCalls: weather === 'storm' ? random.pick([3, 6, 4096]) : 4096,
      maxAttempts: random.pick([2, 5]),
      receiptRetentionMs: RETENTION_MS,
      heartbeatMs: 1500,
      heartbeatGraceMs: 1000,
    },
    latencyMs: [least, least + random.between(0, 15)],
    workers,
    callers,
    calls,
    asks: asksOf({ ...everything, random: random.fork('asks') }, calls),
    faults: faultsOf({ ...everything, random: random.fork('faults') }, calls),
    endMs: BEGIN_MS + spanMs,
  }
}
