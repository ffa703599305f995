/** What goes wrong in a simulation, and when. Plain data. */
import type { Seeded } from '../random.js'
import type { MethodName } from './kennel.js'
import { SEMANTICS, type SemanticsName } from './semantics.js'
import type { DiskDeed } from '../disk/index.js'
import type { Damage } from './storage-plans.js'
import { BEGIN_MS, type Setting } from './setting.js'

export type Fault =
  | { readonly kind: 'cut' }
  /** No new link for so long after a cut. */
  | { readonly kind: 'outage'; readonly how: 'reset' | 'silent' }
  | { readonly kind: 'silence'; readonly direction: 'in' | 'out' | 'both' }
  | { readonly kind: 'slow'; readonly extraMs: number }
  | { readonly kind: 'restart'; readonly how: 'reset' | 'silent' }
  /** Another process takes the name while the first still lives. */
  | { readonly kind: 'supersede' }
  | { readonly kind: 'close'; readonly drainMs: number }
  | RouterDeath
  /** What the client has sent arrives late, when it may be here again. */
  | { readonly kind: 'strand'; readonly lateMs: number }
  /** The process, or the router's, stands still. */
  | { readonly kind: 'stop'; readonly isRouter: boolean }
  | { readonly kind: 'slowDisk'; readonly extraMs: number }
  /** No sync succeeds any more until another router begins. */
  | { readonly kind: 'failingDisk' }
  | { readonly kind: 'fullDisk' }

export interface RouterDeath {
  readonly kind: 'killRouter'
  readonly how: 'reset' | 'silent'
  /** The power goes, and with it all that nothing had made safe. */
  readonly isPower?: boolean
  /** Not before the disk is about to do this. */
  readonly upon?: DiskDeed | undefined
  /** So long after that. */
  readonly lateMs?: number
  /** How the wall clock is put for the next one. */
  readonly skewMs?: number
  /** What happens to the files until then. */
  readonly damage?: Damage | undefined
}

export type FaultPlan = Fault & {
  readonly atMs: number
  /** The client, where it is about one. */
  readonly target: string
  /** Until it is healed, or until what was ended is started again. */
  readonly forMs: number
}

/** What is aimed at: somebody does something at a time. */
export interface Target {
  readonly atMs: number
  readonly caller: string
  readonly semantics: SemanticsName
  readonly method: MethodName
  readonly size: number
}

export function faultsOf({ random, weather, workers, callers, spanMs }: Setting, calls: readonly Target[]): FaultPlan[] {
  const faults: FaultPlan[] = []
  const count = weather === 'calm' ? 0 : random.whole(1, weather === 'cuts' ? 6 : 7)
  const names = [...workers.map(({ name }) => name), ...callers]
  for (let index = 0; index < count; index++) {
    // Many strike while a call is on its way: there the states are that seldom last.
    const { atMs, caller } = random.pick(calls)
    const worker = random.pick(workers).name
    const [target, fromMs] = random.pick([
      [random.pick(names), BEGIN_MS + random.between(0, spanMs)],
      [caller, atMs + random.between(0, 30)],
      [worker, atMs + random.between(0, 300)],
    ] as const)
    faults.push({
      ...(weather === 'cuts' ? { kind: 'cut' } : faultOf(random)),
      atMs: Math.min(fromMs, BEGIN_MS + spanMs),
      target,
      forMs: random.between(20, 1800),
    })
  }
  if (weather === 'storm') faults.push(...aimed(random, workers, calls).filter(({ atMs }) => atMs < BEGIN_MS + spanMs))
  return faults.toSorted((left, right) => left.atMs - right.atMs)
}

/** What seldom happens by chance: a session that ends between a call and the word that it is stored, and workers that die one after another. */
function aimed(random: Seeded, workers: Setting['workers'], calls: readonly Target[]): FaultPlan[] {
  const faults: FaultPlan[] = []
  const stored = calls.filter(({ semantics }) => SEMANTICS[semantics].isStored)
  if (stored.length > 0 && random.chance(0.4)) {
    const { caller, atMs } = random.pick(stored)
    faults.push({ kind: 'outage', how: 'reset', target: caller, atMs: atMs + random.between(2, 25), forMs: random.between(800, 2500) })
  }
  const lasting = stored.filter(({ method, size }) => method === 'fetch' && size > 500)
  if (lasting.length > 0 && random.chance(0.3)) {
    const { atMs } = random.pick(lasting)
    for (let round = 0; round < 3; round++)
      for (const { name } of workers)
        faults.push({ kind: 'restart', how: 'reset', target: name, atMs: atMs + 100 + round * 400 + random.between(0, 50), forMs: 100 })
  }
  return faults
}

function faultOf(random: Seeded): Fault {
  const how = random.pick(['reset', 'reset', 'silent'] as const)
  switch (random.whole(0, 10)) {
    case 0:
      return { kind: 'cut' }
    case 1:
    case 2:
      return { kind: 'outage', how }
    case 3:
      return { kind: 'silence', direction: random.pick(['in', 'out', 'both']) }
    case 4:
      return { kind: 'slow', extraMs: random.whole(50, 700) }
    case 5:
      return { kind: 'restart', how }
    case 6:
      return { kind: 'supersede' }
    case 7:
    case 8:
      return { kind: 'close', drainMs: random.pick([0, 400, 5000]) }
    default:
      return { kind: 'killRouter', how }
  }
}
