/**
 * Events: who subscribes, and what is published to whom. The bytes of an event are written once and serve every subscriber. Owns subscriptions, the
 * numbering of events, and what each session missed. A subscriber that is slow is left out and told so; nobody waits for anybody. What is durable, and who
 * reads that, is the business of `DurableEvents`.
 */
import {
  checkFields,
  checkPattern,
  checkTopic,
  extensionField,
  findText,
  Flag,
  FrameType,
  HEADER_BYTES,
  isRoutersTopic,
  isTopic,
  joinFields,
  prepareBody,
  quoted,
  Slab,
  Tag,
  WaybillError,
  writeFrame,
  writeRawFrame,
  type FrameReader,
} from '@waybill/core'
import type { Access, Action } from './access.js'
import { reject } from './answers.js'
import { extensionOf, type Beginning, type DurableEvents, type LoggedEvent } from './event-log/index.js'
import type { Incidents } from './incidents.js'
import type { Limits } from './limits.js'
import type { Session } from './model.js'
import { Topics } from './topics.js'

export interface EventCounts {
  /** Published since the start, whether anybody subscribed or not. */
  published: number
  /** Given to a subscriber, and not given to one that was too slow. */
  delivered: number
  leftOut: number
}

export class Events {
  readonly counts: EventCounts = { published: 0, delivered: 0, leftOut: 0 }
  /** Subscriptions of all sessions. */
  subscriptions = 0
  readonly #topics = new Topics<Session>()
  /** Those that get durable events in another way, by what else their durable subscriptions cover. */
  readonly #followers = new Topics<Session>()
  readonly #durable: DurableEvents
  readonly #limits: Limits
  readonly #authorize: Access['authorize']
  readonly #incidents: Incidents
  /** The router's own name. */
  readonly #name: string
  /** For nothing but events, so that those of one tick lie next to each other and are one run to each subscriber. */
  readonly #slab = new Slab()
  /** Numbers events: the last one's. */
  #cursor = 0
  /** Of all events that somebody has not taken yet, and how many sessions these are. */
  #backlogBytes = 0
  #behind = 0
  /** Those that the event of the moment is for. */
  readonly #found: Session[] = []

  constructor(parts: { limits: Limits; access: Access; incidents: Incidents; durable: DurableEvents; name: string }) {
    this.#durable = parts.durable
    this.#durable.ended = (session, call) => this.#leave(session, call)
    this.#limits = parts.limits
    this.#authorize = parts.access.authorize
    this.#incidents = parts.incidents
    this.#name = parts.name
  }

  /** Names of patterns that are held; 0 when nobody subscribes. Counted one by one. */
  get patterns(): number {
    return this.#topics.size + this.#followers.size
  }

  // ---- from clients

  subscribe(session: Session, frame: FrameReader): void {
    const { call } = frame
    if (session.subscriptions.has(call)) throw new WaybillError('ProtocolViolation', `subscription ${call} is already there`)
    const text = topicOf(frame)
    try {
      checkSource(session, frame)
      const pattern = checkPattern(text)
      this.#allow(session, 'subscribe', pattern)
      const { maxSubscriptionsPerSession: limit } = this.#limits
      if (session.subscriptions.size >= limit) {
        const details = { limit, size: session.subscriptions.size + 1 }
        throw new WaybillError('TooLarge', `a client holds at most ${limit} subscriptions`, { executed: 'no', details })
      }
      const accepted = (): void => {
        session.subscriptions.set(call, pattern)
        this.subscriptions++
        session.channel.write({ type: FrameType.result, destination: session.symbol, call })
      }
      if ((frame.flags & Flag.durable) === 0) {
        this.#topics.add(pattern, session)
        return accepted()
      }
      this.#durable.subscribe(session, call, pattern, beginningOf(frame), accepted)
      this.#followers.add(pattern, session)
    } catch (thrown) {
      this.#refuse(session, call, thrown)
    }
  }

  /** What is not there, as it was refused, is not missed. */
  unsubscribe(session: Session, frame: FrameReader): void {
    this.#leave(session, frame.call)
  }

