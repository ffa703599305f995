/**
 * The invariants of the delivery contract that can be read from what was seen of each call. Pure: a history in, violations out. What
 * concerns the end of a simulation (leaks, draining) is checked where it ends.
 */
import { codes, isCode } from '@waybill/core'
import type { Ended, Facts, History, MadeCall, Sending } from './history.js'
import { causeOf } from './causes.js'
import { checkLeases } from './check-leases.js'
import { checkOrder } from './check-order.js'
import { checkStored, isForgotten } from './check-stored.js'
import { isIdempotent, isRight, type Execution } from './kennel.js'
import { SEMANTICS, type Semantics } from './semantics.js'
import { uselessness } from './truth.js'

/** The last moment for an outcome, after the deadline. */
export const OUTCOME_MS = 5000

/** A deadline is handed on with at most this error: the wheel's tick and rounding up. */
const TTL_SLACK_MS = 20
/** How long a session outlives its link. */
const RESUME_MS = 2000

export function check(history: History): void {
  for (const call of history.calls) new CallCheck(history, call).all()
  strangers(history)
  checkStored(history, OUTCOME_MS)
  checkLeases(history)
  checkOrder(history)
}

class CallCheck {
  readonly #history: History
  readonly #call: MadeCall
  readonly #semantics: Semantics
  readonly #executions: readonly Execution[]
  readonly #facts: Facts

  constructor(history: History, call: MadeCall) {
    this.#history = history
    this.#call = call
    this.#semantics = SEMANTICS[call.plan.semantics]
    this.#executions = history.executionsOf(call.plan.id)
    this.#facts = history.factsAbout(call)
  }

  all(): void {
    this.#executed()
    this.#deadlines()
    const { ends, process, told, plan, startedMs } = this.#call
    if (ends.length === 0 && (!process.isAlive || !this.#semantics.isHeardOf)) return
    const isTold = told === 1 || !this.#semantics.isHeardOf
    if (ends.length !== 1 || !isTold) return this.#violate('I1', `it has ${ends.length} ends and its listeners were told ${told}`)
    const ended = ends[0]!
    // Who is cut off hears of what is stored when it is back, and who stands still of anything when it goes on.
    const isLate = ended.atMs > startedMs + plan.deadlineMs + OUTCOME_MS
    const kinds = this.#semantics.isStored ? undefined : ['stop']
    const mayBeLate = this.#history.wasTroubled(plan.caller, startedMs, ended.atMs, kinds)
    if (isLate && !mayBeLate) this.#violate('I1', `it ended ${ended.atMs - startedMs} ms after its start`)
    if (ended.kind === 'result') this.#result(ended)
    else this.#error(ended)
  }

  #executed(): void {
    const { plan } = this.#call
    const sn = this.#history.snOf(this.#call)
    const ran = this.#executions.length
    const mayRunAgain = (this.#semantics.isStored || plan.retry > 0) && isIdempotent(plan.method)
    const most = mayRunAgain ? Math.max(1, this.#facts.delivered.length) : 1
    // What has ended is known again for a while, by the wall clock.
    const isForgotten = this.#semantics.isStored && this.#history.hasJumped(0, Number.POSITIVE_INFINITY)
    if (ran > most && !isForgotten) this.#violate('I3', `it ran ${ran} times`)
    for (const { sn: seen, caller } of this.#executions) {
      if (seen !== sn) this.#violate('I7', `its callee took it for ${seen}`)
      if (caller !== plan.caller) this.#violate('I7', `its callee took its caller for ${caller}`)
    }
  }

  /** I11, as far as each side can know: the time that remains shrinks on the way, and nothing starts after it. */
  #deadlines(): void {
    const { atRouter, handed, delivered } = this.#facts
    const untilMs = last(atRouter)
    for (const { atMs, ttlMs, client } of handed) {
      // Since its clock was put back a router does not know how long the one before it was gone.
      const isBack = this.#history.troubles.some(({ kind, fromMs }) => kind === 'clock back' && fromMs <= atMs)
      // What is given to a client whose link is broken leaves when that is back.
      const isSlow = this.#semantics.isStored || this.#history.wasTroubled('router', atMs - RESUME_MS, atMs, ['stop'])
      const isBroken = isSlow && this.#history.wasTroubled(client, atMs - RESUME_MS, atMs)
      const lateMs = isBack ? atMs - this.#call.startedMs : isBroken ? RESUME_MS : 0
      if (atRouter.length > 0 && atMs + ttlMs > untilMs + lateMs + TTL_SLACK_MS)
        this.#violate('I11', `it was handed on with ${ttlMs} ms, ${(atMs + ttlMs - untilMs).toFixed(0)} more than were left`)
    }
    for (const { atMs } of this.#executions) {
      const lateMs = atMs - last(delivered)
      if (delivered.length > 0 && lateMs > 0) this.#violate('I11', `it was started ${lateMs} ms after its deadline`)
    }
  }

  #result({ value }: Ended & { kind: 'result' }): void {
    const { plan, progress } = this.#call
    if (this.#executions.length === 0) this.#violate('I6', 'it has a result and never ran')
    if (!isRight(plan, value)) this.#violate('I7', `its result is wrong: ${shown(value)}`)
    // Who watches again is told the last one again, and another attempt begins anew.
    if (!this.#semantics.isStored && !isRising(progress, plan.size))
      this.#violate('progress', `it was told of the steps ${progress.join()}`)
  }

  #error(ended: Ended & { kind: 'error' }): void {
    const { code, executed } = ended
    const ran = this.#executions.length
    if (isForgotten(this.#history, ended)) return
    // What was known no more was stored anew.
    if (this.#semantics.isStored && this.#history.hasJumped(0, ended.atMs)) return
    if (executed === 'no' && ran > 0) this.#violate('I5', `${code}{no}, and it ran`)
    if (executed === 'yes' && ran === 0) this.#violate('I6', `${code}{yes}, and it never ran`)
    if (isCode(code) && !(codes[code].executed as readonly string[]).includes(executed))
      this.#violate('codes', `${code} cannot be ${executed}`)
    const useless = uselessness(this.#history, this.#call, this.#facts, ended)
    if (useless !== undefined) this.#violate('I19', `${code}{${executed}}: ${useless}`)
    if (!causeOf(this.#history, this.#call, this.#executions, ended))
      this.#violate('explained', `${code}{${executed}} has no cause: ${ended.message}`)
  }

  #violate(invariant: string, what: string): void {
    const { plan, startedMs } = this.#call
    const sn = this.#history.snOf(this.#call)
    this.#history.violate(
      invariant,
      `call ${plan.id} (${plan.caller} ${plan.semantics} ${plan.method} at ${startedMs.toFixed(3)}, ${sn}): ${what}`,
    )
  }
}

/** The latest end of the time that any of them leaves. */
function last(sendings: readonly Sending[]): number {
  return sendings.reduce((most, { atMs, ttlMs }) => Math.max(most, atMs + ttlMs), 0)
}

/** Nothing runs that nobody called. */
function strangers(history: History): void {
  const known = new Set(history.calls.map(({ plan }) => plan.id))
  for (const { id, worker } of history.executions) if (!known.has(id)) history.violate('I7', `${worker} ran call ${id}, which nobody made`)
}

/** In order and none twice; one may be left out where there was no credit for it. */
function isRising(progress: readonly number[], steps: number): boolean {
  return progress.every((completed, at) => completed > (progress[at - 1] ?? 0) && completed <= steps)
}

function shown(value: unknown): string {
  return value instanceof Uint8Array ? `${value.byteLength} bytes` : JSON.stringify(value)
}
