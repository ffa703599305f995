/** Events for the user, whether what publishes and hears them is at hand or still to be loaded. Owns the order of what is published meanwhile. */
import { checkPattern, isPlain, snapshot, type BodyLimits, type Subscription, type TopicDefinition } from '@waybill/core'
import type { Events } from './events.js'
import { Held, type Late } from './late.js'

type Topic = string | TopicDefinition<unknown>

export interface TopicsParts {
  readonly events: Late<Events>
  /** What writes values beyond plain JSON. */
  readonly bodies: Late<unknown>
  readonly limits: BodyLimits
}

export class Topics {
  readonly #parts: TopicsParts
  readonly #held = new Held()

  constructor(parts: TopicsParts) {
    this.#parts = parts
  }

  publish(topic: Topic, value: unknown): Promise<void> {
    const { events, bodies, limits } = this.#parts
    // What a schema makes of the value, nobody knows yet.
    const isWritable = bodies.now !== undefined || ((typeof topic === 'string' || topic.schema === undefined) && isPlain(value, limits))
    if (events.now !== undefined && isWritable && !this.#held.isAhead) return events.now.publish(topic, value)
    const taken = snapshot(value, limits.maxDepth)
    const ready = Promise.all([events.load(), isWritable || bodies.load()])
    return new Promise((resolve, reject) => {
      this.#held.hold(ready, () => {
        if (events.now === undefined) ready.catch(reject)
        else resolve(events.now.publish(topic, taken))
      })
    })
  }

  /** Throws `BadAddress`. */
  subscribe(pattern: Topic): Subscription<unknown> {
    const { events } = this.#parts
    if (events.now !== undefined) return events.now.subscribe(pattern)
    const checked = typeof pattern === 'string' ? checkPattern(pattern) : pattern.topic
    return lateSubscription(
      checked,
      events.load().then((there) => there.subscribe(checked)),
    )
  }
}

/** What is asked of it is asked of the subscription, in order. */
function lateSubscription(pattern: string, loading: Promise<Subscription<unknown>>): Subscription<unknown> {
  const ready = loading.then((there) => there.ready)
  // Who does not look learns of a refusal by the iteration.
  ready.catch(() => {})
  const subscription: Subscription<unknown> = {
    pattern,
    ready,
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
