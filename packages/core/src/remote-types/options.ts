/** Owns the options of a call and of a proxy. Must not know the methods they are given to. */
import type { Duration } from './duration.js'

/** Options never mix with a method's arguments: they are given to `remote()` or to `.with()`, and the later one wins, name by name. */
export interface CallOptions {
  /** Idle time: progress renews it. Default 30 s. */
  readonly timeout?: Duration
  /** Hard limit, from the call on. Default 10 min. */
  readonly deadline?: Duration
  /** How long a stored call may wait for somebody to take it. Default 24 h. */
  readonly ttl?: Duration
  /** Idempotency key: a second call with it is the first one. Default: the serial number. */
  readonly key?: string
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
  /** Stores the call even where its semantics would not. */
  readonly durable?: boolean
  /** `.all` ends at the first result, or after so many. */
  readonly first?: boolean | number
  /** `.all` ends when so many results agree. */
  readonly quorum?: number
  /** Asks one more instance when none has answered for so long. Only for idempotent methods. */
  readonly hedge?: Duration
}

export interface RemoteOptions extends CallOptions {
  /** Arguments of the constructor: the proxy talks to an instance that was made with them. */
  readonly construct?: readonly unknown[]
}
