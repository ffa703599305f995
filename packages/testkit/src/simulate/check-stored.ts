/**
 * What the router promises of a call that it has stored: one outcome, the same for all who may ask, and none for others. Pure, as
 * `check.ts` is.
 */
import type { Ended, History, Listed, MadeCall } from './history.js'
import { isIdempotent, isRight } from './kennel.js'
import { SEMANTICS } from './semantics.js'
import { tenantOf } from './setting.js'

const OVER: ReadonlySet<string> = new Set(['succeeded', 'failed', 'rejected', 'expired', 'cancelled', 'indeterminate', 'dead'])

/** What a client says of its own connection or its own patience, and a router of its store, and not of the call. */
const OWN_WORDS: ReadonlySet<string> = new Set(['RouterLost', 'NoSuchReceipt', 'Closed', 'Superseded', 'Overloaded', 'Damaged'])

export function checkStored(history: History, outcomeMs: number): void {
  fetched(history)
  told(history)
  same(history)
  for (const [tenant, listed] of history.listed) whole(history, tenant, listed, outcomeMs)
}

/** Whether the error says that a router was lost with what it held in memory, and one was. */
export function isForgotten(history: History, ended: Ended & { kind: 'error' }): boolean {
  // What has ended is kept for a while by the wall clock.
  return ended.code === 'NoSuchReceipt' && (history.hasForgotten(ended.atMs) || history.hasJumped(0, ended.atMs))
}

/** I1, I6, I7: who asks of the same principal is told, nobody else is. */
function fetched(history: History): void {
  for (const { made, by, process, ends, askedMs } of history.fetches) {
    const about = `call ${made.plan.id} (${history.snOf(made)}), asked for by ${by} at ${askedMs.toFixed(3)}`
    const [ended] = ends
    if (ended === undefined) {
      if (process.isAlive) history.violate('I1', `${about}: it has no answer`)
      continue
    }
    if (ends.length > 1) history.violate('I1', `${about}: it has ${ends.length} answers`)
    if (tenantOf(by) !== tenantOf(made.plan.caller)) {
      if (ended.kind === 'error' && ended.code === 'NoSuchReceipt') history.count('NoSuchReceipt to another principal')
      else if (ended.kind === 'result' || !OWN_WORDS.has(ended.code)) history.violate('I7', `${about}: ${textOf(ended)}`)
      continue
    }
    checkOutcome(history, made, ended, about)
    if (process.name !== made.process.name && ended.kind === 'result') history.count('result that another client fetched')
    if (ended.kind === 'error' && ended.code === 'NoSuchReceipt' && !isForgotten(history, ended))
      history.violate('I12', `${about}: the router does not know it`)
  }
}

/** I7: postbacks reach the client that was named, and it hears one last word. */
function told(history: History): void {
  const heard = new Set<string>()
  for (const { sn, process, ended } of history.postbacks) {
    const made = history.calls.find((call) => history.snOf(call) === sn)
    const about = `the postback of ${sn} to ${process.name}`
    if (made === undefined || made.plan.semantics !== 'postback' || made.plan.replyto !== process.name) {
      history.violate('I7', `${about} is not for it`)
      continue
    }
    const key = `${process.id} ${sn}`
    if (heard.has(key)) history.violate('I1', `${about} came twice`)
    heard.add(key)
    history.count('postback')
    checkOutcome(history, made, ended, about)
  }
  for (const made of history.calls) {
    const { semantics, replyto, id } = made.plan
    const storing = history.storing(made)
    if (semantics !== 'postback' || storing === undefined) continue
    // Where outcomes wait for who is away, everybody is told in the end.
    const isDue = history.scenario.limits.leaseMs === undefined ? !history.wasTroubled(replyto, 0, Infinity) : history.isKept(storing)
    if (!isDue || history.isDamaged || history.hasJumped(0, Infinity)) continue
    const isTold = history.postbacks.some(({ sn, process }) => sn === history.snOf(made) && process.name === replyto)
    if (!isTold) history.violate('I1', `${replyto} was not told what became of call ${id}`)
  }
  if (!history.isSkewed) inOrder(history)
}

/** One after another, as they came about. */
function inOrder(history: History): void {
  const ended = new Map([...history.listed.values()].flat().map(({ sn, endedMs }) => [sn, endedMs]))
  const latest = new Map<number, number>()
  const told = new Set<string>()
  for (const { sn, process } of history.postbacks) {
    const endedMs = ended.get(sn)
    // What one process was told of, another one may be told of again.
    if (endedMs === undefined || told.has(sn)) continue
    told.add(sn)
    const before = latest.get(process.id) ?? 0
    if (endedMs < before)
      history.violate('told', `${process.name} was told of ${sn}, which ended at ${endedMs}, after one that ended at ${before}`)
    latest.set(process.id, Math.max(before, endedMs))
  }
}

