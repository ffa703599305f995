/**
 * What each frame of a client means: the protocol as one switch. Reads, decides whose business it is, and passes it on.
 */
import {
  checkFields,
  extensionField,
  findText,
  FrameType,
  joinFields,
  PACKET_HEADER_BYTES,
  prepareBody,
  Tag,
  WaybillError,
} from '@waybill/core'
import type { FrameReader } from '@waybill/core'
import { ROUTER_SERVICE, serveRouterCall } from './api/serve.js'
import type { RouterView } from './api/router-api.js'
import type { Incidents } from './incidents.js'
import type { Calls } from './calls.js'
import type { Events } from './events.js'
import type { Route, Session } from './model.js'
import type { Registry } from './registry.js'
import type { Routes } from './routes.js'
import type { Sessions } from './sessions.js'

export class Dispatch {
  readonly #frame: FrameReader
  readonly #sessions: Sessions
  readonly #registry: Registry
  readonly #routes: Routes
  readonly #calls: Calls
  readonly #events: Events
  readonly #view: RouterView
  readonly #incidents: Incidents

  constructor(parts: {
    frame: FrameReader
    sessions: Sessions
    registry: Registry
    routes: Routes
    calls: Calls
    events: Events
    view: RouterView
    incidents: Incidents
  }) {
    this.#incidents = parts.incidents
    this.#frame = parts.frame
    this.#sessions = parts.sessions
    this.#registry = parts.registry
    this.#routes = parts.routes
    this.#calls = parts.calls
    this.#events = parts.events
    this.#view = parts.view
  }

  /** Handles every frame of a packet, in order. Throws `ProtocolViolation` or `TooLarge`; then the client cannot go on. */
  packet(session: Session, packet: Uint8Array, numbered: boolean): void {
    const frame = this.#frame
    let pinged = false
    frame.open(packet, PACKET_HEADER_BYTES)
    while (frame.next()) {
      if (numbered) this.#numbered(session, frame)
      else if (frame.type === FrameType.ping) pinged = true
      else if (frame.type !== FrameType.pong) {
        throw new WaybillError('ProtocolViolation', `frame type ${frame.type} came in a packet without a number`)
      }
      if (session.state === 'ended') return
    }
    // However many were asked for.
    if (pinged) session.channel.beat(FrameType.pong)
  }

