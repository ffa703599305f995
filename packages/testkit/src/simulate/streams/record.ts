/** What was seen of streams: what each source gave, and what each reader was given. Only shapes. */
import type { StreamPlan } from './plan.js'

interface Process {
  readonly name: string
  readonly isAlive: boolean
}

export interface Item {
  readonly id: number
  readonly number: number
  readonly padding: string
}

export type FlowEnd =
  | { readonly kind: 'ended'; readonly value: unknown }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly code: string; readonly executed: string; readonly message: string }

/** One stream of one call. `own`: it was made from what the other one of the call brought. */
export interface Flow {
  readonly plan: StreamPlan
  readonly toward: 'caller' | 'callee'
  readonly isOwn: boolean
  source: Process | undefined
  reader: Process | undefined
  /** Items that the source has given, and whether its `finally` has run. */
  made: number
  isClosed: boolean
  /** The most that it was ahead of its reader, in items. */
  most: number
  /** Numbers of the items, as they came. */
  readonly read: number[]
  end: FlowEnd | undefined
  /** It came after the end. */
  late: number
}

export interface Streamed {
  readonly plan: StreamPlan
  readonly process: Process
  readonly flows: Flow[]
  /** Runs of the method. */
  runs: number
  isCancelled: boolean
  end: FlowEnd | undefined
}
