/** What a subscriber holds. Types only; how events travel is elsewhere. */

/** `Bark` in `TopicEvent<Bark>` is what the subscriber says it is; nothing checks it on this side. */
export interface TopicEvent<T> {
  readonly kind: 'event'
  readonly topic: string
  /** Made for this subscription alone: whoever gets it may change it. */
  readonly value: T
  /** The name of the client that published it; of the router for topics of its own. */
  readonly from: string
  /** The router's running number for events. Later ones are greater, as long as the router lives. */
  readonly cursor: number
}

/** Stands where events are missing: the reader was too slow, or the session was lost. */
export interface EventGap {
  readonly kind: 'gap'
  /**
   * How many are missing. What the router leaves out is counted for the whole client, so another of its subscriptions may have been meant; unknown
   * after a lost session.
   */
  readonly missed?: number
  /** The cursors of the first and the last of them. */
  readonly from?: number
  readonly to?: number
}

/**
 * Events in the order in which they were published, as long as somebody reads: `for await (const event of client.events('dog.*'))`. Leaving the
 * loop closes it. It is made again by itself in each new session.
 */
export interface Subscription<T> extends AsyncDisposable {
  readonly pattern: string
  /** Settles when the router has first answered. A refusal also ends the iteration, so nobody has to look. */
  readonly ready: Promise<void>
  /** Rejects when the router refuses, now or in a later session. */
  next(): Promise<IteratorResult<TopicEvent<T> | EventGap, undefined>>
  return(): Promise<IteratorResult<TopicEvent<T> | EventGap, undefined>>
  [Symbol.asyncIterator](): this
  /** Ends it; what waits to be read is dropped. */
  close(): Promise<void>
}
