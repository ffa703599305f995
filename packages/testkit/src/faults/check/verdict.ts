/** All checks over a history, and the figures of it: what was attempted, and what became of it, in the words of Jepsen. */
import type { Line } from '../lines.js'
import { checkEnds } from './ends.js'
import { historyOf, type Call, type History } from './history.js'
import { checkOrder } from './order.js'
import { checkOutcomes, endsOf } from './outcomes.js'
import { recoveries, type Recovery } from './recovery.js'
import { checkRuns } from './runs.js'
import { checkTruth, doubtful, mostDoubtful } from './truth.js'
import { isForgiven, type Violation } from './violation.js'

/** Each a number of calls, unless it says otherwise. */
export interface Figures {
  readonly attempted: number
  /** The caller was told that it is stored. */
  readonly acknowledged: number
  readonly ok: number
  readonly failedNo: number
  readonly failedYes: number
  /** Stored, may run once, and lost with a worker; at the most so many could be. */
  readonly indeterminate: number
  readonly mostIndeterminate: number
  /** Nobody was told whether they were stored, or the call was not to be stored and what became of it is not known. */
  readonly unknown: number
  /** Attempted, never acknowledged, and found stored or run. */
  readonly recovered: number
  readonly lost: number
  /** Ran more often than they may. */
  readonly duplicated: number
  /** Ran again, as they may. */
  readonly redelivered: number
  /** Stored in memory, and their router ended. */
  readonly forgiven: number
  readonly excusedOverlaps: number
  readonly runs: number
  /** From the end of the faults until nothing was pending. */
  readonly drainMs: number | undefined
  readonly faults: ReadonlyMap<string, number>
  readonly recoveries: readonly Recovery[]
}

export interface Verdict {
  readonly figures: Figures
  readonly violations: readonly Violation[]
}

export async function verdictOf(lines: AsyncIterable<Line> | Iterable<Line>): Promise<Verdict> {
  return judge(await historyOf(lines))
}

export function judge(history: History): Verdict {
  const order = checkOrder(history)
  const violations = [...checkOutcomes(history), ...checkRuns(history), ...checkTruth(history), ...order.violations, ...checkEnds(history)]
  const count = (fits: (call: Call) => boolean): number => calls.reduce((sum, call) => sum + (fits(call) ? 1 : 0), 0)
  const calls = [...history.calls.values()]
  const ofCheck = (name: string): number => violations.filter(({ check }) => check === name).length
  const ended = (call: Call, fits: (word: string) => boolean): boolean => endWords(call).some(fits)
  return {
    violations,
    figures: {
      attempted: count(({ attempted }) => attempted !== undefined),
      acknowledged: count(({ storedMs }) => storedMs !== undefined),
      ok: count((call) => ended(call, (word) => word === 'ok')),
      failedNo: count((call) => ended(call, (word) => word === 'no')),
      failedYes: count((call) => ended(call, (word) => word === 'yes')),
      indeterminate: doubtful(history).length,
      mostIndeterminate: mostDoubtful(history),
      unknown: count(
        ({ attempted, storedMs, told }) =>
          attempted !== undefined && storedMs === undefined && !told.some(({ e }) => e !== 'indeterminate'),
      ),
      recovered: count(isRecovered),
      lost: ofCheck('lost') + ofCheck('not ended'),
      duplicated: ofCheck('duplicated'),
      redelivered: count(({ attempted, runs }) => attempted?.cls === 'again' && attempted.stored && runs.length > 1),
      forgiven: count((call) => call.storedMs !== undefined && endsOf(call).length === 0 && isForgiven(history, call)),
      excusedOverlaps: order.excused,
      runs: calls.reduce((sum, { runs }) => sum + runs.length, 0),
      drainMs:
        history.healedMs === undefined || history.drainedMs === undefined ? undefined : Math.max(0, history.drainedMs - history.healedMs),
      faults: history.faults,
      recoveries: recoveries(history),
    },
  }
}

function endWords({ told, audit }: Call): readonly string[] {
  const all = audit !== undefined && 'audit' in audit ? [...told, audit] : told
  return all.map((one) => (one.e === 'failed' ? one.executed : one.e))
}

function isRecovered({ attempted, storedMs, told, runs, audit }: Call): boolean {
  if (attempted?.stored !== true || storedMs !== undefined || told.some(({ e }) => e === 'ok' || e === 'failed')) return false
  return runs.length > 0 || (audit !== undefined && audit.e !== 'absent')
}
