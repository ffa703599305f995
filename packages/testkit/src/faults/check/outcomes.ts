/** What was acknowledged has an end, one, the same whoever asks (I1, I2, I8, I12). */
import type { AuditLine, Told } from '../lines.js'
import type { Call, History } from './history.js'
import { isForgiven, wordOf, type Violation } from './violation.js'

export function checkOutcomes(history: History): readonly Violation[] {
  const found: Violation[] = []
  for (const call of history.calls.values()) {
    if (!isStored(call) || isForgiven(history, call)) continue
    const what = faultOf(call)
    if (what !== undefined) found.push(what)
  }
  return found
}

/** It was acknowledged, or the router says that it has it. */
function isStored({ storedMs, audit }: Call): boolean {
  return storedMs !== undefined || (audit !== undefined && audit.e !== 'absent')
}

function faultOf(call: Call): Violation | undefined {
  const { sn, storedMs, goneMs, audit } = call
  if (storedMs !== undefined && (goneMs !== undefined || audit?.e === 'absent'))
    return { check: 'lost', what: `${sn} was acknowledged, and then the router did not know it` }
  if (audit?.e === 'pending') return { check: 'not ended', what: `${sn} is ${audit.state} after everything has drained` }
  const words = new Set(endsOf(call).map(wordOf))
  if (words.size === 0) return { check: 'not ended', what: `${sn} was acknowledged, and nobody was told its end` }
  if (words.size > 1) return { check: 'changed', what: `${sn} ended as ${[...words].join(', then as ')}` }
  return undefined
}

/** What was said of the stored call. What its caller was told before it was acknowledged is said of the way there. */
export function endsOf({ storedMs, told, audit }: Call): readonly Told[] {
  const ends: Told[] = told.filter((one) => one.e === 'ok' || (storedMs !== undefined && one.t >= storedMs))
  return audit !== undefined && isTold(audit) ? [...ends, audit] : ends
}

function isTold(line: AuditLine): line is Extract<AuditLine, { audit: true }> {
  return 'audit' in line
}
