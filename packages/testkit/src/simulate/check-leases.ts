/**
 * What the router promises of stored calls that somebody has: who is waited for, for how long, and whose word counts. Pure, as `check.ts` is. Only where
 * the scenario says how long.
 */
import { isCancelled } from './check-stored.js'
import type { Ended, History, Listed, MadeCall, Sending } from './history.js'
import { isIdempotent, type Answer } from './kennel.js'
import { mayBeLost } from './losses.js'
import { SEMANTICS } from './semantics.js'

/** Until what has been said is safe, on whatever disk. */
const SAFE_MS = 1000
/** Until who came is known, and what that means is done. */
const PROMPT_MS = 3000
/** Until a session whose link is gone is lost, with some slack. */
const GRACE_MS = 1200

export function checkLeases(history: History): void {
  const { leaseMs } = history.scenario.limits
  if (leaseMs === undefined) return
  const listed = new Map([...history.listed.values()].flat().map((one) => [one.sn, one]))
  for (const made of history.calls) {
    if (!SEMANTICS[made.plan.semantics].isStored) continue
    const check = new LeaseCheck(history, made, leaseMs)
    check.all(listed.get(history.snOf(made) ?? ''))
  }
}

class LeaseCheck {
  readonly #history: History
  readonly #made: MadeCall
  readonly #leaseMs: number
  readonly #handed: readonly Sending[]

  constructor(history: History, made: MadeCall, leaseMs: number) {
    this.#history = history
    this.#made = made
    this.#leaseMs = leaseMs
    this.#handed = history.factsAbout(made).handed
  }

