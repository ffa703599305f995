/**
 * What was seen in a simulation: what callers were told, what workers ran, what stood on the wires. Only shapes, and how they are found
 * again.
 */
import type { Executed } from '@waybill/client'
import type { CallPlan } from './call-plans.js'
import type { Execution } from './kennel.js'
import type { Scenario } from './scenario.js'

export type Ended =
  | { readonly kind: 'result'; readonly atMs: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly atMs: number; readonly code: string; readonly executed: Executed; readonly message: string }

interface Process {
  readonly name: string
  readonly id: number
  readonly isAlive: boolean
}

/** A call as its maker saw it. */
export interface MadeCall {
  readonly plan: CallPlan
  /** As its maker knows it, which for a stored call is when the router has it. */
  sn: string | undefined
  /** The process that made it, which may be killed before it hears an end. */
  readonly process: Process
  readonly startedMs: number
  /** When its maker was told that the router has stored it. */
  storedMs: number | undefined
  /** When its cancel was asked for, by whoever may. */
  cancelledMs: number | undefined
  /** What the promise said, and what listeners were told: one each. */
  readonly ends: Ended[]
  told: number
  /** It went away, and nothing more is heard of it. */
  isHandedOver: boolean
  /** Progress reports, in the order of their arrival. */
  readonly progress: number[]
}

/** Somebody asked for the outcome of a stored call. */
export interface Fetch {
  readonly made: MadeCall
  readonly by: string
  readonly process: Process
  readonly askedMs: number
  readonly ends: Ended[]
}

/** The final word on a call that somebody else made, as it was told to a process. */
export interface Postback {
  readonly sn: string
  readonly process: Process
  readonly ended: Ended
}

/** The router has said that it has stored a call. */
export interface Storing {
  readonly atMs: number
  /** The process of the router, and what it keeps the call in. */
  readonly router: number
  readonly keeper: string
}

/** What the router says of a stored call when all is over. */
export interface Listed {
  readonly sn: string
  readonly client: string
  readonly state: string
  readonly attempts: number
  readonly storedMs: number
  readonly endedMs: number | undefined
}

/** A call frame that was sent. `ttlMs` is what it says, `wire` where it went. */
export interface Sending {
  readonly atMs: number
  readonly ttlMs: number
  readonly wire: number
  /** The client at the other end, and its process. */
  readonly client: string
  readonly process: number
  /** 2 and more: delivered again after a loss. */
  readonly attempt: number
}

/** What stood on the wires about one call. */
export interface Facts {
  /** From the caller to its router, and when it got there. */
  readonly written: Sending[]
  readonly atRouter: Sending[]
  /** From a router to a callee, and when it got there. */
  readonly handed: Sending[]
  readonly delivered: Sending[]
  /** A router was told that it has begun. */
  readonly begun: { readonly atMs: number; readonly client: string }[]
}

/** A time in which something was wrong with a client's link, its process or its router. */
export interface Trouble {
  readonly name: string
  readonly kind: string
  readonly fromMs: number
  /** How long it was so, and until when it may show. */
  readonly forMs: number
  readonly untilMs: number
}

export interface Violation {
  readonly invariant: string
  readonly what: string
}

/** Until a router that has just begun has everybody back. */
const QUIET_MS = 1000

const NOTHING: Facts = { written: [], atRouter: [], handed: [], delivered: [], begun: [] }

