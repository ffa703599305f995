/**
 * One call to each of many instances, as one thing: who is asked and when, which answers count, and when enough is known. Owns its members and
 * the rule by which it ends; how an instance is listed and called is given to it. Knows no frames.
 */
import { RemoteException, WaybillError } from '@waybill/core'
import type { Call, Clock, Code, Exceptional, Executed, Outcome, Rejection, Timer } from '@waybill/core'
import { Agreement } from './agreement.js'
import { LiveFan, type FanCarrier } from './fan.js'

/** One that can be asked, as the router tells of it. */
export interface Listed {
  readonly symbol: number
  readonly client: string
  readonly service: string
  readonly version: string
  readonly idempotent: boolean
}

/** When it ends. */
export type Rule =
  | { readonly kind: 'all' }
  | { readonly kind: 'first' | 'quorum'; readonly wanted: number }
  | { readonly kind: 'hedge'; readonly everyMs: number }

export interface GroupParts<T> {
  readonly sn: string
  readonly clock: Clock
  readonly rule: Rule
  /** Where a hedged group begins in the list, so that the same one does not bear it all. */
  readonly turn: number
  readonly signal: AbortSignal | undefined
  list(): Call<readonly Listed[]>
  /** How to ask an instance. To be got in the turn in which it was listed, as what the list says is of that session. */
  way(instance: Listed): () => Call<T>
}

interface Member<T> {
  readonly from: string
  readonly instance: Listed
  readonly ask: () => Call<T>
  call?: Call<T>
  rejection?: Rejection
  outcome?: Outcome<T>
}

export class Group<T> implements FanCarrier {
  readonly fan: LiveFan<T>
  readonly #parts: GroupParts<T>
  readonly #results = new Map<string, T>()
  readonly #exceptions = new Map<string, Error & Exceptional>()
  readonly #missing: string[] = []
  readonly #agreement = new Agreement()
  /** Those who gave the same result. */
  readonly #votes = new Map<number, string[]>()
  #listing: Call<readonly Listed[]> | undefined
  #members: readonly Member<T>[] = []
  /** How many members were asked, from the first one on, and how many of these have not ended. */
  #asked = 0
  #running = 0
  #timer: Timer | undefined
  #cancelled: { readonly reason: unknown } | undefined
  #over = false
  readonly #abort = (): void => this.cancel(this.#parts.signal?.reason)

  constructor(parts: GroupParts<T>) {
    this.#parts = parts
    this.fan = new LiveFan<T>(this)
  }

  get sn(): string {
    return this.#parts.sn
  }

  start(): void {
    const { signal } = this.#parts
    if (signal?.aborted === true) return this.#fail(cancelled('no', signal.reason))
    signal?.addEventListener('abort', this.#abort)
    this.#listing = this.#parts.list()
    this.#listing.then(
      (instances) => this.#begin(instances),
      (error: unknown) => this.#fail(this.#cancelled === undefined ? unasked(error) : cancelled('no', this.#cancelled.reason)),
    )
  }

  /** Refused before anybody was looked for. */
  refuse(thrown: unknown): void {
    this.#fail(unasked(thrown))
  }