  #numbered(session: Session, frame: FrameReader): void {
    switch (frame.type) {
      case FrameType.call: // source, call, destination | Tag.destination, method | Tag.method, ttl, body: arguments
        return this.#call(session, frame)
      case FrameType.callChunk: // source, call, body: the next piece
        return this.#own(session, frame) ? this.#calls.callChunk(session, frame) : undefined
      case FrameType.cancel: // source, call
        return this.#own(session, frame) ? this.#calls.cancel(session, frame) : undefined
      case FrameType.watch: // source, call, Tag.sn
        return this.#own(session, frame) ? this.#calls.stored.watch(session, frame) : undefined
      case FrameType.holds: // source, body: leases of 16 bytes; flags: more
        return this.#own(session, frame) ? this.#calls.leasing.holds(session, frame) : undefined
      case FrameType.taken: // source, body: serial numbers of 16 bytes
        return this.#own(session, frame) ? this.#calls.stored.taken(session, frame) : undefined
      case FrameType.accepted: // destination: the caller, call
        return this.#calls.answer(session, frame, 'accepted')
      case FrameType.started: // destination, call
        return this.#calls.answer(session, frame, 'started')
      case FrameType.progress: // destination, call, body: { total, completed, details? }
        return this.#calls.answer(session, frame, 'progress')
      case FrameType.result: // destination, call, body: the value
        return this.#calls.answer(session, frame, 'result')
      case FrameType.exception: // destination, call, flags: executed, body: { exval, xclass?, code?, … }
        return this.#calls.answer(session, frame, 'exception')
      case FrameType.rejected: // destination, call, body: { code, description, details? }
        return this.#calls.answer(session, frame, 'rejected')
      case FrameType.answerChunk: // destination, call, body: the next piece
        return this.#calls.answerChunk(session, frame)
      case FrameType.opened: // destination, call, body: a result with streams in it
      case FrameType.item: // destination, call, method: the stream, body: an item
      case FrameType.end: // destination, call, method: the stream, body: what a generator returned
      case FrameType.failed: // destination, call, method: the stream, body: { exval, … }
      case FrameType.credit: // destination, call, method: the stream, ttl: bytes
      case FrameType.stop: // destination, call, method: the stream
        return this.#calls.streamToCaller(session, frame)
      case FrameType.callItem: // the same with a source instead: streams in the arguments, and from who reads those of the result
      case FrameType.callEnd:
      case FrameType.callFailed:
      case FrameType.callCredit:
      case FrameType.callStop:
        return this.#own(session, frame) ? this.#calls.streamToCallee(session, frame) : undefined
      case FrameType.publish: // source, call, Tag.topic, body: the value
        return this.#events.publish(session, frame)
      case FrameType.subscribe: // source, call, Tag.topic: the pattern
        return this.#events.subscribe(session, frame)
      case FrameType.unsubscribe: // source, call: the number of the subscription
        return this.#own(session, frame) ? this.#events.unsubscribe(session, frame) : undefined
      case FrameType.eventsTaken: // source, call: the number of the subscription, Tag.cursor
        return this.#own(session, frame) ? this.#events.taken(session, frame) : undefined
      case FrameType.goodbye: // nothing follows
        return this.#sessions.end(session, 'goodbye', 'has hopped off')
      case FrameType.ping:
      case FrameType.pong:
      case FrameType.symbol:
      case FrameType.drain:
      case FrameType.stored:
      case FrameType.held:
      case FrameType.kept:
      case FrameType.event:
      case FrameType.gap:
        throw new WaybillError('ProtocolViolation', `frame type ${frame.type} does not belong here`)
      case FrameType.unsupported: // never answered, or two peers would answer each other for ever
        return
      default:
        session.channel.write({ type: FrameType.unsupported, call: frame.call }, undefined, prepareBody({ type: frame.type }))
    }
  }

  #call(session: Session, frame: FrameReader): void {
    if (!this.#own(session, frame)) {
      return this.#calls.refuseFrame(session, frame, new WaybillError('Forbidden', 'the source of the call is not your own symbol'))
    }
    checkFields(frame)
    const inline = findText(frame, Tag.destination)
    if (inline === ROUTER_SERVICE) return serveRouterCall(this.#view, session, frame, this.#incidents)
    let route: Route | undefined
    try {
      route = inline === undefined ? this.#routes.bySymbol(frame.destination) : this.#routes.byText(inline, session)
    } catch (thrown) {
      return this.#calls.refuseFrame(session, frame, this.#incidents.disclosed('routing', WaybillError.from(thrown, 'no')))
    }
    if (frame.method === 0 && findText(frame, Tag.method) === undefined) {
      return this.#calls.refuseFrame(session, frame, new WaybillError('NoSuchMethod', 'the call names no method'))
    }
    if (route === undefined || (frame.method !== 0 && this.#registry.methods.get(frame.method) === undefined)) {
      return this.#calls.refuseFrame(
        session,
        frame,
        new WaybillError('StaleSymbol', 'a symbol of the call has lost its meaning; send the names'),
      )
    }
    if (inline !== undefined) this.#teach(session, frame, route)
    this.#calls.call(session, frame, route)
  }

  /** Tells the client the symbols of the names that it wrote inline. */
  #teach(session: Session, frame: FrameReader, route: Route): void {
    const name = findText(frame, Tag.method)
    const method = name === undefined ? 0 : this.#registry.methodSymbol(name)
    if (route.symbol === 0 && method === 0) return
    const fields = [
      ...(route.symbol === 0 ? [] : [extensionField(Tag.destination, route.text)]),
      ...(method === 0 ? [] : [extensionField(Tag.method, name!)]),
    ]
    session.channel.write({ type: FrameType.symbol, destination: route.symbol, method }, joinFields(fields))
  }

  /** A client speaks only for itself; what it sends for others is refused (a call) or dropped. */
  #own(session: Session, frame: FrameReader): boolean {
    return frame.source === session.symbol
  }
}