function checkOutcome(history: History, made: MadeCall, ended: Ended, about: string): void {
  const ran = history.executionsOf(made.plan.id).length
  if (ended.kind === 'result') {
    if (ran === 0) history.violate('I6', `${about}: it has a result and never ran`)
    if (!isRight(made.plan, ended.value)) history.violate('I7', `${about}: its result is wrong`)
  } else if (ended.code !== 'NoSuchReceipt' && !history.hasJumped(0, ended.atMs)) {
    if (ended.executed === 'no' && ran > 0) history.violate('I5', `${about}: ${ended.code}{no}, and it ran`)
    if (ended.executed === 'yes' && ran === 0) history.violate('I6', `${about}: ${ended.code}{yes}, and it never ran`)
  }
}

/** I8: one serial number, one outcome, whoever asks and whenever. */
function same(history: History): void {
  const outcomes = new Map<string, string>()
  const compare = (sn: string | undefined, ended: Ended | undefined, where: string): void => {
    if (sn === undefined || ended === undefined || (ended.kind === 'error' && OWN_WORDS.has(ended.code))) return
    const text = textOf(ended)
    const known = outcomes.get(sn)
    if (known === undefined) outcomes.set(sn, text)
    else if (known !== text) history.violate('I8', `${sn} has ${known}, and ${where} ${text}`)
  }
  for (const { made, by, ends } of history.fetches)
    if (tenantOf(by) === tenantOf(made.plan.caller)) compare(history.snOf(made), ends[0], `for ${by}`)
  for (const { sn, process, ended } of history.postbacks) compare(sn, ended, `as a postback to ${process.name}`)
  for (const made of history.calls) {
    const [ended] = made.ends
    if (made.storedMs === undefined || ended === undefined) continue
    // Who waits for a call of its own has a patience of its own.
    if (ended.kind === 'error' && (ended.code === 'DeadlineExceeded' || ended.code === 'Cancelled')) continue
    compare(history.snOf(made), ended, 'for who made it')
  }
}

/** I1, I4, I12: what the last router stored is there, and has ended in time. */
function whole(history: History, tenant: string, listed: readonly Listed[], outcomeMs: number): void {
  const bySn = new Map(listed.map((one) => [one.sn, one]))
  for (const made of history.calls) {
    if (tenantOf(made.plan.caller) !== tenant || !SEMANTICS[made.plan.semantics].isStored) continue
    const sn = history.snOf(made)
    const storing = sn === undefined ? undefined : history.stored.get(sn)
    if (sn === undefined || storing === undefined || !history.isKept(storing)) continue
    const about = `stored call ${made.plan.id} (${made.plan.caller} ${made.plan.method}, ${sn})`
    const one = bySn.get(sn)
    bySn.delete(sn)
    const hasJumped = history.hasJumped(0, Number.POSITIVE_INFINITY)
    if (one === undefined) {
      if (hasJumped) continue
      history.violate('I12', `${about} is not in the list of its principal`)
      continue
    }
    const { state, storedMs, endedMs } = one
    if (!OVER.has(state) || endedMs === undefined) history.violate('I1', `${about} is ${state} when all is over`)
    else if (!hasJumped && endedMs > storedMs + made.plan.deadlineMs + outcomeMs)
      history.violate('I1', `${about} ended ${endedMs - storedMs} ms after it was stored`)
    history.count(`stored call that is ${state}`)
    must(history, made, one, about)
  }
  // A caller may leave before it hears that its call was stored.
  const asked = new Set(history.calls.filter(({ plan }) => SEMANTICS[plan.semantics].isStored).map((made) => history.snOf(made)))
  for (const [sn, { client }] of bySn)
    if (!asked.has(sn)) history.violate('I12', `the list has ${sn} of ${client}, which was never asked for`)
}

/** I4: what must run has run, or is reported. */
function must(history: History, made: MadeCall, { state, attempts }: Listed, about: string): void {
  const ran = history.executionsOf(made.plan.id).length
  if ((state === 'succeeded' || state === 'failed') && ran === 0) history.violate('I4', `${about} has ${state} and never ran`)
  if (state === 'dead' && attempts < history.scenario.limits.maxAttempts!)
    history.violate('I4', `${about} is dead after ${attempts} attempts`)
  const isOnce = attempts === 1 && history.factsAbout(made).handed.length === 1
  const [outcome] = [...history.fetches.filter((fetch) => fetch.made === made).flatMap(({ ends }) => ends), ...made.ends]
  const isLost = outcome?.kind === 'error' && outcome.code === 'WorkerLost'
  if (state === 'indeterminate' && isIdempotent(made.plan.method) && isOnce && isLost && !isCancelled(history, made))
    history.violate('I4', `${about} may run again, was lost with its worker, and was not given to another one`)
}

/** Whoever may have asked for its cancel. */
export function isCancelled(history: History, made: MadeCall): boolean {
  const { caller, group } = made.plan
  return made.cancelledMs !== undefined || history.groupCancels.some((one) => one.group === group && one.tenant === tenantOf(caller))
}

function textOf(ended: Ended): string {
  if (ended.kind === 'error') return `${ended.code}{${ended.executed}}: ${ended.message}`
  return ended.value instanceof Uint8Array ? `${ended.value.byteLength} bytes` : JSON.stringify(ended.value)
}
