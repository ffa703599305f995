/** `no` and `yes` are true, and `maybe` is said only where something happened (I5, I6, I11, I19). */
import { CONCURRENCY } from '../services.js'
import type { Stamp, Told } from '../lines.js'
import type { Call, History } from './history.js'
import { isOf, isTroubled, routerWasAway, runsOf, wordOf, type Violation } from './violation.js'

/** After so many that were lost with it the router gives a call up. */
const MOST_ATTEMPTS = 5

export function checkTruth(history: History): readonly Violation[] {
  const found: Violation[] = []
  const slow = slowWaits(history)
  for (const call of history.calls.values()) {
    for (const told of [...call.told, ...(call.audit !== undefined && 'audit' in call.audit ? [call.audit] : [])]) {
      const what = lieOf(history, slow, call, told)
      if (what !== undefined) found.push(what)
    }
  }
  return [...found, ...tooMany(history)]
}

function lieOf(history: History, slow: SlowWaits, call: Call, told: Told & Stamp): Violation | undefined {
  const { sn, runs, attempted } = call
  const said = `${sn} is told to be ${wordOf(told)}`
  if (told.e === 'failed' && told.executed === 'no' && runs.length > 0) return { check: 'no, and it ran', what: `${said}: ${runsOf(call)}` }
  if (told.e === 'failed' && told.executed === 'yes' && runs.length === 0) return { check: 'yes, and it did not run', what: said }
  if (told.e !== 'indeterminate' || attempted === undefined) return undefined
  return isExplained(history, slow, call, told) ? undefined : { check: 'maybe without a reason', what: `${said}: ${runsOf(call)}` }
}

/** Whether anything happened in its time that may hide from the router or its caller what became of it. */
function isExplained(
  history: History,
  slow: SlowWaits,
  { sn, attempted, storedMs, runs }: Call,
  { t: toldMs, code }: Stamp & { readonly code: string },
): boolean {
  const { cls, t: fromMs, i: caller } = attempted!
  if (history.isDiskBad && code === 'Damaged') return true
  const isAcknowledged = storedMs !== undefined && storedMs <= toldMs
  if (!isAcknowledged && (isTroubled(history, caller, fromMs, toldMs) || routerWasAway(history, fromMs, toldMs))) return true
  // The caller gives up by itself where the router is too busy to answer, as others of its calls then show too.
  if (
    !isAcknowledged &&
    slow.get(caller)?.some((wait) => wait.sn !== sn && wait.fromMs <= toldMs - SLOW_MS && wait.toMs >= fromMs) === true
  )
    return true
  // What was never offered cannot have been handed to anybody.
  if (cls === 'nobody') return false
  const lost = lostWorkers(history).filter(({ atMs }) => atMs >= fromMs - NOTICED_MS && atMs <= toldMs + HEARD_MS)
  if (cls === 'again' && isAcknowledged) return lost.length >= MOST_ATTEMPTS
  if (runs.length > 0) return runs.some(({ worker, startedMs }) => isTroubled(history, worker, startedMs, toldMs))
  return lost.length > 0
}

interface Wait {
  readonly sn: string
  readonly fromMs: number
  readonly toMs: number
}

/** By caller: how long it waited to be told that calls were stored, where that took long. */
type SlowWaits = ReadonlyMap<string, readonly Wait[]>

const SLOW_MS = 1000
/** Of a call that nobody was told of. */
const NEVER_MS = 5000

function slowWaits({ calls }: History): SlowWaits {
  const waits = new Map<string, Wait[]>()
  for (const { sn, attempted, storedMs } of calls.values()) {
    if (attempted?.stored !== true || (storedMs !== undefined && storedMs - attempted.t < SLOW_MS)) continue
    const its = waits.get(attempted.i) ?? []
    its.push({ sn, fromMs: attempted.t, toMs: storedMs ?? attempted.t + NEVER_MS })
    waits.set(attempted.i, its)
  }
  return waits
}

/** A worker may learn only long after the router that its session is lost. */
const HEARD_MS = 30_000
/** The router may go on handing calls to a link whose other end is dead. */
const NOTICED_MS = 1000

interface Loss {
  readonly who: string
  readonly atMs: number
}

/** Ends of workers and losses of their sessions: each takes with it what that worker had. */
function sessionsLost({ ended, losses }: History): readonly Loss[] {
  return [...Array.from(ended, ([who, { atMs }]) => ({ who, atMs })), ...losses].filter(({ who }) => isOf(who, 'worker'))
}

/** Those, and what may have become one without anybody's knowledge. */
function lostWorkers(history: History): readonly Loss[] {
  const away = history.troubles.map(({ who, fromMs: atMs }) => ({ who, atMs }))
  return [...sessionsLost(history), ...away.filter(({ who }) => isOf(who, 'worker'))]
}

/** Calls that may run once and were stored can only hang in doubt with a worker that had them. */
export function doubtful({ calls }: History): readonly Call[] {
  return [...calls.values()].filter(
    ({ attempted, storedMs, told, audit }) =>
      attempted?.cls === 'once' &&
      storedMs !== undefined &&
      (audit?.e === 'indeterminate' || told.some((one) => one.e === 'indeterminate' && one.t >= storedMs)),
  )
}

/** So many at the most: what each worker may have at a time. */
export function mostDoubtful(history: History): number {
  return CONCURRENCY * sessionsLost(history).length
}

function tooMany(history: History): readonly Violation[] {
  const [count, most] = [doubtful(history).length, mostDoubtful(history)]
  return count <= most
    ? []
    : [{ check: 'too many in doubt', what: `${count} calls are indeterminate, and lost workers can only have had ${most}` }]
}
