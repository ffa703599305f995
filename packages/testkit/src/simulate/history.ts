/**
 * What was seen in a simulation: what callers were told, what workers ran, what stood on the wires. Only shapes, and how they are found
 * again.
 */
import type { Executed } from '@waybill/client'
import type { Execution } from './kennel.js'
import type { CallPlan, Scenario } from './scenario.js'

export type Ended =
  | { readonly kind: 'result'; readonly atMs: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly atMs: number; readonly code: string; readonly executed: Executed; readonly message: string }

/** A call as its caller saw it. */
export interface MadeCall {
  readonly plan: CallPlan
  readonly sn: string
  /** The process that made it, which may be killed before it hears an end. */
  readonly process: { readonly name: string; readonly isAlive: boolean }
  readonly startedMs: number
  /** When the caller asked to cancel it. */
  cancelledMs: number | undefined
  /** What the promise said, and what listeners were told: one each. */
  readonly ends: Ended[]
  told: number
  /** Progress reports, in the order of their arrival. */
  readonly progress: number[]
}

/** A call frame that was sent. `ttlMs` is what it says, `wire` where it went. */
export interface Sending {
  readonly atMs: number
  readonly ttlMs: number
  readonly wire: number
}

/** What stood on the wires about one call. */
export interface Facts {
  /** From the caller to its router, and when it got there. */
  readonly written: Sending[]
  readonly atRouter: Sending[]
  /** From a router to a callee, and when it got there. */
  readonly handed: Sending[]
  readonly delivered: Sending[]
}

/** A time in which something was wrong with a client's link, its process or its router. */
export interface Trouble {
  readonly name: string
  readonly kind: string
  readonly fromMs: number
  readonly untilMs: number
}

export interface Violation {
  readonly invariant: string
  readonly what: string
}

export class History {
  readonly calls: MadeCall[] = []
  readonly executions: Execution[] = []
  readonly facts = new Map<string, Facts>()
  readonly troubles: Trouble[] = []
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

  factsOf(sn: string): Facts {
    let facts = this.facts.get(sn)
    if (facts === undefined) this.facts.set(sn, (facts = { written: [], atRouter: [], handed: [], delivered: [] }))
    return facts
  }

  executionsOf(id: number): readonly Execution[] {
    return this.executions.filter((execution) => execution.id === id)
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
