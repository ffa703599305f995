/** Owns what a call in each semantics gives back. Must not know the types of methods. */
import type { Exceptional } from '../errors/index.js'
import type { Outcome, Receipt, Watchable } from './events.js'

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

/** What `.all` resolves to, by client name. `missing` were asked and did not answer. */
export interface Gathered<T> {
  readonly results: ReadonlyMap<string, T>
  readonly exceptions: ReadonlyMap<string, Error & Exceptional>
  readonly missing: readonly string[]
}

/** One call for each matching instance; iterating gives the answers as they arrive. */
export interface Fan<T> extends Promise<Gathered<T>>, AsyncIterable<{ readonly from: string } & Outcome<T>> {}
