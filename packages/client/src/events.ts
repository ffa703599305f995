/**
 * The events that this client publishes, and its subscriptions: asked for in each session anew, fed from what arrives. Owns the subscriptions and
 * their numbers. Waits for nothing but credit.
 */
import {
  bodyBytes,
  checkEvent,
  checkPattern,
  checkTopic,
  extensionField,
  findText,
  Flag,
  FrameType,
  HEADER_BYTES,
  isRoutersTopic,
  joinFields,
  parseBody,
  parseBodyIn,
  prepareBody,
  Tag,
  topicMatches,
  WaybillError,
} from '@waybill/core'
import type { BodyLimits, EventGap, FrameReader, PreparedBody, PublishOptions, Soon } from '@waybill/core'
import type { StoredEvent, Subscription, TopicDefinition, TopicEvent } from '@waybill/core'
import type { Beginning } from './beginning.js'
import type { Connection } from './connection.js'
import { LoggedSubscription } from './durable-subscription.js'
import type { Sendable } from './lanes.js'
import { errorFromRejection, readRejection } from './failures.js'
import { StoredPublishing } from './publishing.js'
import { LiveSubscription } from './subscription.js'

/** What the router adds to an event, at the most: the publisher's name, a number, and of a durable one the time. */
const ROUTERS_BYTES = 4 + 64 + 4 + 16
const TIME_BYTES = 4 + 24

export interface EventsParts {
  readonly connection: Connection
  readonly limits: BodyLimits
  readonly soon: Soon
  /** Numbers are those of calls, so none of them means two things. */
  readonly nextNumber: () => number
  /** Told of each event that the router would not take. */
  readonly refused: (topic: string, error: WaybillError) => void
}

export class Events {
  readonly #connection: Connection
  readonly #limits: BodyLimits
  readonly soon: Soon
  readonly #nextNumber: () => number
  readonly #refused: (topic: string, error: WaybillError) => void
  readonly #subscriptions = new Set<LiveSubscription>()
  /** Those that the router has not answered yet, by number. */
  readonly #asked = new Map<number, LiveSubscription>()
  /** Those of them, and of all others, that are durable. */
  readonly #logged = new Map<number, LoggedSubscription>()
  readonly #publishing: StoredPublishing
  /** Which log the ids are of that were told: that of a store, or of one start of a router. */
  #log: string | number | undefined
  /** Publishers that used up the credit and wait for more. */
  readonly #waiting = new Set<() => void>()
  #open = false
  #closed: WaybillError | undefined

  constructor(parts: EventsParts) {
    this.#connection = parts.connection
    this.#limits = parts.limits
    this.soon = parts.soon
    this.#nextNumber = parts.nextNumber
    this.#refused = parts.refused
    this.#publishing = new StoredPublishing(parts.connection)
  }

  // ---- from the user

  /** What is durable resolves to what the router says of it. */
  publish(topic: string | TopicDefinition<unknown>, value: unknown, options: PublishOptions = {}): Promise<StoredEvent | void> {
    try {
      return this.#publish(topic, value, options.durable ?? (typeof topic !== 'string' && topic.durable))
    } catch (thrown) {
      const error = WaybillError.from(thrown, 'no')
      if (error.executed === 'no') return Promise.reject(error)
      return Promise.reject(new WaybillError(error.code, error.message, { executed: 'no', details: error.details, cause: thrown }))
    }
  }

