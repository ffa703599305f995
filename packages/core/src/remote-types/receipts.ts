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

/** What happened to a stored call, and when. */
export interface ReceiptStep {
  /** The state that it was in from then on; `back`: who had it did not do it, and somebody else was looked for. */
  readonly step: ReceiptState | 'back'
  readonly at: string
  /** To whom it was handed. */
  readonly callee?: string
}

export interface ReceiptInfo {
  readonly sn: string
  /** The client that made the call. */
  readonly client: string
  readonly service: string
  readonly method: string
  readonly state: ReceiptState
  readonly storedAt: string
  readonly endedAt?: string
  /** When it ends if nothing happens before; until the outcome. */
  readonly expiresAt?: string
  /** How often it was given to somebody who was lost with it. */
  readonly attempts: number
  /** What its caller knows it by. */
  readonly key?: string
  /** The client that has it, or that had it last. */
  readonly callee?: string
  /** That client's session is lost, and it is waited for. */
  readonly away?: true
  /** Of an end that the router decided, or of a refusal. */
  readonly code?: string
  readonly message?: string
  /** The dead letter that it is another try of; the call that is another try of it. */
  readonly redriveOf?: string
  readonly redrivenAs?: string
  /** The parcel that it was sent on for. */
  readonly parent?: string
  /** All that happened to it, the earliest first; where one is asked for by its sn. */
  readonly history?: readonly ReceiptStep[]
  /** The caller's own. */
  readonly data?: unknown
}

/** Why a stored call is a dead letter: it has ended without having been done for certain, and somebody may want it again. */
export type DeadReason =
  /** Everybody who took it was lost, as often as it may be tried. */
  | 'max_attempts'
  /** Nobody took it in time. */
  | 'expired'
  /** It was given to somebody who was lost, or too slow. */
  | 'indeterminate'
  | 'no_target'
  | 'no_method'
  /** Refused by who was to do it. */
  | 'rejected'
  /** The arguments are not what the method takes. */
  | 'undecodable'
  | 'too_large'
  /** Sent on too often. */
  | 'hop_limit'
  /** Its caller may not call this, or not any more. */
  | 'unauthorized'

export interface DeadLetter extends ReceiptInfo {
  readonly reason: DeadReason
  /** Whose call it is. */
  readonly principal: string
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
  /** What its caller knows it by. */
  readonly key?: string
  readonly data?: Condition
  /** At most so many, the newest first. Default 100, at most 1,000. */
  readonly limit?: number
}

/** Which dead letters; all that is given must fit. */
export interface DeadQuery extends Omit<ReceiptQuery, 'state'> {
  readonly reason?: DeadReason
  /** Whether there was another try of it. */
  readonly redriven?: boolean
  /** Those of every principal; asks for the right to `operate`. Default: only your own. */
  readonly everyone?: boolean
}
