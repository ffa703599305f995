/**
 * The router: the one place that sees all its parts. Takes links from gateways, gives their packets to `Dispatch`, and brings the parts to an
 * end together. Decides nothing itself.
 */
import {
  FrameReader,
  mintIncarnation,
  Slab,
  WaybillError,
  type Clock,
  type Link,
  type LinkEvents,
  type Ports,
  type RouterIdentity,
  type Tracing,
} from '@waybill/core'
import { guardedAccess, presentedDigest, type Access, type OpenTokens, type Principal, type TokenSource } from './access.js'
import { Admission, type Known } from './admission.js'
import { Calls } from './calls.js'
import { Dispatch } from './dispatch.js'
import type { Entrance } from './entrance.js'
import { DurableEvents, type EventLog } from './event-log/index.js'
import { Events } from './events.js'
import { Flusher } from './flusher.js'
import type { Incidents } from './incidents.js'
import type { RouterLog } from './log.js'
import type { Limits } from './limits.js'
import { Liveness } from './liveness.js'
import { InnerClient, Parcels, type Edges, type InnerEvents, type Poster, type Registrations } from './parcels/index.js'
import type { Lease, Session } from './model.js'
import type { Measured } from './metrics/index.js'
import { Postbacks } from './postbacks.js'
import { Presence } from './presence.js'
import { Receipts } from './receipts.js'
import { Registry } from './registry.js'
import { Routes } from './routes.js'
import { CloseCode, Sessions, type Lost } from './sessions.js'
import type { Store } from './store.js'
import type { Tally } from './tally.js'
import { View } from './view.js'
import { steadyClock } from './wall-clock.js'

/** A packet is flushed from 48 KiB on, so it is never longer than that plus one frame. */
const PACKET_SLACK_BYTES = 64 * 1024

export interface RouterParts {
  readonly ports: Ports
  readonly limits: Limits
  readonly tokens: TokenSource
  readonly authorize: Access['authorize']
  readonly identity: RouterIdentity
  /** What it knows of earlier starts, and where it writes down what it promises. */
  readonly store: Store
  readonly eventLog: EventLog
  readonly registrations: Registrations
  readonly edges: Edges
  /** Posts to the addresses of receivers; absent: nothing is. */
  readonly poster?: Poster | undefined
  readonly incidents: Incidents
  readonly log: RouterLog
  /** Where somebody measures. */
  readonly tally?: Tally | undefined
  readonly tracing?: Tracing | undefined
}

/** What is pending inside, for tests and statistics: all 0 in a router at rest. */
export interface RouterLoad {
  readonly sessions: number
  readonly instances: number
  readonly pendingCalls: number
  readonly heldCalls: number
  readonly subscriptions: number
  readonly patterns: number
  /** Without an outcome. */
  readonly storedCalls: number
  /** Those of them that are in somebody's hands, or away. */
  readonly leases: number
  /** Order keys that somebody has the turn of. */
  readonly turns: number
}

/** What is kept of calls that have ended, for tests and statistics: all 0 when their time is over. */
export interface RouterStore {
  readonly receipts: number
  readonly bytes: number
}

