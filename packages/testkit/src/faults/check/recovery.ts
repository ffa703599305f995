/** How long it took after each start of the router until somebody worked again, and until all were back. */
import type { History } from './history.js'

export interface Recovery {
  /** From the start of the process until it listened. */
  readonly readyMs: number
  /** From the start of the process until a worker began the first call after it. */
  readonly firstMs: number | undefined
  /** Until all clients that lived through it were connected. */
  readonly allMs: number | undefined
}

export function recoveries(history: History): readonly Recovery[] {
  const started = [...history.calls.values()]
    .flatMap(({ runs }) => runs.map(({ startedMs }) => startedMs))
    .toSorted((one, other) => one - other)
  return history.routers.flatMap(({ spawnedMs, readyMs, endedMs = Number.POSITIVE_INFINITY }) => {
    if (readyMs === undefined) return []
    const first = started[firstAfter(started, readyMs)]
    return [
      {
        readyMs: readyMs - spawnedMs,
        firstMs: first !== undefined && first < endedMs ? first - spawnedMs : undefined,
        allMs: allBack(history, spawnedMs, endedMs),
      },
    ]
  })
}

/** Undefined where the router ended before. */
function allBack({ spawned, ended, connections, troubles }: History, spawnedMs: number, endedMs: number): number | undefined {
  let lastMs = spawnedMs
  for (const [who, bornMs] of spawned) {
    const diedMs = ended.get(who)?.atMs ?? Number.POSITIVE_INFINITY
    if (who.startsWith('router') || bornMs > spawnedMs || diedMs < spawnedMs) continue
    const back = connections.find((one) => one.who === who && one.atMs > spawnedMs && one.atMs < endedMs)
    if (back !== undefined) {
      // Who could not come is not late.
      if (!troubles.some((one) => one.who === who && one.fromMs <= back.atMs && one.toMs >= spawnedMs)) lastMs = Math.max(lastMs, back.atMs)
    } else if (diedMs > endedMs && endedMs !== Number.POSITIVE_INFINITY) return undefined
  }
  return lastMs === spawnedMs ? undefined : lastMs - spawnedMs
}

function firstAfter(sorted: readonly number[], atMs: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < atMs) low = middle + 1
    else high = middle
  }
  return low
}

/** The value below which this part of them lies; undefined for none. */
export function percentile(values: readonly number[], part: number): number | undefined {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]
}
