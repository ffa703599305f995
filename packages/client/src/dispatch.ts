/** What each frame of the router means: the protocol, seen from a client, as one switch. Decides whose business it is, and passes it on. */
import { findField, findText, FrameType, prepareBody, Tag } from '@waybill/core'
import type { CallerEvent, FrameReader } from '@waybill/core'
import type { Connection } from './connection.js'
import type { Events } from './events.js'
import type { Late } from './late.js'
import type { Names } from './names.js'
import type { Outgoing } from './outgoing.js'
import type { Postbacks } from './postbacks.js'
import type { Serving } from './serving.js'

export interface DispatchParts {
  readonly connection: Connection
  readonly names: Names
  readonly outgoing: Outgoing
  /** Undefined as long as nothing is offered. */
  readonly serving: () => Serving | undefined
  readonly events: Late<Events>
  readonly postbacks: Late<Postbacks>
  /** The router wants this client empty. */
  readonly drain: () => void
}

export class Dispatch {
  readonly #connection: Connection
  readonly #names: Names
  readonly #outgoing: Outgoing
  readonly #serving: () => Serving | undefined
  readonly #events: Late<Events>
  readonly #postbacks: Late<Postbacks>
  readonly #drain: () => void

  constructor(parts: DispatchParts) {
    this.#connection = parts.connection
    this.#names = parts.names
    this.#outgoing = parts.outgoing
    this.#serving = parts.serving
    this.#events = parts.events
    this.#postbacks = parts.postbacks
    this.#drain = parts.drain
  }

  frame(frame: FrameReader): void {
    switch (frame.type) {
      case FrameType.result: // destination: ourselves, call, body: the value
        return isRouters(frame) && this.#events.now?.accepted(frame) === true ? undefined : this.#answer(frame, 'result')
      case FrameType.call: // what is asked of this client: see there
      case FrameType.callChunk:
      case FrameType.cancel:
      case FrameType.callItem:
      case FrameType.callCredit:
      case FrameType.callEnd:
      case FrameType.callFailed:
      case FrameType.callStop:
        return this.#asked(frame)
      case FrameType.progress: // destination, call, body: { total, completed, details? }
        return this.#answer(frame, 'progress')
      case FrameType.accepted:
        return this.#answer(frame, 'accepted')
      case FrameType.started:
        return this.#answer(frame, 'started')
      case FrameType.exception: // destination, call, flags: executed, body: { exval, xclass?, code?, … }
        return isRouters(frame) && this.#events.now?.excepted(frame) === true ? undefined : this.#answer(frame, 'exception')
      case FrameType.rejected: // destination, call, body: { code, description, details? }
        return isRouters(frame) && this.#events.now?.rejected(frame) === true ? undefined : this.#answer(frame, 'rejected')
      case FrameType.answerChunk: // destination, call, body: the next piece
        return frame.call === 0 ? this.#postbacks.now?.arrived(frame, undefined) : this.#outgoing.answerChunk(frame)
      case FrameType.stored: // destination, call, body: { sn, durability } of a call, { id, durability } of an event
        return this.#events.now?.stored(frame) === true ? undefined : this.#outgoing.stored(frame)
      case FrameType.held: // body: see Serving
      case FrameType.kept:
        return this.#serving()?.frame(frame)
      case FrameType.item: // destination, call, method: the stream, body: an item
      case FrameType.credit: // destination, call, method: the stream, ttl: bytes
      case FrameType.end: // destination, call, method: the stream, body: what a generator returned
      case FrameType.failed: // destination, call, method: the stream, body: { exval, … }
      case FrameType.stop: // destination, call, method: the stream
        return this.#outgoing.stream(frame)
      case FrameType.opened: // destination, call, body: a result with streams in it
        return this.#outgoing.opened(frame)
      case FrameType.symbol: // what symbols stand for; without names, the source is gone
        return this.#learn(frame)
      case FrameType.event: // Tag.topic, Tag.sender, Tag.cursor, body: the value; of a durable subscription also call and Tag.timestamp
        return this.#events.now?.event(frame)
      case FrameType.gap: // body: { missed?, from?, to? }; of a durable subscription also call
        return this.#events.now?.gap(frame)
      case FrameType.drain:
        return this.#drain()
      case FrameType.unsupported: // the router does not know a type that we sent; its call ends by its deadline
        return
      default:
        this.#unsupported(frame)
    }
  }

  #asked(frame: FrameReader): void {
    const serving = this.#serving()
    if (serving === undefined) this.#unsupported(frame)
    else serving.frame(frame)
  }

  #unsupported({ call, type }: FrameReader): void {
    this.#connection.write({ type: FrameType.unsupported, call }, undefined, prepareBody({ type }))
  }

  #answer(frame: FrameReader, event: CallerEvent): void {
    if (frame.call === 0) this.#postbacks.now?.arrived(frame, event)
    else this.#outgoing.answer(frame, event)
  }

  #learn(frame: FrameReader): void {
    if (frame.source !== 0) {
      const who = findField(frame, Tag.principal)
      if (who === undefined) {
        this.#names.learnCaller(frame.source, undefined)
        return this.#serving()?.incoming.callerGone(frame.source)
      }
      const [client, principal, incarnation] = JSON.parse(new TextDecoder().decode(who)) as [string, string, string]
      return this.#names.learnCaller(frame.source, { client, principal, incarnation })
    }
    const address = findText(frame, Tag.destination)
    const method = findText(frame, Tag.method)
    if (address !== undefined) this.#names.learnAddress(address, frame.destination)
    if (method !== undefined) this.#names.learnMethod(method, frame.method)
  }
}

/** The router's own word: whatever comes from another client has its source. Only such a word can be about what is no call. */
function isRouters({ source }: FrameReader): boolean {
  return source === 0
}
