/** Events for the user, whether what publishes and hears them is at hand or still to be loaded. Owns the order of what is published meanwhile. */
import { checkPattern, isPlain, snapshot, type BodyLimits, type DurableSubscription, type EventsOptions } from '@waybill/core'
import type { PublishOptions, StoredEvent, Subscription, TopicDefinition, WaybillError } from '@waybill/core'
import { beginningOf } from './beginning.js'
import type { Events, EventsParts } from './events.js'
import { Held, late, type Late, type Part } from './late.js'

type Topic = string | TopicDefinition<unknown>

export interface TopicsParts extends EventsParts {
  readonly events: Part<typeof Events>
  /** What writes values beyond plain JSON. */
  readonly bodies: Late<unknown>
}

export class Topics {
  /** Undefined as long as nobody has asked for any. */
  readonly events: Late<Events>
  readonly #bodies: Late<unknown>
  readonly #limits: BodyLimits
  readonly #held = new Held()
  /** What events that come late have to know: there is a session, there is none, there will be none. */
  #session: 'open' | 'none' | { readonly error: WaybillError | undefined } = 'none'

  constructor({ events, bodies, ...parts }: TopicsParts) {
    this.#bodies = bodies
    this.#limits = parts.limits
    this.events = late(events, (kind) => this.#made(new kind(parts)))
  }

  #made(events: Events): Events {
    if (this.#session === 'open') events.opened()
    else if (this.#session !== 'none') events.close(this.#session.error)
    return events
  }

  // ---- the session

  opened(): void {
    this.#session = 'open'
    this.events.now?.opened()
  }

  lost(): void {
    this.#session = 'none'
    this.events.now?.lost()
  }

  /** For good. */
  close(error: WaybillError | undefined): void {
    this.#session = { error }
    this.events.now?.close(error)
  }

  // ---- from the user

  publish(topic: Topic, value: unknown, options?: PublishOptions): Promise<StoredEvent | void> {
    const { events } = this
    const limits = this.#limits
    // What a schema makes of the value, nobody knows yet.
    const isWritable =
      this.#bodies.now !== undefined || ((typeof topic === 'string' || topic.schema === undefined) && isPlain(value, limits))
    if (events.now !== undefined && isWritable && !this.#held.isAhead) return events.now.publish(topic, value, options)
    const taken = snapshot(value, limits.maxDepth)
    const ready = Promise.all([events.load(), isWritable || this.#bodies.load()])
    return new Promise((resolve, reject) => {
      this.#held.hold(ready, () => {
        if (events.now === undefined) ready.catch(reject)
        else resolve(events.now.publish(topic, taken, options))
      })
    })
  }

  /** Throws `BadAddress` and `BadArguments`. */
  subscribe(pattern: Topic, options: EventsOptions = {}): Subscription<unknown> {
    const { events } = this
    const beginning = beginningOf(options)
    if (events.now !== undefined) return events.now.subscribe(pattern, beginning)
    const checked = typeof pattern === 'string' ? checkPattern(pattern) : pattern.topic
    return lateSubscription(
      checked,
      events.load().then((there) => there.subscribe(checked, beginning)),
    )
  }
}

/** What is asked of it is asked of the subscription, in order. */
function lateSubscription(pattern: string, loading: Promise<Subscription<unknown>>): Subscription<unknown> {
  const ready = loading.then((there) => there.ready)
  // Who does not look learns of a refusal by the iteration.
  ready.catch(() => {})
  const subscription: DurableSubscription<unknown> = {
    pattern,
    ready,
    // Where it is not durable, nobody knows of this.
    taken: () => void loading.then((there) => (there as Partial<DurableSubscription<unknown>>).taken?.()),
    next: () => loading.then((there) => there.next()),
    return: () =>
      loading.then(
        (there) => there.return(),
        () => ({ value: undefined, done: true }),
      ),
    close: async () => void (await subscription.return()),
    [Symbol.asyncDispose]: () => subscription.close(),
    [Symbol.asyncIterator]: () => subscription,
  }
  return subscription
}
