/** Makes the calls of a scenario at their times, and writes down what their callers are told. */
import type { Call, Exceptional } from '@waybill/client'
import type { World } from '../world.js'
import type { Cast, Life } from './cast.js'
import type { Ended, History, MadeCall } from './history.js'
import { invoke, type Kennel } from './kennel.js'
import type { CallPlan } from './scenario.js'

export class Callers {
  readonly #world: World
  readonly #cast: Cast
  readonly #history: History

  constructor(parts: { world: World; cast: Cast; history: History }) {
    this.#world = parts.world
    this.#cast = parts.cast
    this.#history = parts.history
  }

  plan(calls: readonly CallPlan[]): void {
    for (const call of calls) {
      this.#world.after(call.atMs, () => {
        const current = this.#cast.current.get(call.caller)
        const life = call.byFormer ? this.#cast.lives.find(({ name, process }) => name === call.caller && process.isAlive) : current
        if (life?.client !== undefined) this.make(life, call)
      })
    }
  }

  /** Calls that have not ended, of processes that live. */
  get pending(): readonly MadeCall[] {
    return this.#history.calls.filter(({ ends, process }) => ends.length === 0 && process.isAlive)
  }

  make(life: Life, plan: CallPlan): MadeCall {
    const options = { timeout: plan.timeoutMs, deadline: plan.deadlineMs, ...(plan.on !== undefined && { on: plan.on }) }
    const aborting = new AbortController()
    const call: Call<unknown> = invoke(life.client!.remote<Kennel>(plan.address), plan, { ...options, signal: aborting.signal })
    const made: MadeCall = {
      plan,
      sn: call.sn,
      process: life.process,
      startedMs: this.#world.nowMs,
      cancelledMs: undefined,
      ends: [],
      told: 0,
      progress: [],
    }
    this.#history.calls.push(made)
    this.#watch(made, call)
    if (plan.cancelAfterMs !== undefined) {
      this.#world.after(plan.cancelAfterMs, () => {
        if (made.ends.length > 0 || !life.process.isAlive) return
        made.cancelledMs = this.#world.nowMs
        aborting.abort('planned')
      })
    }
    return made
  }

  #watch(made: MadeCall, call: Call<unknown>): void {
    const end = (ended: Ended): void => {
      if (life(made)) made.ends.push(ended)
    }
    const told = (): void => {
      made.told++
    }
    call.then(
      (value) => end({ kind: 'result', atMs: this.#world.nowMs, value }),
      (thrown: unknown) => {
        const { code, executed, message } = thrown as Error & Exceptional
        end({ kind: 'error', atMs: this.#world.nowMs, code, executed, message })
      },
    )
    void call
      .on('result', told)
      .on('exception', told)
      .on('rejected', told)
      .on('progress', ({ completed }) => made.progress.push(completed))
    if (made.plan.isWatched)
      void call.on('accepted', () => this.#history.count('accepted is told')).on('started', () => this.#history.count('started is told'))
  }
}

/** What a killed process would still be told, nobody hears. */
function life({ process }: MadeCall): boolean {
  return process.isAlive
}
