/** Owns the options of a call and of a proxy. Must not know the methods they are given to. */
import type { Duration } from './duration.js'

/** Options never mix with a method's arguments: they are given to `remote()` or to `.with()`, and the later one wins, name by name. */
export interface CallOptions {
  /** Idle time: progress renews it. Default 30 s. */
  readonly timeout?: Duration
  /** Hard limit, from the call on. Default 10 min. */
  readonly deadline?: Duration
  /**
   * How many more attempts, after the first: where an attempt certainly did not run and another may succeed, or may have run and the callee declares the method
   * idempotent. Within `deadline` and after a pause, which grows. Default 0. What is stored the router sees to itself, nobody answers `.send`, and `.all` has
   * `hedge`: for these it means nothing.
   */
  readonly retry?: number
  /**
   * How long the call may wait for somebody to take it, also where nobody offers the service yet; then it ends with `Expired`. Default: 24 h for
   * a stored call, 30 s for `.send`, and no wait for a service that is not there for any other.
   */
  readonly ttl?: Duration
  /**
   * Idempotency key, of 1 to 256 characters: a second call of the method with it is the first one, whoever of the same principal makes it, and has its
   * receipt; with other arguments it is refused as `IdempotencyConflict`. The router stores such a call, so it is as `durable`. Default: the serial number.
   */
  readonly key?: string
  /** Calls with the same one go to the same instance, as long as it is there. */
  readonly sticky?: string
  /** Calls of the service with the same one never overlap, and keep the order of their caller. */
  readonly orderKey?: string
  /** How an instance is chosen. Default `leastBusy`: whoever has room; `roundRobin`: strictly in turn, whoever is busy. */
  readonly policy?: 'leastBusy' | 'roundRobin'
  /** Named arguments: they reach the method as one object after the others. */
  readonly named?: Readonly<Record<string, unknown>>
  /** Aborting it cancels the call. */
  readonly signal?: AbortSignal
  /** Travels beside the arguments; `currentCall().data` over there. */
  readonly data?: unknown
  /** Name or id of the one client to call. */
  readonly on?: string
  /** Labels that the client must have. */
  readonly where?: Readonly<Record<string, string>>
  /** Range of versions, such as `^1.2`. */
  readonly version?: string
  /** Stores the call even where its semantics would not: it outlives this connection, and `call.receipt` resolves. */
  readonly durable?: boolean
  /** `.all` ends at the first result, or after so many; those that have not answered by then are cancelled. */
  readonly first?: boolean | number
  /**
   * `.all` ends when so many results agree. Two agree when they hold the same: properties, members of sets and entries of maps in any order, the
   * elements of lists in theirs, numbers, dates and bytes by value. A property that is undefined is as good as none; what contains itself agrees
   * with nothing.
   */
  readonly quorum?: number
  /**
   * `.all` asks one instance, one more each time that nothing has come for so long or one has failed, and ends at the first result. Only for methods
   * that every instance declares idempotent; otherwise `NotIdempotent`, and nothing is sent.
   */
  readonly hedge?: Duration
}

export interface RemoteOptions extends CallOptions {
  /** Arguments of the constructor: the proxy talks to an instance that was made with them. */
  readonly construct?: readonly unknown[]
}
