/** What the plans of a simulation are drawn for: who is there, and for how long. */
import type { Seeded } from '../random.js'
import type { SemanticsName } from './semantics.js'

/** `calm`: nothing goes wrong. `cuts`: only what a resume mends without a trace. `storm`: everything. */
export type Weather = 'calm' | 'cuts' | 'storm'

export interface WorkerPlan {
  readonly name: string
  readonly version: string
  readonly concurrency: number | undefined
}

export interface Setting {
  readonly random: Seeded
  readonly weather: Weather
  readonly workers: readonly WorkerPlan[]
  readonly callers: readonly string[]
  readonly spanMs: number
  /** What is drawn from; default: each as often as it says. */
  readonly semantics?: readonly SemanticsName[]
  readonly mostCalls?: number
}

/** Time for everybody to connect and offer. */
export const BEGIN_MS = 500
/** Long enough for whatever goes well, even if one worker does all of it, one call after another. */
export const GENEROUS_MS = 120_000

/** Whose a client is: callers share a principal by pairs, so that one sees what the other stored and others do not; a worker is its own. */
export function tenantOf(name: string): string {
  const number = /^caller-(\d+)$/.exec(name)?.[1]
  return number === undefined ? name : `tenant-${Math.floor(Number(number) / 2)}`
}