  /** Durable where it says where it begins. Throws `BadAddress`. */
  subscribe(topic: string | TopicDefinition<unknown>, beginning?: Beginning): Subscription<unknown> {
    const pattern = typeof topic === 'string' ? checkPattern(topic) : topic.topic
    const subscription = beginning === undefined ? new LiveSubscription(pattern, this) : new LoggedSubscription(pattern, beginning, this)
    if (this.#closed !== undefined) {
      subscription.end(this.#closed, this.#closed)
      return subscription
    }
    this.#subscriptions.add(subscription)
    if (this.#open) this.#ask(subscription)
    return subscription
  }

  leave(subscription: LiveSubscription): void {
    if (!this.#subscriptions.delete(subscription)) return
    if (subscription instanceof LoggedSubscription) subscription.tell()
    this.#forget(subscription)
    if (this.#open) {
      const { symbol } = this.#connection.connected!
      this.#connection.write({ type: FrameType.unsubscribe, source: symbol, call: subscription.number })
    }
    subscription.end(undefined, new WaybillError('Closed', 'the subscription was closed', { executed: 'no' }))
  }

  took(subscription: LoggedSubscription, id: number): void {
    if (!this.#open || this.#asked.has(subscription.number)) return
    const head = { type: FrameType.eventsTaken, source: this.#connection.connected!.symbol, call: subscription.number }
    this.#connection.write(head, extensionField(Tag.cursor, String(id)))
  }

  // ---- from the router

  event(frame: FrameReader): void {
    if (frame.call !== 0) return this.#loggedEvent(frame)
    const topic = findText(frame, Tag.topic) ?? ''
    const isDurable = (frame.flags & Flag.durable) !== 0
    let from: string | undefined
    let cursor = 0
    for (const subscription of this.#subscriptions) {
      // One that has not been answered did not exist when the event was published.
      if (!topicMatches(subscription.pattern, topic) || this.#asked.has(subscription.number)) continue
      // It gets this one from the log.
      if (isDurable && subscription instanceof LoggedSubscription) continue
      if (from === undefined) {
        from = findText(frame, Tag.sender) ?? ''
        cursor = Number(findText(frame, Tag.cursor))
      }
      let value: unknown
      try {
        // Again for each: nobody can change what another one reads.
        value = parseBodyIn(frame.encoding, frame.bytes, frame.bodyStart, frame.end, this.#limits, 'lent')
      } catch {
        // The router does not read what is published, so the publisher may have sent what is no value.
        subscription.gap({ kind: 'gap', missed: 1, from: cursor, to: cursor })
        continue
      }
      const event: TopicEvent<unknown> = { kind: 'event', topic, value, from, cursor, ...(isDurable && durableFields(frame, cursor)) }
      subscription.event(event, frame.end - frame.bodyStart)
    }
  }

  #loggedEvent(frame: FrameReader): void {
    const subscription = this.#logged.get(frame.call)
    if (subscription === undefined) return
    const id = Number(findText(frame, Tag.cursor))
    try {
      const value = parseBodyIn(frame.encoding, frame.bytes, frame.bodyStart, frame.end, this.#limits, 'lent')
      const [topic, from] = [findText(frame, Tag.topic) ?? '', findText(frame, Tag.sender) ?? '']
      subscription.logged({ kind: 'event', topic, value, from, cursor: id, ...durableFields(frame, id) }, id)
    } catch {
      subscription.loggedGap({ kind: 'gap', durable: true, missed: 1, from: id, to: id })
    }
  }

  /** The router left something out for this client. Which of its subscriptions it was for, nobody knows. */
  gap(frame: FrameReader): void {
    const { missed, from, to } = (parseBody(frame.encoding, frame.body()) ?? {}) as { missed?: number; from?: number; to?: number }
    const gap: EventGap = {
      kind: 'gap',
      ...(typeof missed === 'number' && { missed }),
      ...(typeof from === 'number' && { from }),
      ...(typeof to === 'number' && { to }),
    }
    if (frame.call !== 0) return this.#logged.get(frame.call)?.loggedGap({ ...gap, durable: true })
    for (const subscription of this.#subscriptions) if (!this.#asked.has(subscription.number)) subscription.gap(gap)
  }

  /** True where the frame says of an event, and not of a call, that it is stored. */
  stored(frame: FrameReader): boolean {
    return this.#publishing.stored(frame)
  }

  /** True where the frame says of an event, and not of a call, that nobody knows whether it is stored. */
  excepted(frame: FrameReader): boolean {
    return this.#publishing.excepted(frame)
  }

  /** True where the frame was the answer to a subscription, not to a call. */
  accepted(frame: FrameReader): boolean {
    if (this.#asked.size === 0) return false
    const subscription = this.#asked.get(frame.call)
    if (subscription === undefined) return false
    this.#asked.delete(frame.call)
    subscription.confirm()
    return true
  }

  /** True where the frame refused a subscription or an event, or ended a durable subscription, and was not about a call. */
  rejected(frame: FrameReader): boolean {
    if (this.#publishing.rejected(frame)) return true
    const subscription = this.#asked.get(frame.call) ?? this.#logged.get(frame.call)
    const topic = subscription === undefined ? findText(frame, Tag.topic) : undefined
    if (subscription === undefined && topic === undefined) return false
    const error = errorFromRejection(readRejection(parseBody(frame.encoding, frame.body())))
    if (topic !== undefined) this.#refused(topic, error)
    if (subscription === undefined) return true
    this.#forget(subscription)
    this.#subscriptions.delete(subscription)
    subscription.end(error, error)
    return true
  }

  // ---- the session

  /** A new session knows nothing of us yet. */
  opened(): void {
    this.#open = true
    const { store, epoch } = this.#connection.connected!.router
    const log = store ?? epoch
    if (this.#log !== undefined && this.#log !== log)
      for (const subscription of this.#subscriptions) if (subscription instanceof LoggedSubscription) subscription.restart()
    this.#log = log
    for (const subscription of this.#subscriptions) this.#ask(subscription)
  }

  lost(): void {
    this.#open = false
    this.#asked.clear()
    this.#logged.clear()
    this.#publishing.lost(new WaybillError('RouterLost', 'the session was lost before the router said whether it has the event'))
    this.#letGo()
  }

  /** For good. Without an error the readers come to an end in order. */
  close(error: WaybillError | undefined): void {
    this.#open = false
    this.#closed = error ?? new WaybillError('Closed', 'the client was closed', { executed: 'no' })
    for (const subscription of this.#subscriptions) subscription.end(error, this.#closed)
    this.#subscriptions.clear()
    this.#asked.clear()
    this.#logged.clear()
    this.#publishing.lost(error ?? new WaybillError('Closed', 'the client was closed'))
    this.#letGo()
  }

  #publish(topic: string | TopicDefinition<unknown>, given: unknown, durable: boolean): Promise<StoredEvent | void> {
    const name = typeof topic === 'string' ? checkTopic(topic) : topic.topic
    const value = typeof topic === 'string' ? given : checkEvent(topic, given)
    if (isRoutersTopic(name)) throw new WaybillError('Forbidden', `${name}: topics that begin with waybill. belong to the router`)
    if (this.#closed !== undefined) throw this.#closed
    const connection = this.#connection
    if (!this.#open || !connection.isLinked) throw new WaybillError('Overloaded', 'there is no connection to the router to publish over')
    if (!durable && !connection.hasCredit) throw new WaybillError('Overloaded', 'the router has not taken what was sent before')
    const body = prepareBody(value, this.#limits, 'event')
    const extension = extensionField(Tag.topic, name)
    const head = { type: FrameType.publish, source: connection.connected!.symbol, call: this.#nextNumber() }
    const most = connection.connected!.limits.maxFrameBytes - HEADER_BYTES - extension.byteLength - ROUTERS_BYTES
    const room = durable ? most - TIME_BYTES : most
    if (durable) return this.#publishing.publish({ ...head, flags: Flag.durable }, extension, body.encoding, exact(body, room))
    if (body.byteLengthBound <= room) connection.write(head, extension, body)
    else connection.writeRaw(head, extension, body.encoding, exact(body, room))
    return connection.hasCredit ? WRITTEN : this.#credit()
  }

  /** Who has used up the credit has handed its event over when there is credit again, so whoever waits for each never finds none. */
  #credit(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done)
        resolve()
      }
      this.#waiting.add(done)
      const turn: Sendable = {
        writeNext: () => {
          done()
          return false
        },
      }
      this.#connection.enqueue(turn)
    })
  }

  #letGo(): void {
    for (const done of this.#waiting) done()
  }

  #ask(subscription: LiveSubscription): void {
    subscription.number = this.#nextNumber()
    this.#asked.set(subscription.number, subscription)
    const head = { type: FrameType.subscribe, source: this.#connection.connected!.symbol, call: subscription.number }
    const topic = extensionField(Tag.topic, subscription.pattern)
    if (!(subscription instanceof LoggedSubscription)) {
      this.#connection.write(head, topic)
      return
    }
    this.#logged.set(subscription.number, subscription)
    const { after, cursorName } = subscription
    const name = cursorName === undefined ? [] : [extensionField(Tag.cursorName, cursorName)]
    this.#connection.write({ ...head, flags: Flag.durable }, joinFields([topic, extensionField(Tag.cursor, String(after)), ...name]))
  }

  #forget({ number }: LiveSubscription): void {
    this.#asked.delete(number)
    this.#logged.delete(number)
  }
}

function durableFields(frame: FrameReader, id: number): Pick<TopicEvent<unknown>, 'id' | 'publishedAt'> {
  const publishedAt = findText(frame, Tag.timestamp)
  return { id, ...(publishedAt !== undefined && { publishedAt: new Date(publishedAt) }) }
}

const WRITTEN = Promise.resolve()

/** The body as bytes, where only they tell how long it is. Throws `TooLarge`. */
function exact(body: PreparedBody, room: number): Uint8Array {
  const bytes = bodyBytes(body)
  if (bytes.byteLength <= room) return bytes
  throw new WaybillError('TooLarge', `an event of ${bytes.byteLength} bytes does not fit in one frame, where there is room for ${room}`, {
    executed: 'no',
    details: { limit: room, size: bytes.byteLength },
  })
}
