/** What a check says, and what several checks ask of a history. */
import { AFTERMATH_MS, type Call, type History, type Run } from './history.js'
import type { Told } from '../lines.js'

export interface Violation {
  /** Which promise is broken, in a word or two. */
  readonly check: string
  readonly what: string
}

/** Of a router that forgets what it stored when it ends: nothing can be asked of it any more. */
export function isForgiven(history: History, call: Call): boolean {
  return call.durability !== 'disk' && routerEnded(history, call.storedMs ?? call.attempted?.t ?? 0, Number.POSITIVE_INFINITY)
}

/** Whether there was no router for a while, or one that had only just come. */
export function routerWasAway({ routers }: History, fromMs: number, toMs: number): boolean {
  return routers.some(({ endedMs }, at) => {
    const backMs = (routers[at + 1]?.readyMs ?? Number.POSITIVE_INFINITY) + AFTERMATH_MS
    return endedMs !== undefined && endedMs <= toMs && backMs >= fromMs
  })
}

export function routerEnded({ routers }: History, fromMs: number, toMs: number): boolean {
  return routers.some(({ endedMs }) => endedMs !== undefined && endedMs >= fromMs && endedMs <= toMs)
}

/** Whether something happened to a process or its line that may cost it its session. */
export function isTroubled({ ended, troubles, losses }: History, who: string, fromMs: number, toMs: number): boolean {
  const end = ended.get(who)
  return (
    (end !== undefined && end.atMs >= fromMs - SLACK_MS && end.atMs <= toMs + SLACK_MS) ||
    troubles.some((trouble) => trouble.who === who && trouble.fromMs <= toMs && trouble.toMs >= fromMs) ||
    losses.some((loss) => loss.who === who && loss.atMs >= fromMs && loss.atMs <= toMs + HEARD_MS)
  )
}

/** Between what happened and its line in the log. */
const SLACK_MS = 250
/** A client may learn only long after the router that its session is lost. */
const HEARD_MS = 30_000

export function isOf(who: string, role: 'worker' | 'caller'): boolean {
  return who.startsWith(role)
}

export function wordOf(told: Told): string {
  switch (told.e) {
    case 'ok':
      return `ok ${told.result}`
    case 'failed':
      return `${told.code} ${told.executed}`
    case 'indeterminate':
      return `${told.code} maybe`
  }
}

export function runsOf({ runs }: Call): string {
  return runs.length === 0 ? 'no run' : runs.map((run: Run) => `${run.worker} attempt ${run.attempt}`).join(', ')
}