export class History {
  readonly calls: MadeCall[] = []
  readonly fetches: Fetch[] = []
  readonly postbacks: Postback[] = []
  readonly executions: Execution[] = []
  readonly facts = new Map<string, Facts>()
  /** Serial numbers by the ids of calls, as far as they were on a wire. */
  readonly sns = new Map<number, string>()
  /** By serial number. */
  readonly stored = new Map<string, Storing>()
  /** By principal, from the router that was there at the end. */
  readonly listed = new Map<string, readonly Listed[]>()
  /** Who asked when for the cancel of a whole group. */
  readonly groupCancels: { readonly tenant: string; readonly group: number; readonly atMs: number }[] = []
  /** What each router kept its calls in, by its process: a store that outlives it, or only itself. */
  readonly #keepers = new Map<number, string>()
  #keeper = ''
  /** When a router knew nothing of what those before it had stored. */
  readonly forgettings: number[] = []
  /** Files of the store are damaged where no start looks. */
  isDamaged = false
  readonly troubles: Trouble[] = []
  /** Processes of clients that have connected for the first time. */
  readonly joins: { readonly name: string; readonly process: number; readonly atMs: number }[] = []
  /** When somebody was told that a stored call is cancelled, and when a router was told that an outcome was taken; by serial number. */
  readonly cancelled = new Map<string, number>()
  readonly taken = new Map<string, number>()
  /** Found while the simulation ran. */
  readonly violations: Violation[] = []
  readonly counts = new Map<string, number>()

  constructor(readonly scenario: Scenario) {}

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  violate(invariant: string, what: string): void {
    this.violations.push({ invariant, what })
  }

  /** For who writes: of a serial number. */
  factsOf(sn: string): Facts {
    let facts = this.facts.get(sn)
    if (facts === undefined) this.facts.set(sn, (facts = { written: [], atRouter: [], handed: [], delivered: [], begun: [] }))
    return facts
  }

  snOf({ sn, plan }: MadeCall): string | undefined {
    return sn ?? this.sns.get(plan.id)
  }

  /** Nothing, for a call that was never on a wire. */
  factsAbout(made: MadeCall): Facts {
    const sn = this.snOf(made)
    return (sn === undefined ? undefined : this.facts.get(sn)) ?? NOTHING
  }

  /** A router begins. */
  keeps(router: number, keeper: string, atMs: number): void {
    if (this.#keeper !== '' && this.#keeper !== keeper) this.forgettings.push(atMs)
    this.#keeper = keeper
    this.#keepers.set(router, keeper)
  }

  keeperOf(router: number): string {
    return this.#keepers.get(router)!
  }

  /** Whether the last router knows, or ought to know, of it. */
  isKept({ keeper }: Storing): boolean {
    return keeper === this.#keeper
  }

  /** Whether a router took the time for later than it was. */
  hasJumped(fromMs: number, byMs: number): boolean {
    return this.troubles.some((trouble) => trouble.kind === 'clock forward' && trouble.fromMs <= byMs && trouble.untilMs >= fromMs)
  }

  /** Whether nothing was wrong with any router, nor had just been. */
  wasQuiet(fromMs: number, untilMs: number): boolean {
    return !this.troubles.some((one) => one.name === 'router' && one.fromMs <= untilMs && one.fromMs + one.forMs + QUIET_MS >= fromMs)
  }

  /** Whether the clocks of all routers agree. */
  get isSkewed(): boolean {
    return this.troubles.some(({ kind }) => kind.startsWith('clock'))
  }

  /** Whether what was stored by then may be unknown since. */
  hasForgotten(byMs: number): boolean {
    return this.forgettings.some((atMs) => atMs <= byMs)
  }

  storing(made: MadeCall): Storing | undefined {
    const sn = this.snOf(made)
    return sn === undefined ? undefined : this.stored.get(sn)
  }

  executionsOf(id: number): readonly Execution[] {
    return this.executions.filter((execution) => execution.id === id)
  }

  made(id: number): MadeCall | undefined {
    return this.calls.find(({ plan }) => plan.id === id)
  }

  /** Whether anything was wrong with the client, or with everybody, that can show between the two times. */
  wasTroubled(name: string | undefined, fromMs: number, untilMs: number, kinds?: readonly string[]): boolean {
    return this.troubles.some(
      (trouble) =>
        (name === undefined || trouble.name === name || trouble.name === 'router') &&
        trouble.fromMs <= untilMs &&
        trouble.untilMs >= fromMs &&
        (kinds === undefined || kinds.includes(trouble.kind)),
    )
  }
}
