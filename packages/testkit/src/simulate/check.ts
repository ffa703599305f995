/**
 * The invariants of the delivery contract that can be read from what was seen of each call. Pure: a history in, violations out. What
 * concerns the end of a simulation (leaks, draining) is checked where it ends.
 */
import { codes, isCode } from '@waybill/core'
import type { Ended, Facts, History, MadeCall } from './history.js'
import { isRight, type Execution } from './kennel.js'
import { causeOf } from './causes.js'
import { uselessness } from './truth.js'

/** The last moment for an outcome, after the deadline. */
export const OUTCOME_MS = 5000

/** A deadline is handed on with at most this error: the wheel's tick and rounding up. */
const TTL_SLACK_MS = 20

export function check(history: History): void {
  for (const call of history.calls) new CallCheck(history, call).all()
  strangers(history)
}

class CallCheck {
  readonly #history: History
  readonly #call: MadeCall
  readonly #executions: readonly Execution[]
  readonly #facts: Facts

  constructor(history: History, call: MadeCall) {
    this.#history = history
    this.#call = call
    this.#executions = history.executionsOf(call.plan.id)
    this.#facts = history.factsOf(call.sn)
  }

  all(): void {
    this.#executed()
    this.#deadlines()
    const { ends, process, told } = this.#call
    if (!process.isAlive && ends.length === 0) return
    if (ends.length !== 1 || told !== 1) return this.#violate('I1', `it has ${ends.length} ends and its listeners were told ${told}`)
    const ended = ends[0]!
    const { startedMs, plan } = this.#call
    if (ended.atMs > startedMs + plan.deadlineMs + OUTCOME_MS) this.#violate('I1', `it ended ${ended.atMs - startedMs} ms after its start`)
    if (ended.kind === 'result') this.#result(ended)
    else this.#error(ended)
  }

  #executed(): void {
    const { sn, plan } = this.#call
    if (this.#executions.length > 1) this.#violate('I3', `it ran ${this.#executions.length} times`)
    for (const { sn: seen, caller } of this.#executions) {
      if (seen !== sn) this.#violate('I7', `its callee took it for ${seen}`)
      if (caller !== plan.caller) this.#violate('I7', `its callee took its caller for ${caller}`)
    }
  }

  /** I11, as far as each side can know: the time that remains shrinks on the way, and nothing starts after it. */
  #deadlines(): void {
    const [handed] = this.#facts.handed
    const [arrived] = this.#facts.atRouter
    if (handed !== undefined && arrived !== undefined && this.#facts.atRouter.length === 1) {
      const heldMs = handed.atMs - arrived.atMs
      if (handed.ttlMs > arrived.ttlMs - heldMs + TTL_SLACK_MS) {
        this.#violate('I11', `it was held for ${heldMs} ms and handed on with ${handed.ttlMs} of ${arrived.ttlMs} ms left`)
      }
    }
    const [delivered] = this.#facts.delivered
    const [execution] = this.#executions
    if (delivered === undefined || execution === undefined || this.#facts.delivered.length > 1) return
    const lateMs = execution.atMs - (delivered.atMs + delivered.ttlMs)
    if (lateMs > 0) this.#violate('I11', `it was started ${lateMs} ms after its deadline`)
  }

  #result({ value }: Ended & { kind: 'result' }): void {
    const { plan, progress } = this.#call
    if (this.#executions.length === 0) this.#violate('I6', 'it has a result and never ran')
    if (!isRight(plan, value)) this.#violate('I7', `its result is wrong: ${shown(value)}`)
    if (!isRising(progress, plan.size)) this.#violate('progress', `it was told of the steps ${progress.join()}`)
  }

  #error(ended: Ended & { kind: 'error' }): void {
    const { code, executed } = ended
    const ran = this.#executions.length
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
    const { plan, sn, startedMs } = this.#call
    this.#history.violate(invariant, `call ${plan.id} (${plan.caller} ${plan.method} at ${startedMs.toFixed(3)}, ${sn}): ${what}`)
  }
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
