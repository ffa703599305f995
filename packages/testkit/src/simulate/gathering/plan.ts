/**
 * Who publishes, subscribes, asks many at once and is drained, and when. Drawn from a stream of its own, in a world of its own, so that it
 * changes nothing of what is drawn for single calls. Plain data.
 */
import { Seeded } from '../../random.js'
import { faultsOf, type FaultPlan, type Target } from '../fault-plans.js'
import type { Invocation } from '../kennel.js'
import { RETENTION_MS, type Scenario } from '../scenario.js'
import { BEGIN_MS, type Weather, type WorkerPlan } from '../setting.js'

/** The client to which nothing happens: it sees all that a router took, so that what others missed shows. */
export const WITNESS = 'witness'

export interface PublicationPlan {
  readonly atMs: number
  readonly by: string
  readonly topic: string
  readonly bytes: number
}

export type Wish = { readonly first: number } | { readonly quorum: number } | { readonly hedge: number } | { readonly all: true }

export interface GroupPlan extends Invocation {
  readonly atMs: number
  readonly by: string
  readonly wish: Wish
  readonly deadlineMs: number
  readonly cancelAfterMs: number | undefined
}

export interface DrainPlan {
  readonly atMs: number
  readonly name: string
}

export interface GatheringPlan {
  readonly scenario: Scenario
  /** What each process of a client subscribes to. */
  readonly patterns: ReadonlyMap<string, readonly string[]>
  readonly publications: readonly PublicationPlan[]
  readonly groups: readonly GroupPlan[]
  readonly drains: readonly DrainPlan[]
}

export const TOPICS = ['dog.barked', 'dog.slept', 'dog.rex.barked', 'cat.purred'] as const
const PATTERNS = ['dog.*', 'dog.**', '*.barked', 'cat.purred', '**', 'waybill.client.*'] as const

export function gatheringOf(seed: number): GatheringPlan {
  const random = new Seeded(seed).fork('gathering')
  const weather: Weather = random.pick(['calm', 'cuts', 'cuts', 'storm', 'storm', 'storm', 'storm', 'storm'])
  const spanMs = random.whole(1500, 3000)
  const workers = Array.from({ length: random.whole(2, 4) }, (_, index): WorkerPlan => {
    return { name: `worker-${index}`, version: '1.0.0', concurrency: random.chance(0.3) ? random.whole(1, 3) : undefined }
  })
  const callers = Array.from({ length: random.whole(2, 4) }, (_, index) => `caller-${index}`)
  const least = random.between(0.1, 5)
  const groups = groupsOf(random.fork('groups'), callers, workers.length, spanMs)
  const targets = groups.map(({ atMs, by, size }): Target => ({ atMs, caller: by, semantics: 'live', method: 'fetch', size }))
  const setting = { weather, workers, callers, spanMs }
  const faults: FaultPlan[] = faultsOf({ ...setting, random: random.fork('faults') }, targets)
  const subscribing = random.fork('subscriptions')
  return {
    scenario: {
      seed: random.next(),
      weather,
      limits: {
        windowBytes: 1024 * 1024,
        maxOutboundBytes: random.pick([128, 8192]) * 1024,
        receiptRetentionMs: RETENTION_MS,
        postbackRetentionMs: RETENTION_MS,
        deadRetentionMs: RETENTION_MS,
        heartbeatMs: 1500,
        heartbeatGraceMs: 1000,
      },
      latencyMs: [least, least + random.between(0, 15)],
      workers,
      callers: [WITNESS, ...callers],
      calls: [],
      asks: [],
      faults,
      endMs: BEGIN_MS + spanMs,
    },
    patterns: new Map([
      [WITNESS, ['**']],
      ...callers.map((name) => [name, Array.from({ length: subscribing.whole(1, 3) }, () => subscribing.pick(PATTERNS))] as const),
    ]),
    publications: publicationsOf(random.fork('publications'), callers, spanMs),
    groups,
    drains: weather === 'calm' ? [] : drainsOf(random.fork('drains'), workers, groups, spanMs),
  }
}

/** In bursts, so that a slow link falls behind. */
function publicationsOf(random: Seeded, callers: readonly string[], spanMs: number): PublicationPlan[] {
  return Array.from({ length: random.whole(10, 40) }, () => {
    const [atMs, by, count] = [BEGIN_MS + random.between(0, spanMs), random.pick(callers), random.pick([1, 1, 3, 12])]
    const bytes = random.pick([0, 0, 100, 8000])
    return Array.from({ length: count }, () => ({ atMs, by, topic: random.pick(TOPICS), bytes }))
  }).flat()
}

function groupsOf(random: Seeded, callers: readonly string[], workers: number, spanMs: number): GroupPlan[] {
  return Array.from({ length: random.whole(8, 24) }, (_, index): GroupPlan => {
    const wish = random.pick([
      { all: true },
      { all: true },
      { first: random.whole(1, workers) },
      { quorum: random.whole(1, workers) },
      { hedge: random.whole(1, 150) },
      { hedge: random.whole(1, 150) },
    ] as Wish[])
    const method = random.pick(['fast', 'slow', 'slow', 'fail', 'polite', 'fetch', 'fetch'] as const)
    return {
      id: index + 1,
      method: 'hedge' in wish && random.chance(0.7) ? 'fetch' : method,
      size: method === 'fast' ? 7 : random.whole(5, 700),
      everyMs: 0,
      atMs: BEGIN_MS + random.between(0, spanMs),
      by: random.pick(callers),
      wish,
      deadlineMs: random.chance(0.2) ? random.whole(50, 900) : 20_000,
      cancelAfterMs: random.chance(0.1) ? random.between(0, 500) : undefined,
    }
  })
}

/** Never all of them: somebody must be left to be asked. */
function drainsOf(random: Seeded, workers: readonly WorkerPlan[], groups: readonly GroupPlan[], spanMs: number): DrainPlan[] {
  const drained = workers.slice(1).filter(() => random.chance(0.4))
  return drained.map(({ name }) => {
    const atMs = random.pick(groups).atMs + random.between(0, 200)
    return { name, atMs: Math.min(atMs, BEGIN_MS + spanMs) }
  })
}
