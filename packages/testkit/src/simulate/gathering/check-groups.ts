/** Groups that settle and count each instance once, and drains that let nothing new begin. Pure. */
import { OUTCOME_MS } from '../check.js'
import type { History } from '../history.js'
import { isIdempotent, isRight, type Execution } from '../kennel.js'
import type { Gathered, Gathering, Record } from './record.js'

export function checkGroups(history: History, record: Record): void {
  for (const gathering of record.gatherings) new GroupCheck(history, record, gathering).all()
  checkDrains(history, record)
}

class GroupCheck {
  readonly #history: History
  readonly #gathering: Gathering
  readonly #executions: readonly Execution[]
  /** How many calls of it stood on the wire. */
  readonly #asked: number

  constructor(history: History, record: Record, gathering: Gathering) {
    this.#history = history
    this.#gathering = gathering
    this.#executions = history.executionsOf(gathering.plan.id)
    this.#asked = record.members.get(gathering.sn)?.size ?? 0
  }

  all(): void {
    const { plan, process, ends, endedMs, startedMs, gathered, error } = this.#gathering
    this.#once()
    if (ends === 0 && !process.isAlive) return
    if (ends !== 1) return this.#violate('I16', `it has ended ${ends} times`)
    if (endedMs! > startedMs + plan.deadlineMs + OUTCOME_MS) this.#violate('I16', `it ended ${endedMs! - startedMs} ms after its start`)
    if (gathered !== undefined) this.#counted(gathered)
    else this.#failed(error!)
  }

  /** I3: a member call names one instance, and is never given to another. */
  #once(): void {
    const { plan } = this.#gathering
    const ran = new Map<string, number>()
    for (const { sn, worker } of this.#executions) {
      for (const key of [`call ${sn}`, worker]) ran.set(key, (ran.get(key) ?? 0) + 1)
    }
    for (const [key, times] of ran) if (times > 1) this.#violate('I3', `${key} ran ${times} times`)
    if ('hedge' in plan.wish && !isIdempotent(plan.method) && this.#executions.length + this.#asked > 0)
      this.#violate('hedge', 'it asked for what may run once')
  }

  #counted({ results, exceptions, missing }: Gathered): void {
    const { plan } = this.#gathering
    const { wish } = plan
    const names = [...results.keys(), ...exceptions.keys(), ...missing]
    if (new Set(names).size < names.length) this.#violate('group', `some stand in it twice: ${names.join()}`)
    if ('all' in wish) {
      this.#history.count(missing.length > 0 ? 'group with one that is missing' : 'group to all')
      if (names.length < this.#asked) this.#violate('group', `${this.#asked} were asked, and it knows of ${names.join()}`)
      for (const { worker } of this.#executions) if (!names.includes(worker)) this.#violate('group', `${worker} ran it and is left out`)
    } else {
      const wanted = 'first' in wish ? wish.first : 'quorum' in wish ? wish.quorum : 1
      if (results.size < wanted) this.#violate('group', `${results.size} results, and ${wanted} were wanted`)
      this.#history.count('hedge' in wish ? 'hedged group' : 'first' in wish ? 'first of a group' : 'quorum')
      if ('hedge' in wish && this.#asked > 1) this.#history.count('hedged group that asks another one')
    }
    for (const [from, value] of results) {
      if (!isRight(plan, value)) this.#violate('I7', `the result of ${from} is wrong`)
      if (!this.#hasEndedAt(from)) this.#violate('I6', `${from} has a result and did not run it to its end`)
    }
    for (const [from, code] of exceptions) {
      if (code !== 'RemoteException') this.#violate('group', `${code} of ${from} stands among what methods threw`)
      else if (!this.#hasEndedAt(from)) this.#violate('I6', `${from} has an exception and did not run it`)
    }
  }

  #failed({ code, executed, instances }: NonNullable<Gathering['error']>): void {
    this.#history.count(`group ${code}`)
    if (executed === 'no' && this.#executions.length > 0) this.#violate('I5', `${code}{no}, and it ran at ${this.#executions[0]!.worker}`)
    if (executed === 'yes' && this.#executions.length === 0) this.#violate('I6', `${code}{yes}, and it ran nowhere`)
    if (code === 'NoQuorum' && instances.length < this.#asked)
      this.#violate('group', `${this.#asked} were asked, and it knows of ${instances.join()}`)
  }

  #hasEndedAt(name: string): boolean {
    return this.#executions.some(({ worker, endMs }) => worker === name && endMs !== undefined)
  }

  #violate(invariant: string, what: string): void {
    const { plan, sn, startedMs, gathered, error } = this.#gathering
    const told = error === undefined ? `missing ${gathered?.missing.join()}` : `${error.code}{${error.executed}}`
    const which = `group ${plan.id} (${plan.by} ${plan.method} ${JSON.stringify(plan.wish)} at ${startedMs.toFixed(3)}, ${sn}, ${told})`
    this.#history.violate(invariant, `${which}: ${what}`)
  }
}

/**
 * Time for a withdrawal to reach the router. What was handed over before crosses the wish to be empty, and runs.
 */
const CROSSING_MS = 100

/** Nothing is handed to who is drained, and what runs there ends before it says that it is empty. */
function checkDrains(history: History, record: Record): void {
  for (const { process, fromMs, untilMs, hasEnded } of record.drains) {
    for (const { id, sn, atMs, endMs } of history.executions.filter((execution) => execution.process.id === process.id)) {
      const handedMs = history.facts.get(sn)?.handed.at(-1)?.atMs ?? atMs
      const isLate = handedMs > fromMs + CROSSING_MS && !history.wasTroubled(process.name, fromMs, handedMs)
      if (isLate || atMs > (untilMs ?? Number.POSITIVE_INFINITY))
        history.violate('drain', `${process.name} began call ${id} at ${atMs.toFixed(3)}, drained at ${fromMs.toFixed(3)}`)
      if (atMs <= fromMs && (endMs === undefined || endMs > fromMs)) {
        history.count('call that runs on at a drained client')
        if (untilMs !== undefined && (endMs === undefined || endMs > untilMs))
          history.violate('drain', `${process.name} said that it was empty while it ran call ${id}`)
        if (process.isAlive && endMs === undefined) history.violate('drain', `call ${id} never ended at ${process.name}, which was drained`)
      }
    }
    if (process.isAlive && untilMs === undefined && !hasEnded) history.violate('I16', `${process.name} is drained and never empty`)
  }
}
