/** Owns how stored calls are listed and chosen: what a router answers and what it is asked. Must not know how they are kept. */

export type ReceiptState =
  | 'stored'
  | 'handed'
  | 'accepted'
  | 'started'
  | 'succeeded'
  | 'failed'
  | 'rejected'
  | 'expired'
  | 'cancelled'
  /** It was given to somebody who was lost, or too slow, and may have run. */
  | 'indeterminate'
  /** Everybody who took it was lost. */
  | 'dead'

export interface ReceiptInfo {
  readonly sn: string
  /** The client that made the call. */
  readonly client: string
  readonly service: string
  readonly method: string
  readonly state: ReceiptState
  readonly storedAt: string
  readonly endedAt?: string
  /** How often it was given to somebody who was lost with it. */
  readonly attempts: number
  /** The caller's own. */
  readonly data?: unknown
}

/** A path into the data, names joined by dots, and what is found there. */
type At<V> = readonly [path: string, value: V]

/** What must hold of the data that a caller gave its call. */
export type Condition =
  | { readonly match: Readonly<Record<string, unknown>> }
  | { readonly eq: At<unknown> }
  | { readonly neq: At<unknown> }
  | { readonly gt: At<number | string> }
  | { readonly lt: At<number | string> }
  | { readonly in: At<readonly unknown[]> }
  | { readonly and: readonly Condition[] }
  | { readonly or: readonly Condition[] }

/** Which receipts; all that is given must fit. */
export interface ReceiptQuery {
  readonly sn?: string
  /** A state, or `pending`: those without an outcome. */
  readonly state?: ReceiptState | 'pending'
  readonly client?: string
  readonly service?: string
  readonly method?: string
  readonly data?: Condition
  /** At most so many, the newest first. Default 100, at most 1,000. */
  readonly limit?: number
}