export class Router implements Entrance {
  /** Told of each principal that is shut out, or of his one token of this digest. */
  readonly whenRevoked = new Set<(principal: Principal, digest: string | undefined) => void>()
  readonly maxPacketBytes: number
  readonly maxFrameBytes: number
  readonly maxOutboundBytes: number
  readonly openingMs: number
  readonly #parts: Omit<RouterParts, 'tokens' | 'authorize' | 'store' | 'eventLog' | 'registrations' | 'edges' | 'poster'> & {
    readonly access: Access
  }
  readonly #tokens: OpenTokens
  readonly #incidents: Incidents
  readonly #flusher: Flusher
  readonly #sessions: Sessions
  readonly #registry: Registry
  readonly #routes: Routes
  readonly #calls: Calls
  readonly #receipts: Receipts
  readonly #events: Events
  readonly #durable: DurableEvents
  readonly #presence: Presence
  readonly #admission: Admission
  readonly #liveness: Liveness
  readonly #dispatch: Dispatch
  readonly #view: View
  readonly #postbacks: Postbacks
  readonly #parcels: Parcels
  readonly #store: Store
  #closed = false

  constructor(parts: RouterParts) {
    const { ports, limits, identity, incidents, log, tally } = parts
    this.#tokens = parts.tokens.open(ports.clock, (principal, digest) => this.revoke(principal, digest))
    const { authenticate } = this.#tokens
    const access = guardedAccess({ authenticate, authorize: parts.authorize }, (where, error) => incidents.report(where, error))
    const slab = new Slab()
    this.#parts = { ports, limits, identity, incidents, log, tally, access }
    this.#incidents = incidents
    this.openingMs = limits.openingMs
    this.maxFrameBytes = limits.maxFrameBytes
    this.maxOutboundBytes = limits.maxOutboundBytes
    this.maxPacketBytes = limits.maxFrameBytes + PACKET_SLACK_BYTES
    this.#flusher = new Flusher(ports, limits.acknowledgeMs)
    const { store, eventLog } = parts
    this.#store = store
    const clock = steadyClock(ports.clock, Math.max(store.latestMs, eventLog.latestMs))
    this.#durable = new DurableEvents({ log: eventLog, limits, clock, soon: ports.soon })
    this.#events = new Events({ limits, access, incidents, durable: this.#durable, name: identity.name })
    this.#presence = new Presence(this.#events, log)
    const lost: Lost = (session, reason, mayReturn) => {
      // First of all: nothing more is for it, its own leaving least.
      this.#events.lost(session)
      this.#calls.lost(session, reason, mayReturn)
      this.#presence.lost(session, reason)
    }
    this.#sessions = new Sessions({ ports, limits, slab, flusher: this.#flusher, incidents, lost })
    this.#registry = new Registry(limits, this.#presence.service)
    this.#routes = new Routes(this.#registry, limits)
    this.#postbacks = new Postbacks({ limits, store, sessions: this.#sessions })
    const kept = (callee: Session | undefined, lease: Lease): void => this.#calls.leasing.kept(callee, lease)
    this.#receipts = new Receipts({ limits, clock, store, postbacks: this.#postbacks, kept })
    this.#calls = new Calls({
      limits,
      clock,
      access,
      sessions: this.#sessions,
      registry: this.#registry,
      routes: this.#routes,
      receipts: this.#receipts,
      store,
      postbacks: this.#postbacks,
      random: ports.random,
      log,
      tally,
      tracing: parts.tracing,
    })
    this.#admission = new Admission({ access, limits, ports, sessions: this.#sessions, router: identity, incidents, log, tally })
    this.#view = new View({
      identity,
      ports,
      limits,
      access,
      sessions: this.#sessions,
      registry: this.#registry,
      routes: this.#routes,
      calls: this.#calls,
      receipts: this.#receipts,
      store,
      events: this.#events,
      durable: this.#durable,
      parcels: () => this.#parcels,
    })
    this.#parcels = new Parcels({
      ports,
      limits,
      access,
      registrations: parts.registrations,
      edges: parts.edges,
      calls: this.#calls,
      receipts: this.#receipts,
      sessions: this.#sessions,
      registry: this.#registry,
      store,
      poster: parts.poster,
      isGood: ({ principal, digest }) => digest === undefined || this.#tokens.isGood?.(principal, digest) !== false,
      admit: (link, known) => this.#admit(link, known),
      offer: (session, offers) => this.#view.offer(session, offers),
    })
    this.#calls.recover()
    this.#durable.begin()
    this.#liveness = new Liveness(ports.clock, limits, this.#sessions)
    this.#dispatch = new Dispatch({
      frame: new FrameReader(limits.maxFrameBytes),
      sessions: this.#sessions,
      registry: this.#registry,
      routes: this.#routes,
      calls: this.#calls,
      events: this.#events,
      view: this.#view,
      incidents,
    })
    this.#parcels.begin()
  }

  // ---- Entrance

  admit(opened: Link): LinkEvents {
    const { tally } = this.#parts
    return tally === undefined ? this.#admit(opened) : tally.inward(this.#admit(tally.outward(opened)))
  }

  /** Somebody is here in a new session: what waits for it goes on. */
  #begun(session: Session): void {
    this.#calls.leasing.joined(session)
    this.#postbacks.joined(session)
  }

  #admit(link: Link, known?: Known): LinkEvents {
    let session: Session | undefined
    const opening = this.#admission.expect(
      link,
      (admitted) => {
        session = admitted
        if (!admitted.announced) this.#begun(admitted)
        this.#presence.admitted(admitted)
        // A client that comes back may have received all that it had not acknowledged, and then acknowledges nothing more.
        this.#freed(admitted)
      },
      known,
    )
    if (this.#closed) link.end(CloseCode.goingAway, 'the router is closing')
    return {
      packet: (packet) => {
        if (session === undefined) opening.introduced(packet)
        else if (session.channel.link === link) this.#packet(session, packet)
      },
      ended: () => {
        if (session === undefined) opening.ended()
        else this.#sessions.detach(session, link)
      },
    }
  }

  // ---- the whole

  get identity(): RouterIdentity {
    return this.#parts.identity
  }

  /** What clients may ask of it. */
  get view(): View {
    return this.#view
  }

  get clock(): Clock {
    return this.#parts.ports.clock
  }

  /** A client in this process, for somebody who has no connection. Throws what the router refuses it with. */
  inner(known: Known, events: InnerEvents): InnerClient {
    const { clock, random, soon } = this.#parts.ports
    const incarnation = mintIncarnation(clock, random)
    return new InnerClient({ admit: (link) => this.#admit(link, known), soon, incarnation, known, events })
  }

  /** Why nothing can be stored any more. */
  get failure(): string | undefined {
    return this.#store.journal.failure?.message
  }

  /** For those who have no connection. */
  get parcels(): Parcels {
    return this.#parcels
  }

  get load(): RouterLoad {
    return {
      sessions: this.#sessions.size,
      instances: this.#registry.instances.size,
      pendingCalls: this.#calls.pending,
      heldCalls: this.#calls.delivery.held.calls,
      subscriptions: this.#events.subscriptions,
      patterns: this.#events.patterns,
      storedCalls: this.#receipts.pending,
      leases: this.#calls.leasing.size,
      turns: this.#calls.delivery.turns,
    }
  }

  get kept(): RouterStore {
    return { receipts: this.#receipts.size, bytes: this.#receipts.bytes }
  }

  /** Who shows this token. Rejects with `Unauthorized`. */
  async identify(token: string | undefined): Promise<Known> {
    const credentials = token === undefined ? undefined : { token }
    const principal = await this.#parts.access.authenticate(credentials)
    return { principal, digest: presentedDigest(credentials) }
  }

  /** Whether who shows this may see what the router measures; throws where not. */
  async letObserve(token: string | undefined): Promise<void> {
    const { principal } = await this.identify(token)
    if (this.#parts.access.authorize?.(principal, 'observe', {}) === false)
      throw new WaybillError('Forbidden', `${principal} may not see the metrics`)
  }

  /** What there is and was. */
  get measured(): Measured {
    return {
      ...this.load,
      receipts: this.kept.receipts,
      receiptBytes: this.kept.bytes,
      staleFrames: this.#calls.counts.stale,
      droppedCalls: this.#calls.counts.dropped,
      eventsPublished: this.#events.counts.published,
      eventsDelivered: this.#events.counts.delivered,
      eventsLeftOut: this.#events.counts.leftOut,
      loggedEvents: this.#durable.kept.events,
      loggedBytes: this.#durable.kept.bytes,
    }
  }

  /** Nobody is here as this principal any more, or nobody who presented this token of his; how many were. */
  revoke(principal: Principal, digest?: string): number {
    this.#admission.revoke(principal, digest)
    for (const tell of this.whenRevoked) tell(principal, digest)
    const sessions = this.#sessions.ofPrincipal(principal, digest)
    const error = new WaybillError('Unauthorized', 'your token is not good any more', { executed: 'maybe' })
    for (const session of sessions) this.#sessions.end(session, 'goodbye', 'was shut out', error)
    return sessions.length
  }

  /** Tells every client goodbye and forgets everything. Gateways close their listeners themselves. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#parts.log.closing(this.#sessions.size)
    this.#tokens.close()
    this.#presence.stop()
    this.#durable.stop()
    this.#view.stop()
    this.#parcels.stop()
    this.#calls.close()
    const error = new WaybillError('RouterLost', 'the router is closing', { executed: 'maybe' })
    for (const session of [...this.#sessions.all()]) this.#sessions.end(session, 'goodbye', 'lost its router', error)
    this.#admission.stop()
    this.#liveness.stop()
    this.#flusher.stop()
  }

  #packet(session: Session, packet: Uint8Array): void {
    const { channel } = session
    const { exchange } = channel
    channel.heard(this.#parts.ports.clock.nowMs())
    try {
      const before = exchange.retainedBytes
      const arrival = exchange.arrive(packet)
      if (session.unconfirmed) this.#sessions.confirm(session)
      const freed = exchange.retainedBytes < before
      const waiting = channel.outboundBytes
      if (arrival !== 'duplicate') this.#dispatch.packet(session, packet, arrival === 'fresh')
      // What the router itself says to a client is bounded like everything else: who does not take its answers gets no further ones.
      if (channel.outboundBytes > waiting && channel.outboundBytes > this.#parts.limits.maxOutboundBytes) channel.holdBack(channel)
      // After the frames: what the client has just said, a goodbye for one, decides what it may be given.
      if (freed && session.state === 'open') {
        this.#freed(session)
      }
    } catch (thrown) {
      const error = this.#incidents.disclosed('packet', WaybillError.from(thrown))
      return this.#sessions.end(session, 'goodbye', 'broke the protocol', error)
    }
    if (exchange.unacknowledgedBytes === 0) return
    if (exchange.withholds) channel.restrain(this.#parts.limits.windowBytes + 2 * this.maxPacketBytes)
    else if (exchange.unacknowledgedBytes < this.#parts.limits.windowBytes / 4) this.#flusher.owe(channel)
    else if (!channel.flush()) channel.acknowledge()
  }

  /** Less waits for the client than before. */
  #freed(session: Session): void {
    session.channel.caughtUp(this.#parts.limits.maxOutboundBytes)
    this.#events.caughtUp(session)
    this.#postbacks.caughtUp(session)
    if (this.#calls.delivery.held.calls > 0) this.#advance(session)
  }

  #advance(session: Session): void {
    for (const instance of session.instances) this.#calls.delivery.advance(instance.service.name)
  }
}
