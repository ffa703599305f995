/**
 * I19: the truth must also be useful. `maybe` is allowed only where nobody could have known better; this file says exactly where that is,
 * from what stood on the wires. Everything else must have said `no`.
 */
import type { Ended, Facts, History, MadeCall } from './history.js'
import { GENEROUS_MS } from './setting.js'

/** Why this `maybe` should have been a `no`; undefined where it is right. */
export function uselessness(history: History, call: MadeCall, facts: Facts, ended: Ended & { kind: 'error' }): string | undefined {
  if (ended.executed !== 'maybe') return undefined
  const [written] = facts.written
  // Never on a wire: it was in the caller's own buffer all the time.
  if (written === undefined) return 'it was never written'
  // Handed to a callee: it may have begun, and only the callee's own word could say that it had not.
  if (facts.handed.length > 0) return undefined
  // Written, but no router has handed it on. A healthy router says so in time; the caller is blind only if its own link or the router
  // failed.
  const { caller } = call.plan
  if (history.wasTroubled(caller, written.atMs, ended.atMs)) return undefined
  // Its name was taken before, and the goodbye crossed the call.
  if (ended.code === 'Superseded' && history.wasTroubled(caller, call.startedMs - GENEROUS_MS, ended.atMs, ['supersede'])) return undefined
  return 'it was never handed to a callee, and nothing was wrong between its caller and the router'
}
