/** Which calls with streams are made, and how their streams are written and read. Drawn in a world of its own, as gatherings are. Plain data. */
import { Seeded } from '../../random.js'
import { faultsOf, type Target } from '../fault-plans.js'
import { RETENTION_MS, type Scenario } from '../scenario.js'
import { BEGIN_MS, type Weather, type WorkerPlan } from '../setting.js'

/** `both`: what goes in comes out again, item for item. */
export type Direction = 'out' | 'in' | 'both'

export interface SourcePlan {
  readonly items: number
  /** Length of the text in each. */
  readonly bytes: number
  readonly everyMs: number
  /** Instead of that item it throws. */
  readonly failsAt: number | undefined
  /** What its `finally` takes. */
  readonly lingersMs: number
}

export interface ReaderPlan {
  readonly everyMs: number
  /** Reads no more than so many. */
  readonly stopsAt: number | undefined
}

export interface StreamPlan {
  readonly id: number
  readonly direction: Direction
  readonly atMs: number
  readonly by: string
  readonly source: SourcePlan
  readonly reader: ReaderPlan
  readonly cancelAfterMs: number | undefined
}

export interface StreamsPlan {
  readonly scenario: Scenario
  readonly streams: readonly StreamPlan[]
  readonly concurrency: number | undefined
}

export function streamsOf(seed: number): StreamsPlan {
  const random = new Seeded(seed).fork('streams')
  const weather: Weather = random.pick(['calm', 'cuts', 'cuts', 'storm', 'storm', 'storm'])
  const spanMs = random.whole(500, 1500)
  const workers = Array.from({ length: random.whole(1, 2) }, (_, index): WorkerPlan => {
    return { name: `worker-${index}`, version: '1.0.0', concurrency: undefined }
  })
  const callers = Array.from({ length: random.whole(1, 2) }, (_, index) => `caller-${index}`)
  const least = random.between(0.1, 5)
  const drawing = random.fork('calls')
  const streams = Array.from({ length: random.whole(3, 8) }, (_, index) => streamOf(drawing, index + 1, callers, spanMs))
  const targets = streams.map(({ atMs, by }): Target => ({ atMs, caller: by, semantics: 'live', method: 'slow', size: 200 }))
  const concurrency = random.chance(0.4) ? random.whole(1, 3) : undefined
  return {
    scenario: {
      seed: random.next(),
      weather,
      limits: {
        windowBytes: random.pick([16, 64, 1024]) * 1024,
        maxOutboundBytes: random.pick([128, 8192]) * 1024,
        receiptRetentionMs: RETENTION_MS,
        postbackRetentionMs: RETENTION_MS,
        deadRetentionMs: RETENTION_MS,
        heartbeatMs: 1500,
        heartbeatGraceMs: 1000,
      },
      latencyMs: [least, least + random.between(0, 15)],
      workers,
      callers,
      calls: [],
      asks: [],
      faults: faultsOf({ weather, workers, callers, spanMs, random: random.fork('faults') }, targets),
      endMs: BEGIN_MS + spanMs,
    },
    streams,
    concurrency,
  }
}

function streamOf(random: Seeded, id: number, callers: readonly string[], spanMs: number): StreamPlan {
  const bytes = random.pick([0, 6000, 6000, 15_000, 30_000, 150_000])
  const items = bytes > 100_000 ? random.whole(0, 4) : bytes > 5000 ? random.whole(0, 24) : random.whole(0, 70)
  const isSlow = random.chance(0.3)
  return {
    id,
    direction: random.pick(['out', 'out', 'in', 'both']),
    atMs: BEGIN_MS + random.between(0, spanMs),
    by: random.pick(callers),
    source: {
      items,
      bytes,
      everyMs: random.chance(0.3) ? random.whole(1, 30) : 0,
      failsAt: random.chance(0.15) ? random.whole(0, items) : undefined,
      lingersMs: random.chance(0.2) ? random.whole(1, 200) : 0,
    },
    reader: {
      everyMs: isSlow ? random.whole(1, 40) : 0,
      // Often near the end, which then crosses the stop.
      stopsAt: random.chance(0.3) ? (random.chance(0.5) ? random.whole(0, items) : Math.max(0, items - random.whole(0, 1))) : undefined,
    },
    cancelAfterMs: random.chance(0.15) ? random.between(0, 300) : undefined,
  }
}
