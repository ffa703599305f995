/** Owns what a call in each semantics gives back. Must not know the types of methods. */
import type { Exceptional } from '../errors/index.js'
import type { CallEvents, Outcome, Receipt, Status, Watchable } from './events.js'

/** A promise of the result that also tells what happens on the way. */
export interface Call<out T> extends Promise<T>, Watchable<T> {
  /** Resolves once the router has stored the call; rejects where it is not to be stored. */
  readonly receipt: Promise<Receipt<T>>
}

/** A generator's call. Awaiting gives the stream, iterating iterates it: both work, as a proxy cannot know beforehand. */
export interface StreamCall<out S, out Y> extends Call<S>, AsyncIterable<Y> {}

/** A call that has its serial number and was not sent. */
export interface Prepared<out T> {
  readonly sn: string
  /** Sends it. A second time throws: a serial number names one call. */
  fire(): Call<T>
}

/**
 * What `.all` resolves to. An instance goes by the name of its client; where several at one client match, by `client/Service@version`, and where
 * that says nothing either, by `client/Service@version#n`.
 */
export interface Gathered<T> {
  /** With `quorum` only those that agree, so each of them is what was agreed upon. */
  readonly results: ReadonlyMap<string, T>
  /** What methods threw, and what instances refused. */
  readonly exceptions: ReadonlyMap<string, Error & Exceptional>
  /**
   * Those that were asked and gave no answer of their own: lost, out of time, gone before the call reached them. Not those that nobody waited
   * for any longer, as enough had answered.
   */
  readonly missing: readonly string[]
}

/** Which instance it is about, named as in `Gathered`. */
export interface Origin {
  readonly from: string
}

/**
 * One call for each matching instance. Rejects where nobody can be asked (`NoSuchService` and its like), where it is cancelled, and with
 * `NoQuorum` as soon as `first`, `quorum` or `hedge` can no longer be had; what single instances throw stands in `exceptions`.
 *
 * Iterating gives the answers, from the first one on, as they arrive: results and exceptions, and at the end throws what the promise rejects
 * with. It marks the promise's rejection as seen.
 */
export interface Fan<T> extends Promise<Gathered<T>>, AsyncIterable<Origin & Outcome<T>> {
  /** Serial number of the group: each of its calls has one of its own and names this as its parent. */
  readonly sn: string
  /** Calls `listener` for each event of that name at any instance, from now on. What is missing tells why as an `exception`. */
  on<E extends keyof CallEvents<T>>(event: E, listener: (value: CallEvents<T>[E], from: string) => void): this
  /** All that happens at all instances from now on; ends, and throws, as iterating does. */
  status(): AsyncIterableIterator<Origin & (Status | Outcome<T>)>
  /** Cancels what has not ended, and rejects with `Cancelled`. */
  cancel(reason?: unknown): Promise<void>
}
