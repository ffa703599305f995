/** I9, and calls that would wait for themselves. Pure, as `check.ts` is. */
import type { History, MadeCall } from './history.js'
import type { CallPlan } from './call-plans.js'
import { isCancelled } from './check-stored.js'
import { isIdempotent, type Execution } from './kennel.js'
import { mayBeLost } from './losses.js'
import { SEMANTICS } from './semantics.js'

/** What ends a session while its process goes on, or takes its time to be seen. */
const LOSSES = ['outage', 'silence', 'slow', 'strand', 'stop', 'restart', 'supersede', 'close', 'killRouter']

export function checkOrder(history: History): void {
  const byKey = new Map<string, Execution[]>()
  const plans = new Map(history.calls.map((made) => [made.plan.id, made.plan]))
  for (const execution of history.executions) {
    const key = plans.get(execution.id)?.orderKey
    if (key === undefined) continue
    const executions = byKey.get(key)
    if (executions === undefined) byKey.set(key, [execution])
    else executions.push(execution)
  }
  for (const [key, executions] of byKey) overlaps(history, plans, key, executions)
  for (const made of history.calls) if (made.plan.within !== undefined) itself(history, made)
}

/**
 * Within one process never. Across processes only where the router had lost the one that it gave the first to: nobody can tell it then to
 * wait, and the key must go on.
 */
function overlaps(history: History, plans: ReadonlyMap<number, CallPlan>, key: string, executions: readonly Execution[]): void {
  for (const [index, later] of executions.entries()) {
    for (const earlier of executions.slice(0, index)) {
      const isOver = earlier.endMs !== undefined && earlier.endMs <= later.atMs
      const { semantics, method, deadlineMs } = plans.get(earlier.id)!
      const made = history.made(earlier.id)!
      const isWanted = later.atMs < made.startedMs + deadlineMs && !isCancelled(history, made) && !history.hasJumped(0, later.atMs)
      const isWaitedFor =
        history.scenario.limits.leaseMs !== undefined && SEMANTICS[semantics].isStored && !isIdempotent(method) && isWanted
      const wasLost = isWaitedFor
        ? mayBeLost(history, earlier.worker, earlier.atMs, later.atMs) || history.forgettings.length > 0
        : history.wasTroubled(earlier.worker, earlier.atMs, later.atMs, LOSSES)
      if (isOver || earlier.id === later.id) continue
      if (wasLost && earlier.process !== later.process) {
        history.count('order turn taken over after a loss')
        continue
      }
      history.violate(
        'I9',
        `${later.worker} began call ${later.id} of ${key} at ${later.atMs.toFixed(3)}, while ${earlier.worker} ran call ${earlier.id}`,
      )
    }
  }
}

/** A call with the order key of the call during which it is made would wait for itself: it is refused, and not left to its deadline. */
function itself(history: History, made: MadeCall): void {
  const { plan, ends, startedMs } = made
  const [ended] = ends
  if (plan.orderKey === undefined || ended === undefined) return
  if (ended.kind === 'error' && ended.code === 'Reentrant') return
  if (history.wasTroubled(plan.caller, 0, ended.atMs) || history.wasTroubled(undefined, startedMs - 1000, ended.atMs)) return
  const told = ended.kind === 'result' ? 'a result' : `${ended.code}{${ended.executed}}`
  history.violate('reentrant', `call ${plan.id}, which call ${plan.within} has to wait for, has ${told}`)
}
