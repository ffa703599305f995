/**
 * A smaller plan that still breaks what a seed breaks: leaves out halves, quarters and so on of what is planned, as long as the same invariant is broken
 * without them. Decides what to try; runs nothing itself.
 */
import type { Scenario } from './scenario.js'

/** What is left out of a plan: names of its lists with an index. */
export type Omitted = ReadonlySet<string>

/** Tells whether it is still broken so. */
export type Trial = (omitted: Omitted) => Promise<boolean>

export function itemsOf(lists: Readonly<Record<string, readonly unknown[]>>): string[] {
  return Object.entries(lists).flatMap(([name, list]) => list.map((_, index) => `${name} ${index}`))
}

export function kept<T>(name: string, list: readonly T[], omitted: Omitted | undefined): readonly T[] {
  return omitted === undefined ? list : list.filter((_, index) => !omitted.has(`${name} ${index}`))
}

export function without(scenario: Scenario, omitted: Omitted | undefined): Scenario {
  const { calls, asks, faults } = scenario
  return { ...scenario, calls: kept('calls', calls, omitted), asks: kept('asks', asks, omitted), faults: kept('faults', faults, omitted) }
}

/** Resolves with all that can be left out: without any one thing more it is not broken any more, as far as `mostTrials` reach. */
export async function shrink(items: readonly string[], isBroken: Trial, mostTrials: number): Promise<Omitted> {
  let left = [...items]
  let trials = 0
  const omittedBut = (some: readonly string[]): Omitted => {
    const kept = new Set(some)
    return new Set(items.filter((item) => !kept.has(item)))
  }
  for (let parts = 2; left.length > 0 && trials < mostTrials;) {
    const size = Math.max(1, Math.ceil(left.length / parts))
    let isSmaller = false
    for (let at = 0; at < left.length && trials < mostTrials;) {
      const rest = [...left.slice(0, at), ...left.slice(at + size)]
      trials++
      if (await isBroken(omittedBut(rest))) {
        left = rest
        isSmaller = true
      } else at += size
    }
    if (isSmaller) continue
    if (size === 1) break
    parts *= 2
  }
  return omittedBut(left)
}