  /** Ends when all verdicts are there, as only they can say what ran; with what it wanted, where that comes before them. */
  cancel(reason: unknown): void {
    if (this.#over || this.#cancelled !== undefined) return
    this.#cancelled = { reason }
    this.#timer?.cancel()
    if (this.#asked === 0) void this.#listing?.cancel(reason)
    this.#cancelRunning(reason)
  }

  #begin(instances: readonly Listed[]): void {
    if (this.#cancelled !== undefined) return this.#fail(cancelled('no', this.#cancelled.reason))
    if (!Array.isArray(instances) || !instances.every(isListed)) {
      return this.#fail(new WaybillError('ProtocolViolation', 'the router gave no list of instances', { executed: 'no' }))
    }
    const { rule, turn, way } = this.#parts
    const names = namesOf(instances)
    const members = instances.map((instance, at) => ({ instance, from: names[at]!, ask: way(instance) }))
    this.#members = members
    if (rule.kind !== 'hedge') {
      if (rule.kind !== 'all' && rule.wanted > members.length) return this.#fail(this.#noQuorum(rule.wanted))
      while (this.#asked < members.length) this.#ask()
      return
    }
    const once = members.filter(({ instance }) => !instance.idempotent).map(({ from }) => from)
    if (once.length > 0) {
      return this.#fail(
        new WaybillError('NotIdempotent', `the method is not declared idempotent by ${once.join(', ')}; nothing was sent`, {
          details: { instances: once },
        }),
      )
    }
    this.#members = members.map((_, at) => members[(at + turn) % members.length]!)
    this.#ask()
  }

  /** Asks the next one. */
  #ask(): void {
    const { rule, clock } = this.#parts
    const member = this.#members[this.#asked++]!
    const { from } = member
    const call = member.ask()
    member.call = call
    this.#running++
    const report = (status: Parameters<LiveFan<T>['report']>[1]): void => {
      if (!this.#over) this.fan.report(from, status)
    }
    if (this.fan.isWatched) void call.on('accepted', () => report({ kind: 'accepted' })).on('started', () => report({ kind: 'started' }))
    void call
      .on('progress', (progress) => report({ kind: 'progress', ...progress }))
      .on('rejected', (rejection) => (member.rejection = rejection))
    call.then(
      (value) => this.#settled(member, { kind: 'result', value }),
      (error: Error & Exceptional) => this.#settled(member, { kind: 'exception', error }),
    )
    if (rule.kind !== 'hedge') return
    this.#timer?.cancel()
    if (this.#asked < this.#members.length) this.#timer = clock.timer(rule.everyMs, () => this.#ask())
  }

  #settled(member: Member<T>, outcome: Outcome<T>): void {
    if (this.#over) return
    this.#running--
    member.outcome = outcome
    const { from } = member
    const own = outcome.kind === 'result' || !isAbsence(outcome.error)
    if (outcome.kind === 'result') this.#results.set(from, outcome.value)
    else if (own) this.#exceptions.set(from, outcome.error)
    else this.#missing.push(from)
    this.fan.report(from, member.rejection ?? outcome)
    if (own) this.fan.answered(from, outcome)
    this.#decide(from)
  }

  /** `from` has just ended. */
  #decide(from: string): void {
    const { rule } = this.#parts
    const running = this.#running
    switch (rule.kind) {
      case 'all':
        if (running > 0) return
        return this.#cancelled === undefined || this.#missing.length === 0 ? this.#succeed(this.#results) : this.#cannot(0)
      case 'first':
        if (this.#results.size >= rule.wanted) return this.#succeed(this.#results)
        return this.#results.size + running < rule.wanted ? this.#cannot(rule.wanted) : undefined
      case 'quorum': {
        const agreeing = this.#count(from)
        if (agreeing.length >= rule.wanted) return this.#succeed(new Map(agreeing.map((one) => [one, this.#results.get(one)!])))
        const most = Math.max(0, ...Array.from(this.#votes.values(), (votes) => votes.length))
        return most + running < rule.wanted ? this.#cannot(rule.wanted) : undefined
      }
      case 'hedge':
        if (this.#results.size > 0) return this.#succeed(this.#results)
        // Who has failed is not waited for.
        if (this.#asked < this.#members.length && this.#cancelled === undefined) return this.#ask()
        return running === 0 ? this.#cannot(1) : undefined
    }
  }

  /** Those who agree with an instance that has just ended; nobody where it gave no result. */
  #count(from: string): readonly string[] {
    if (!this.#results.has(from)) return []
    const number = this.#agreement.numberOf(this.#results.get(from))
    const votes = this.#votes.get(number) ?? []
    this.#votes.set(number, votes)
    votes.push(from)
    return votes
  }

  #succeed(results: ReadonlyMap<string, T>): void {
    this.#finish()
    this.fan.succeed({ results, exceptions: this.#exceptions, missing: this.#missing })
  }

  /** What was wanted can no longer be had. Who cancelled waits for the verdicts. */
  #cannot(wanted: number): void {
    if (this.#cancelled === undefined) return this.#fail(this.#noQuorum(wanted))
    if (this.#running === 0) this.#fail(cancelled(this.#executed(), this.#cancelled.reason, this.#details()))
  }

  #fail(error: WaybillError): void {
    this.#finish()
    this.fan.fail(error)
  }

  #finish(): void {
    this.#over = true
    this.#timer?.cancel()
    this.#parts.signal?.removeEventListener('abort', this.#abort)
    this.#cancelRunning('the group has ended')
  }

  #cancelRunning(reason: unknown): void {
    for (const { call, outcome } of this.#members) if (call !== undefined && outcome === undefined) void call.cancel(reason)
  }

  #noQuorum(wanted: number): WaybillError {
    const { kind } = this.#parts.rule
    const what =
      this.#asked === 0
        ? `there are only ${this.#members.length} instances, and ${wanted} were to answer; nothing was sent`
        : kind === 'quorum'
          ? `no ${wanted} of ${this.#members.length} instances agree`
          : `only ${this.#results.size} of ${this.#members.length} instances answered with a result, and ${wanted} were to`
    const first = this.#members.find(({ outcome }) => outcome?.kind === 'exception')?.outcome
    return new WaybillError('NoQuorum', what, {
      executed: this.#executed(),
      details: { wanted, ...this.#details() },
      ...(first?.kind === 'exception' && { cause: first.error }),
    })
  }

  /** Of the group: yes where one ran, maybe where one can have run. */
  #executed(): Executed {
    const all = this.#members.slice(0, this.#asked).map(executedOf)
    return all.includes('yes') ? 'yes' : all.includes('maybe') ? 'maybe' : 'no'
  }

  /** What is known of each that was asked; `code` where it failed. */
  #details(): { readonly instances: Readonly<Record<string, { executed: Executed; code?: string }>> } {
    const asked = this.#members.slice(0, this.#asked)
    return {
      instances: Object.fromEntries(
        asked.map((member) => {
          const { from, outcome } = member
          return [from, { executed: executedOf(member), ...(outcome?.kind === 'exception' && { code: outcome.error.code }) }]
        }),
      ),
    }
  }
}

function executedOf({ outcome }: Pick<Member<unknown>, 'outcome'>): Executed {
  if (outcome === undefined) return 'maybe'
  return outcome.kind === 'result' ? 'yes' : outcome.error.executed
}

function cancelled(executed: Executed, cause: unknown, details?: object): WaybillError {
  return new WaybillError('Cancelled', 'the group was cancelled', { executed, cause, details })
}

/** Whatever went wrong, no instance was asked. */
function unasked(thrown: unknown): WaybillError {
  const { code, message, details } = WaybillError.from(thrown, 'no')
  return new WaybillError(code, message, { executed: 'no', details, cause: thrown })
}

/** Words about an instance that are not its own: it is gone, out of reach or out of time. */
const ABSENCES: ReadonlySet<string> = new Set<Code>([
  'WorkerLost',
  'RouterLost',
  'NoSuchClient',
  'NoSuchService',
  'StaleSymbol',
  'Overloaded',
  'IdleTimeout',
  'DeadlineExceeded',
  'Expired',
  'Cancelled',
  'Superseded',
  'Closed',
])

/** An error that a method threw is never one: it arrives as its class or as a `RemoteException`. */
function isAbsence(error: Error & Exceptional): boolean {
  return error instanceof WaybillError && !(error instanceof RemoteException) && ABSENCES.has(error.code)
}

/** As much of it as is used. */
function isListed(value: Partial<Listed> | null): value is Listed {
  return typeof value === 'object' && typeof value?.symbol === 'number' && typeof value.client === 'string'
}

/** By client; where that is not one alone, with service and version, and then numbered. */
function namesOf(instances: readonly Listed[]): string[] {
  const byClient = countOf(instances.map(({ client }) => client))
  const names = instances.map(({ client, service, version }) => (byClient.get(client) === 1 ? client : `${client}/${service}@${version}`))
  const byName = countOf(names)
  const seen = new Map<string, number>()
  return names.map((name) => {
    if (byName.get(name) === 1) return name
    seen.set(name, (seen.get(name) ?? 0) + 1)
    return `${name}#${seen.get(name)}`
  })
}

function countOf(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
