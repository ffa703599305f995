/** Owns what is told about a call while it lives, and the shapes of those who listen. Must not know how a call is carried. */
import type { Exceptional } from '../errors/index.js'

/** How far the work is. Units are the method's own. */
export interface Progress {
  readonly total: number
  readonly completed: number
  readonly details?: unknown
}

/** Why a call was refused before it started, by the router or by the callee. */
export interface Rejection {
  readonly kind: 'rejected'
  readonly code: string
  readonly description: string
  readonly details?: unknown
}

/** What is reported before the outcome: `accepted` (the callee queued it), `started`, `progress`; or `rejected`, which ends it. */
export type Status = { readonly kind: 'accepted' } | { readonly kind: 'started' } | ({ readonly kind: 'progress' } & Progress) | Rejection

/** The last word on a call that was not rejected. */
export type Outcome<T> =
  | { readonly kind: 'result'; readonly value: T }
  | { readonly kind: 'exception'; readonly error: Error & Exceptional }

/** Event name to what its listeners get. Exactly one of `rejected`, `result`, `exception` arrives, and nothing after it. */
export interface CallEvents<T> {
  accepted: void
  started: void
  rejected: Rejection
  progress: Progress
  result: T
  exception: Error & Exceptional
}

/** What a call and its receipt have in common. */
export interface Watchable<T> {
  /** Serial number: a UUID, minted before anything was sent. */
  readonly sn: string
  /** Calls `listener` for each event of that name from now on. Listening to `exception` marks the promise's rejection as seen. */
  on<E extends keyof CallEvents<T>>(event: E, listener: (value: CallEvents<T>[E]) => void): this
  /** All that happens, until and with the outcome. Marks the promise's rejection as seen at the call, not at the first `next()`. */
  status(): AsyncIterableIterator<Status | Outcome<T>>
  /** Resolves once the wish has been handed over. What became of the call is told by its outcome. */
  cancel(reason?: unknown): Promise<void>
}

/** How the router keeps what it stored. */
export type Durability = 'memory' | 'disk' | 'replicated' | 'quorum'

/** A call that the router has stored. It outlives this process: `client.receipt(sn)` gives it again elsewhere. */
export interface Receipt<out T> extends Watchable<T> {
  /** What the router promised; absent on a receipt that was made from a serial number. */
  readonly durability?: Durability
  /** Whether the router already had a call of this key. */
  readonly duplicate?: boolean
  /** Waits for the outcome: the value, or the exception thrown. May be called again while the router keeps the result. */
  result(): Promise<T>
}

/** An object with any of the events, one function for all of them, or another client's listener, which may be offline now. */
export type Listener<T> =
  | { readonly [E in keyof CallEvents<T>]?: (value: CallEvents<T>[E], receipt: Receipt<T>) => void }
  | ((event: Status | Outcome<T>, receipt: Receipt<T>) => void)
  | { readonly replyto: string }
