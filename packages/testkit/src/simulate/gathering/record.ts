/** What was seen of events, groups and drains. Only shapes. */
import type { GroupPlan } from './plan.js'

interface Process {
  readonly name: string
  readonly id: number
  readonly isAlive: boolean
}

/** The value of an event. `by` is the process that published it, `number` its own count. */
export interface Bark {
  readonly by: number
  readonly number: number
  readonly topic: string
  readonly padding: string
}

export interface Publication extends Bark {
  readonly name: string
  readonly atMs: number
  /** Made when everything works again. */
  readonly isLast: boolean
  /** It was refused before it was written. */
  isRefused: boolean
}

export type Read =
  | {
      readonly kind: 'event'
      readonly atMs: number
      readonly key: string
      readonly topic: string
      readonly from: string
      readonly cursor: number
    }
  | { readonly kind: 'gap'; readonly atMs: number; readonly missed: number | undefined }

export interface Subscribed {
  readonly name: string
  readonly process: Process
  readonly pattern: string
  readonly reads: Read[]
  readyMs: number | undefined
  /** When its client has had a session again after a loss, and how much had been read then. */
  readonly renewals: { readonly atMs: number; readonly read: number }[]
}

export interface Gathering {
  readonly plan: GroupPlan
  readonly process: Process
  readonly sn: string
  readonly startedMs: number
  isCancelled: boolean
  ends: number
  endedMs: number | undefined
  gathered: Gathered | undefined
  error: { readonly code: string; readonly executed: string; readonly instances: readonly string[] } | undefined
}

export interface Gathered {
  readonly results: ReadonlyMap<string, unknown>
  readonly exceptions: ReadonlyMap<string, string>
  readonly missing: readonly string[]
}

export interface Drained {
  readonly process: Process
  readonly fromMs: number
  untilMs: number | undefined
  /** Its client ended before it was empty. */
  hasEnded: boolean
}

/** A session as the router announced it to its client. */
export interface Begun {
  readonly router: number
  readonly name: string
  readonly session: string
  readonly atMs: number
}

export class Record {
  readonly publications = new Map<string, Publication>()
  readonly subscriptions: Subscribed[] = []
  readonly gatherings: Gathering[] = []
  readonly drains: Drained[] = []
  readonly sessions: Begun[] = []
  /** Calls on the wire by the group that they belong to. */
  readonly members = new Map<string, Set<string>>()
  /** When each router ended, by process. */
  readonly routers = new Map<number, { readonly fromMs: number; readonly untilMs: number }>()
}
