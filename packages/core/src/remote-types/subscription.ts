/** What a publisher and a subscriber hold. Types only; how events travel is elsewhere. */
import type { Durability } from './events.js'

export interface PublishOptions {
  /** The router stores the event before anybody gets it. Default: what the topic's definition says, else false. */
  readonly durable?: boolean
}

/** What the router says of an event that it has stored. */
export interface StoredEvent {
  /** Greater than that of every durable event before, over all starts of the router's store. */
  readonly id: number
  readonly durability: Durability
}

/** Where a durable subscription begins. */
export interface EventsOptions {
  /** With the first event behind this id; 0: with the oldest that is kept. Beside `cursor`: where one begins that is new, by default 0. */
  readonly after?: number
  /** The name under which the router keeps how far this principal has read: there it goes on, also in another process. */
  readonly cursor?: string
}

/** These make a subscription durable. */
export type DurableEventsOptions = EventsOptions & ({ readonly after: number } | { readonly cursor: string })

/** `Bark` in `TopicEvent<Bark>` is what the subscriber says it is; nothing checks it on this side. */
export interface TopicEvent<T> {
  readonly kind: 'event'
  readonly topic: string
  /** Made for this subscription alone: whoever gets it may change it. */
  readonly value: T
  /** The name of the client that published it; of the router for topics of its own. */
  readonly from: string
  /** The router's running number for events; of a durable one its `id`. Later ones of the same kind are greater, as long as the router lives. */
  readonly cursor: number
  /** Of a durable event: what `after` takes in a later subscription. */
  readonly id?: number
  /** Of a durable event: when the router took it, by its clock. */
  readonly publishedAt?: Date
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
  /** In a durable subscription: durable events are missing for good, of whichever topics. `from` and `to` are ids; unknown where the router has begun another log. */
  readonly durable?: true
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

/**
 * A subscription that misses no durable event: each that is kept and fits comes once its reader asks for it, in the order of ids, before what is published from
 * then on; a gap with `durable` stands where any were dropped. In a later session it goes on behind the last. An event counts as taken when the next one is
 * asked for. Events that are not durable come beside them, as to any subscription, but no gap tells of those that a lost session cost.
 */
export interface DurableSubscription<T> extends Subscription<T> {
  /** Counts what was given so far as taken, without asking for more: before the loop is left, for one. */
  taken(): void
}