  all(listed: Listed | undefined): void {
    // A store that is begun anew knows nothing of what was before, and one whose time has passed at once has forgotten it.
    if (this.#history.forgettings.length > 0 || this.#history.hasJumped(0, Number.POSITIVE_INFINITY)) return
    this.#told()
    this.#attempts()
    this.#versions()
    this.#cancelled()
    const outcomes = [...this.#made.ends, ...this.#history.fetches.filter(({ made }) => made === this.#made).flatMap(({ ends }) => ends)]
    for (const ended of outcomes) {
      this.#lost(ended)
      this.#fenced(ended)
      if (listed !== undefined) this.#agrees(ended, listed)
    }
    if (listed !== undefined && listed.endedMs !== undefined && !this.#history.isSkewed) this.#timely(listed.state, listed.endedMs)
  }

  /** I16: a call that could not be made safe leaves nobody waiting for the next router. */
  #told(): void {
    const [came] = this.#history.factsAbout(this.#made).atRouter
    const { process, ends, plan } = this.#made
    if (came === undefined || !process.isAlive) return
    const heardMs = Math.min(this.#history.storing(this.#made)?.atMs ?? Infinity, ends[0]?.atMs ?? Infinity)
    for (const { kind, fromMs, forMs } of this.#history.troubles) {
      const untilMs = fromMs + forMs
      const isAsked = kind === 'failingDisk' && came.atMs >= fromMs && came.atMs < untilMs - SAFE_MS / 2
      const others = this.#history.troubles.filter(({ name }) => name === 'router' || name === plan.caller)
      const isAlone = others.filter((other) => other.fromMs < untilMs && other.fromMs + other.forMs + SAFE_MS > fromMs).length === 1
      if (isAsked && isAlone && heardMs > untilMs) this.#violate('I16', `${plan.caller} was told nothing of it until another router began`)
    }
  }

  /** I4: who has begun it and does not do it counts. */
  #attempts(): void {
    for (const [index, later] of this.#handed.entries()) {
      for (const earlier of this.#handed.slice(0, index)) {
        if (later.process === earlier.process || later.attempt > earlier.attempt) continue
        const isBetween = (atMs: number): boolean => atMs >= earlier.atMs && atMs <= later.atMs
        if (this.#executions.some(({ process, atMs }) => process.id === earlier.process && isBetween(atMs)))
          this.#violate(
            'I4',
            `${earlier.client} began it as attempt ${earlier.attempt}, ${later.client} has it as attempt ${later.attempt}`,
          )
      }
    }
  }

  /** I4: what a version has begun, no other one is given, as soon as that is known for good. */
  #versions(): void {
    for (const { atMs, client } of this.#history.factsAbout(this.#made).begun) {
      if (!this.#history.wasQuiet(atMs, atMs + SAFE_MS) || mayBeLost(this.#history, client, atMs - SAFE_MS, atMs)) continue
      for (const later of this.#handed)
        if (later.atMs > atMs + SAFE_MS && this.#versionOf(later.client) !== this.#versionOf(client))
          this.#violate('version', `it was begun with version ${this.#versionOf(client)}, and ${later.client} was given it`)
    }
  }

  /** Who was told that it is wanted no more can rely on it. */
  #cancelled(): void {
    const atMs = this.#history.cancelled.get(this.#history.snOf(this.#made) ?? '')
    const later = this.#handed.find((handed) => atMs !== undefined && handed.atMs > atMs + SAFE_MS)
    if (later !== undefined)
      this.#violate('cancel', `its cancel was said to be done at ${atMs!.toFixed(0)}, and ${later.client} was given it`)
  }

  /** I19: nobody is given up who is there, or comes back in time. */
  #lost(ended: Ended): void {
    const last = this.#handed.at(-1)
    if (ended.kind !== 'error' || ended.code !== 'WorkerLost' || last === undefined) return
    if (isIdempotent(this.#made.plan.method) || isCancelled(this.#history, this.#made)) return
    if (!mayBeLost(this.#history, last.client, last.atMs, ended.atMs))
      this.#violate('I19', `${last.client} had it, was never away for long, and was given up: ${ended.message}`)
  }

  /** I13: only the word of who had it last counts. */
  #fenced(ended: Ended): void {
    const last = this.#handed.filter(({ atMs }) => atMs <= ended.atMs).at(-1)
    const by = ended.kind === 'result' ? (ended.value as Partial<Answer> | undefined)?.by : undefined
    if (by !== undefined && last !== undefined && by !== last.process)
      this.#violate('I13', `process ${by} answered it, and ${last.client} with process ${last.process} had it`)
  }

  /** I2: what was told is what is kept. */
  #agrees(ended: Ended, { state }: Listed): void {
    const due = ended.kind === 'result' ? 'succeeded' : ended.code === 'RemoteException' ? 'failed' : undefined
    if (due !== undefined && state !== due && !(due === 'failed' && state === 'cancelled'))
      this.#violate('I2', `its maker was told that it ${due}, and the router has ${state}`)
  }

  /** I1: who is dead or away for too long is not waited for. */
  #timely(state: string, endedMs: number): void {
    const last = this.#handed.at(-1)
    if (last === undefined || isIdempotent(this.#made.plan.method) || isCancelled(this.#history, this.#made)) return
    const followed = this.#history.joins.find(
      ({ name, process, atMs }) => name === last.client && process !== last.process && atMs > last.atMs,
    )
    if (
      state === 'indeterminate' &&
      followed !== undefined &&
      endedMs > followed.atMs + PROMPT_MS &&
      this.#history.wasQuiet(followed.atMs, endedMs)
    )
      this.#violate(
        'I1',
        `it waited for ${last.client} until ${endedMs.toFixed(0)}, which another process had followed at ${followed.atMs.toFixed(0)}`,
      )
    for (const { name, kind, fromMs, forMs } of this.#history.troubles) {
      const untilMs = fromMs + this.#leaseMs + GRACE_MS
      // When everything works again, it is over.
      const lastedMs = Math.min(forMs, this.#history.scenario.endMs - fromMs)
      // A link that was broken before is found out to be later.
      const wasBroken = this.#history.troubles.some((one) => one.name === name && one.fromMs < fromMs && one.fromMs > fromMs - PROMPT_MS)
      if (kind !== 'outage' || name !== last.client || last.atMs > fromMs || lastedMs < this.#leaseMs + GRACE_MS) continue
      if (state === 'succeeded' && !wasBroken && endedMs > untilMs && this.#history.wasQuiet(fromMs, endedMs))
        this.#violate(
          'I13',
          `${name} was away from ${fromMs.toFixed(0)} for ${forMs.toFixed(0)} ms, and its word counted at ${endedMs.toFixed(0)}`,
        )
    }
  }

  get #executions(): ReturnType<History['executionsOf']> {
    return this.#history.executionsOf(this.#made.plan.id)
  }

  #versionOf(client: string): string | undefined {
    return this.#history.scenario.workers.find(({ name }) => name === client)?.version
  }

  #violate(invariant: string, what: string): void {
    const { plan } = this.#made
    this.#history.violate(invariant, `stored call ${plan.id} (${plan.caller} ${plan.method}, ${this.#history.snOf(this.#made)}): ${what}`)
  }
}
