/** What goes wrong in a simulation, and when. Plain data. */
import type { Seeded } from '../random.js'
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
  | { readonly kind: 'killRouter'; readonly how: 'reset' | 'silent' }

export type FaultPlan = Fault & {
  readonly atMs: number
  /** The client, where it is about one. */
  readonly target: string
  /** Until it is healed, or until what was ended is started again. */
  readonly forMs: number
}

export function faultsOf({ random, weather, workers, callers, spanMs }: Setting): FaultPlan[] {
  const names = [...workers.map(({ name }) => name), ...callers]
  const faults: FaultPlan[] = []
  const count = weather === 'calm' ? 0 : weather === 'cuts' ? random.whole(1, 6) : random.whole(1, 5)
  for (let index = 0; index < count; index++) {
    faults.push({
      ...(weather === 'cuts' ? { kind: 'cut' } : faultOf(random)),
      atMs: BEGIN_MS + random.between(0, spanMs),
      target: random.pick(names),
      forMs: random.between(20, 1800),
    })
  }
  return faults.toSorted((left, right) => left.atMs - right.atMs)
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