  /** The program of a client has taken the events of a durable subscription up to one. */
  taken(session: Session, frame: FrameReader): void {
    checkFields(frame)
    const id = idOf(frame)
    if (id === undefined) throw new WaybillError('ProtocolViolation', 'eventsTaken says no id')
    this.#durable.took(session, frame.call, id)
  }

  #leave(session: Session, call: number): void {
    const pattern = session.subscriptions.get(call)
    if (pattern === undefined) return
    session.subscriptions.delete(call)
    this.subscriptions--
    const isDurable = this.#durable.has(session, call)
    if (isDurable) this.#durable.leave(session, call)
    const topics = isDurable ? this.#followers : this.#topics
    topics.remove(pattern, session)
  }

  /** Silent where it succeeds, unless it is to be stored. */
  publish(session: Session, frame: FrameReader): void {
    const text = topicOf(frame)
    try {
      checkSource(session, frame)
      const topic = checkTopic(text)
      if (isRoutersTopic(topic)) throw new WaybillError('Forbidden', 'topics that begin with waybill. belong to the router')
      if ((frame.flags & Flag.more) !== 0) throw tooLong(this.#limits.maxFrameBytes)
      if ((frame.flags & (Flag.sealed | Flag.references)) !== 0)
        throw new WaybillError('Unsupported', 'this router cannot carry such an event yet')
      this.#allow(session, 'publish', topic)
      if ((frame.flags & Flag.durable) !== 0) {
        const event = { topic, sender: session.name, encoding: frame.encoding, value: frame.body() }
        this.#durable.publish(session, frame.call, event, this.#live)
        this.counts.published++
        return
      }
      const cursor = this.#cursor + 1
      const extension = this.#extension(topic, session.name, cursor)
      const bytes = HEADER_BYTES + extension.byteLength + frame.end - frame.bodyStart
      if (bytes > this.#limits.maxFrameBytes) throw tooLong(this.#limits.maxFrameBytes, bytes)
      this.#cursor = cursor
      this.counts.published++
      if (!this.#find(topic)) return
      const start = writeRawFrame(this.#slab, { type: FrameType.event }, extension, frame.encoding, frame.body())
      this.#deliver(start, cursor)
    } catch (thrown) {
      this.#refuse(session, frame.call, thrown, isTopic(text) ? extensionField(Tag.topic, text) : undefined)
    }
  }

  // ---- from the router

  /** An event of the router's own. `value` is asked for where somebody subscribes. */
  announce(topic: string, value: () => unknown): void {
    const cursor = ++this.#cursor
    this.counts.published++
    if (!this.#find(topic)) return
    const extension = this.#extension(topic, this.#name, cursor)
    const start = writeFrame(this.#slab, { type: FrameType.event }, extension, prepareBody(value()))
    // Labels can be longer than the frames of a router that allows small ones only.
    if (this.#slab.at - start <= this.#limits.maxFrameBytes) this.#deliver(start, cursor)
    else this.#found.length = 0
  }

  /** The session has taken some of what waited for it: it is told of what it missed, and gets what comes from now on. */
  caughtUp(session: Session): void {
    this.#durable.caughtUp(session)
    const { missed, eventBytes, channel } = session
    if (eventBytes > channel.outboundBytes) this.#took(session, eventBytes - channel.outboundBytes)
    if (missed === undefined || session.channel.outboundBytes > this.#limits.maxOutboundBytes / 4) return
    session.missed = undefined
    session.channel.write({ type: FrameType.gap }, undefined, prepareBody(missed))
  }

  /** The session is gone for good. */
  lost(session: Session): void {
    for (const call of [...session.subscriptions.keys()]) this.#leave(session, call)
    session.missed = undefined
    this.#took(session, session.eventBytes)
  }

  /** A durable event that is safe, for those who subscribe to what there is at this moment. */
  readonly #live = (event: LoggedEvent): void => {
    const cursor = ++this.#cursor
    this.#found.length = 0
    this.#topics.match(event.topic, this.#mark)
    if (this.#found.length === 0) return
    const head = { type: FrameType.event, flags: Flag.durable }
    this.#deliver(writeRawFrame(this.#slab, head, extensionOf(event), event.encoding, event.value), cursor)
  }

  #allow(session: Session, action: Action & ('publish' | 'subscribe'), topic: string): void {
    if (this.#authorize === undefined || this.#authorize(session.principal, action, { client: session.name, topic })) return
    throw new WaybillError('Forbidden', `${session.principal} may not ${action === 'publish' ? 'publish' : 'subscribe to'} ${topic}`)
  }

  #refuse(session: Session, call: number, thrown: unknown, topic?: Uint8Array): void {
    reject(session, call, this.#incidents.disclosed('events', WaybillError.from(thrown, 'no')), topic)
  }

  #extension(topic: string, sender: string, cursor: number): Uint8Array {
    return joinFields([extensionField(Tag.topic, topic), extensionField(Tag.sender, sender), extensionField(Tag.cursor, String(cursor))])
  }

  /** Gathers the sessions that the topic is for, each once; false where there is none. */
  #find(topic: string): boolean {
    this.#found.length = 0
    this.#topics.match(topic, this.#mark)
    this.#followers.match(topic, this.#mark)
    return this.#found.length > 0
  }

  readonly #mark = (session: Session): void => {
    if (session.eventSeen === this.#cursor) return
    session.eventSeen = this.#cursor
    this.#found.push(session)
  }

  /** Gives the frame from `start` to the end of the slab to all that were found. */
  #deliver(start: number, cursor: number): void {
    const { bytes, at } = this.#slab
    for (const session of this.#found) {
      if (session.missed === undefined && session.channel.outboundBytes <= this.#most) {
        session.channel.share(bytes, start, at)
        this.#gave(session, at - start)
        this.counts.delivered++
        continue
      }
      session.missed ??= { missed: 0, from: cursor, to: cursor }
      session.missed.missed++
      session.missed.to = cursor
      this.counts.leftOut++
    }
    this.#found.length = 0
  }

  /** What may wait for one session. Very many who are stuck must not each pin as much as one may. */
  get #most(): number {
    const { maxOutboundBytes, maxEventBacklogBytes } = this.#limits
    const most = maxOutboundBytes / 2
    return this.#backlogBytes < maxEventBacklogBytes ? most : Math.min(most, maxEventBacklogBytes / this.#behind)
  }

  #gave(session: Session, bytes: number): void {
    if (session.eventBytes === 0) this.#behind++
    session.eventBytes += bytes
    this.#backlogBytes += bytes
  }

  #took(session: Session, bytes: number): void {
    if (bytes === 0) return
    session.eventBytes -= bytes
    this.#backlogBytes -= bytes
    if (session.eventBytes === 0) this.#behind--
  }
}

/** Throws `ProtocolViolation` where the fields of the frame do not add up. */
function topicOf(frame: FrameReader): string {
  checkFields(frame)
  return findText(frame, Tag.topic) ?? ''
}

function checkSource(session: Session, frame: FrameReader): void {
  if (frame.source !== session.symbol) throw new WaybillError('Forbidden', 'the source of the frame is not your own symbol')
}

function tooLong(limit: number, size?: number): WaybillError {
  const details = { limit, ...(size !== undefined && { size }) }
  return new WaybillError('TooLarge', `an event fits in one frame of at most ${limit} bytes`, { executed: 'no', details })
}

/** The id in the frame's tag `cursor`. Throws `BadArguments`. */
function idOf(frame: FrameReader): number | undefined {
  const text = findText(frame, Tag.cursor)
  if (text === undefined) return undefined
  const id = Number(text)
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(id))
    throw new WaybillError('BadArguments', `${quoted(text)} is not the id of an event`)
  return id
}

function beginningOf(frame: FrameReader): Beginning {
  return { after: idOf(frame), cursorName: findText(frame, Tag.cursorName) }
}
