/** A run in figures, as text. */
import { percentile } from './check/recovery.js'
import type { Figures, Verdict } from './check/verdict.js'
import type { Violation } from './check/violation.js'

/** Of one kind: the rest follows from the first ones more often than not. */
const SHOWN = 5

/** Several storms as one. */
export function together(verdicts: readonly Verdict[]): Verdict {
  const [first, ...others] = verdicts
  return others.reduce(({ figures: sum, violations }, { figures: one, violations: more }) => {
    const faults = new Map(sum.faults)
    for (const [fault, count] of one.faults) faults.set(fault, (faults.get(fault) ?? 0) + count)
    const counts = Object.fromEntries(COUNTS.map((name) => [name, sum[name] + one[name]])) as Record<Count, number>
    const drainMs = sum.drainMs === undefined || one.drainMs === undefined ? undefined : Math.max(sum.drainMs, one.drainMs)
    return {
      violations: [...violations, ...more],
      figures: { ...counts, faults, drainMs, recoveries: [...sum.recoveries, ...one.recoveries] },
    }
  }, first!)
}

const COUNTS = [
  'attempted',
  'acknowledged',
  'ok',
  'failedNo',
  'failedYes',
  'indeterminate',
  'mostIndeterminate',
  'unknown',
  'recovered',
  'lost',
  'duplicated',
  'redelivered',
  'forgiven',
  'excusedOverlaps',
  'runs',
] as const satisfies readonly (keyof Figures)[]
type Count = (typeof COUNTS)[number]

export function tableOf({ figures, violations }: Verdict, tookMs: number): string {
  const { recoveries, faults, drainMs } = figures
  const of = (name: string): number => violations.filter(({ check }) => check === name).length
  const rows: (readonly [string, string])[] = [
    ['attempted', whole(figures.attempted)],
    ['acknowledged (stored)', whole(figures.acknowledged)],
    ['ok', whole(figures.ok)],
    ['failed, executed: yes', whole(figures.failedYes)],
    ['failed, executed: no', whole(figures.failedNo)],
    ['indeterminate', `${whole(figures.indeterminate)} of at most ${whole(figures.mostIndeterminate)} that lost workers can have had`],
    ['unknown: never acknowledged, or live', whole(figures.unknown)],
    ['recovered: never acknowledged, and there', whole(figures.recovered)],
    ['lost', whole(figures.lost)],
    ['duplicated: at most once, ran twice', whole(figures.duplicated)],
    ['redelivered: idempotent, ran again', whole(figures.redelivered)],
    ['`no`, and it ran', whole(of('no, and it ran'))],
    ['`yes`, and it did not', whole(of('yes, and it did not run'))],
    ['`maybe` without a reason', whole(of('maybe without a reason') + of('too many in doubt'))],
    ['results that changed', whole(of('changed') + of('result from nowhere'))],
    [
      'overlaps and disorder within an order key',
      `${whole(of('overlap') + of('order'))} (beside ${whole(figures.excusedOverlaps)} with a run of somebody lost)`,
    ],
    ['runs', whole(figures.runs)],
    ...(figures.forgiven > 0 ? [['stored in memory, and the router ended', whole(figures.forgiven)] as const] : []),
    [
      'faults',
      [...faults]
        .toSorted(([one], [other]) => one.localeCompare(other))
        .map(([what, count]) => `${what} ${whole(count)}`)
        .join(', '),
    ],
    ['start of the router until it listens', spread(recoveries.map(({ readyMs }) => readyMs))],
    ['start of the router to the first delivery', spread(recoveries.map(({ firstMs }) => firstMs))],
    ['start of the router to all being back', spread(recoveries.map(({ allMs }) => allMs))],
    ['drained after the faults', drainMs === undefined ? 'no' : `${whole(drainMs)} ms`],
    ['took', `${(tookMs / 1000).toFixed(0)} s`],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
}

export function tellViolations(violations: readonly Violation[]): string {
  const byCheck = new Map<string, Violation[]>()
  for (const violation of violations) byCheck.set(violation.check, [...(byCheck.get(violation.check) ?? []), violation])
  return [...byCheck]
    .map(([check, all]) => {
      const shown = all.slice(0, SHOWN).map(({ what }) => `\n  ${what}`)
      return `${check}: ${all.length}${shown.join('')}${all.length > SHOWN ? '\n  …' : ''}`
    })
    .join('\n')
}

function spread(values: readonly (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined)
  if (known.length === 0) return 'none'
  const [half, most] = [percentile(known, 0.5)!, percentile(known, 0.99)!]
  return `p50 ${whole(half)} ms, p99 ${whole(most)} ms, longest ${whole(Math.max(...known))} ms, of ${known.length}`
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}
