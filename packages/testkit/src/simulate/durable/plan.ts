/**
 * Who publishes durable events, and who reads them from where, in the world of stored calls. Drawn from a stream of its own: half of the seeds have none, so
 * that what is found without them stays where it was. Plain data.
 */
import { Seeded } from '../../random.js'
import { RETENTION_MS, type Scenario } from '../scenario.js'
import { BEGIN_MS } from '../setting.js'

export interface PublicationPlan {
  readonly atMs: number
  readonly by: string
  readonly topic: string
  readonly bytes: number
  readonly isDurable: boolean
}

/** A subscription that each process of a client makes. */
export interface ReaderPlan {
  readonly name: string
  readonly pattern: string
  /** Under which the router keeps where it is; default: its program does. */
  readonly cursor: string | undefined
  /** How long its program takes for each event. */
  readonly takesMs: number
}

export interface DurablePlan {
  readonly readers: readonly ReaderPlan[]
  readonly publications: readonly PublicationPlan[]
  /** Events that are kept; default: all. */
  readonly mostKept: number | undefined
}

export const TOPICS = ['dog.barked', 'dog.slept', 'cat.purred'] as const

/** What the readers of a cursor subscribe to: all of them to the same. */
const CURSORS = { printer: '**', feeder: 'dog.*', tracker: '*.barked' } as const
const PATTERNS = ['**', 'dog.*', '*.barked', 'cat.purred'] as const

const MOST_BURSTS = 16

export function durableOf(seed: number, { callers, workers, faults, endMs }: Scenario): DurablePlan {
  const random = new Seeded(seed).fork('durable events')
  if (random.chance(0.5)) return { readers: [], publications: [], mostKept: undefined }
  const names = [...callers, ...workers.map(({ name }) => name)]
  return {
    readers: names.flatMap((name) => Array.from({ length: random.whole(0, 2) }, () => readerOf(random, name))),
    publications: publicationsOf(random, callers, faults, endMs),
    mostKept: random.pick([undefined, 12, 40]),
  }
}

/** What a router may keep of it. */
export function limitsOf({ mostKept }: DurablePlan): Scenario['limits'] {
  return { eventRetentionMs: RETENTION_MS, ...(mostKept !== undefined && { maxLoggedEvents: mostKept }) }
}

function readerOf(random: Seeded, name: string): ReaderPlan {
  const takesMs = random.pick([0, 0, 3, 30])
  if (random.chance(0.4)) return { name, pattern: random.pick(PATTERNS), cursor: undefined, takesMs }
  const cursor = random.pick(Object.keys(CURSORS) as (keyof typeof CURSORS)[])
  return { name, pattern: CURSORS[cursor], cursor, takesMs }
}

/** In bursts, some of them right before something goes wrong. */
function publicationsOf(
  random: Seeded,
  callers: readonly string[],
  faults: readonly { readonly atMs: number }[],
  endMs: number,
): PublicationPlan[] {
  const bursts = Array.from({ length: random.whole(4, MOST_BURSTS) }, () => {
    const isAimed = faults.length > 0 && random.chance(0.5)
    const atMs = isAimed ? random.pick(faults).atMs - random.between(0, 25) : BEGIN_MS + random.between(0, endMs - BEGIN_MS)
    const [by, count, bytes] = [random.pick(callers), random.pick([1, 1, 3, 12]), random.pick([0, 0, 100, 1500, 5000])]
    return Array.from({ length: count }, (): PublicationPlan => {
      return { atMs: Math.max(atMs, BEGIN_MS), by, topic: random.pick(TOPICS), bytes, isDurable: !random.chance(0.1) }
    })
  })
  return bursts.flat()
}
