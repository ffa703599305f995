/** Whether a router could take a process that has a stored call for lost. Pure. */
import type { History } from './history.js'

/** What ends a process, or takes its name from it. */
const ENDS = ['restart', 'supersede', 'close']
/** What keeps a client from its router for a while. */
const ABSENCES = ['cut', 'strand', 'outage', 'silence', 'slow', 'stop', 'killRouter']
/** Until an end is found out, or a client is back after whatever kept it away, beside as long again as that lasted. */
const NOTICE_MS = 6000
const RETURN_MS = 3000

/** It ended, another one took its name, or it was away for as long as it is waited for, after the one time and before the other. */
export function mayBeLost(history: History, client: string, fromMs: number, byMs: number): boolean {
  const { leaseMs = 0 } = history.scenario.limits
  let awayMs = 0
  for (const { name, kind, fromMs: beganMs, forMs } of history.troubles) {
    if ((name !== client && name !== 'router') || beganMs > byMs) continue
    if (ENDS.includes(kind) && beganMs + forMs + NOTICE_MS >= fromMs) return true
    if (ABSENCES.includes(kind) && beganMs + 2 * forMs + RETURN_MS >= fromMs) awayMs += 2 * forMs + RETURN_MS
  }
  return awayMs >= leaseMs
}
