/** Calls of one order key do not overlap, and begin in the order of their caller (I9). */
import type { Call, History, Run } from './history.js'
import { isTroubled, routerEnded, routerWasAway, type Violation } from './violation.js'

interface Turn {
  readonly call: Call
  readonly run: Run
}

/** Above it a body goes in pieces, and is whole later than what was sent after it. */
const ONE_PIECE_BYTES = 60 * 1024

export interface OrderCheck {
  readonly violations: readonly Violation[]
  /** Overlaps with a run at somebody who was lost: nobody could hold that back. */
  readonly excused: number
}

export function checkOrder(history: History): OrderCheck {
  const byKey = new Map<string, Turn[]>()
  for (const call of history.calls.values()) {
    const { attempted } = call
    if (attempted?.key === undefined) continue
    const turns = byKey.get(`${attempted.cls} ${attempted.key}`) ?? []
    byKey.set(`${attempted.cls} ${attempted.key}`, turns)
    for (const run of call.runs) turns.push({ call, run })
  }
  const violations: Violation[] = []
  let excused = 0
  for (const [key, turns] of byKey) {
    turns.sort((one, other) => one.run.startedMs - other.run.startedMs)
    for (const [at, turn] of turns.entries()) {
      for (const next of turns.slice(at + 1)) {
        if (next.run.startedMs >= history.endOf(turn.run)) break
        if (isOut(history, turn, next)) excused++
        else violations.push({ check: 'overlap', what: `${key}: ${next.call.sn} began while ${turn.call.sn} ran at ${turn.run.worker}` })
      }
    }
    violations.push(...outOfOrder(history, key, turns))
  }
  return { violations, excused }
}

/** The router may think the earlier one over. */
function isOut(history: History, { run, call }: Turn, next: Turn): boolean {
  const [fromMs, toMs] = [run.startedMs, next.run.startedMs]
  if (isTroubled(history, run.worker, fromMs, toMs)) return true
  return call.durability !== 'disk' && routerEnded(history, fromMs, toMs)
}

/** First runs of what one process sent in one piece, while nothing happened to anybody. */
function outOfOrder(history: History, key: string, turns: readonly Turn[]): readonly Violation[] {
  const found: Violation[] = []
  const latest = new Map<string, Call>()
  for (const { call, run } of turns) {
    const attempted = call.attempted!
    if (run !== call.runs[0] || attempted.bytes > ONE_PIECE_BYTES) continue
    const former = latest.get(attempted.i)
    if (former === undefined || former.attempted!.n < attempted.n) latest.set(attempted.i, call)
    else if (isCalm(history, attempted.i, attempted.t, run.startedMs))
      found.push({ check: 'order', what: `${key}: ${call.sn} was attempted before ${former.sn} and began after it` })
  }
  return found
}

function isCalm(history: History, caller: string, fromMs: number, toMs: number): boolean {
  if (routerWasAway(history, fromMs, toMs) || isTroubled(history, caller, fromMs, toMs)) return false
  const { ended, troubles } = history
  const isNow = (atMs: number): boolean => atMs >= fromMs && atMs <= toMs
  return ![...ended.values()].some(({ atMs }) => isNow(atMs)) && !troubles.some((one) => one.fromMs <= toMs && one.toMs >= fromMs)
}
