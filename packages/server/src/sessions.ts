/**
 * The sessions of a router: who is here, under which name, and what becomes of a session when its link breaks, comes back, or is taken over.
 * Moves each through `routerSession`. Knows nothing of calls; it is told whom to inform.
 */
import { timingSafeEqual } from 'node:crypto'
import { Feature, FrameType, prepareBody, routerSession, WaybillError } from '@waybill/core'
import type { Introduction, Link, Ports, RouterSessionEvent, Slab, Timer } from '@waybill/core'
import { digestOf, presentedDigest, type Principal } from './access.js'
import { Channel } from './channel.js'
import type { Flusher } from './flusher.js'
import type { Incidents } from './incidents.js'
import { Incumbents } from './incumbents.js'
import type { Limits } from './limits.js'
import { Session } from './model.js'
import { SymbolKind, SymbolTable } from './symbols.js'

/** WebSocket close codes of our own range. */
export const CloseCode = {
  normal: 1000,
  refused: 4000,
  violation: 4001,
  superseded: 4002,
  fenced: 4003,
  silent: 4004,
  goingAway: 1001,
} as const

/** `reason` completes “kennel …”. `mayReturn`: the process may be alive, and begin another session. */
export type Lost = (session: Session, reason: string, mayReturn: boolean) => void

type Ending = RouterSessionEvent & ('goodbye' | 'superseded')

interface Secret {
  digest: Buffer | undefined
  /** The one that the client last came with, while it may not have received the newer one. */
  former: Buffer | undefined
  /** The digest of the token that it last came in with. */
  presented: string | undefined
  timer: Timer | undefined
}

export class Sessions {
  readonly #symbols: SymbolTable<Session>
  readonly #byId = new Map<string, Session>()
  readonly #byName = new Map<string, Session>()
  /** Ended, and kept for calls that need no caller. */
  readonly #departed = new Set<Session>()
  readonly #incumbents = new Incumbents()
  readonly #secrets = new WeakMap<Session, Secret>()
  readonly #ports: Ports
  readonly #limits: Limits
  readonly #slab: Slab
  readonly #flusher: Flusher
  readonly #incidents: Incidents
  readonly #lost: Lost

  /** `lost` is told of each session that is gone for good. */
  constructor(parts: { ports: Ports; limits: Limits; slab: Slab; flusher: Flusher; incidents: Incidents; lost: Lost }) {
    this.#incidents = parts.incidents
    this.#ports = parts.ports
    this.#limits = parts.limits
    this.#slab = parts.slab
    this.#flusher = parts.flusher
    this.#lost = parts.lost
    this.#symbols = new SymbolTable(SymbolKind.client, parts.limits.maxSessions)
  }

  get size(): number {
    return this.#byId.size
  }

  all(): Iterable<Session> {
    return this.#byId.values()
  }

  /** The digest of the token that it last came in with; undefined where it showed none. */
  presentedBy(session: Session): string | undefined {
    return this.#secrets.get(session)?.presented
  }

  /** All of the principal, or those that came in with the token of this digest. */
  ofPrincipal(principal: Principal, digest?: string): Session[] {
    return [...this.all()].filter(
      (session) => session.principal === principal && (digest === undefined || this.#secrets.get(session)?.presented === digest),
    )
  }

  /** Of the session of this id: its client has come with another token, and goes with that one. */
  presented(id: string, digest: string | undefined): void {
    const session = this.#byId.get(id)
    if (session !== undefined) this.#secrets.get(session)!.presented = digest
  }

  /** Those too that have left and have calls that go on without them. */
  *withCalls(): Iterable<Session> {
    yield* this.#byId.values()
    yield* this.#departed
  }

  byName(name: string): Session | undefined {
    return this.#byName.get(name)
  }

  bySymbol(symbol: number): Session | undefined {
    return this.#symbols.get(symbol)
  }

  /** The client of a name or an id. */
  named(name: string): Session | undefined {
    return this.#byName.get(name) ?? this.#byId.get(name)
  }

  isConnected(name: string): boolean {
    return this.#byName.has(name) || this.#byId.has(name)
  }

  /**
   * A new session. A name belongs to the principal that holds it: another process of the same principal takes it over for good. `presented`: the digest of
   * the token that it came in with.
   */
  begin(introduction: Introduction, principal: Principal, link: Link, presented: string | undefined): Session {
    const id = this.#secret(16)
    const name = introduction.name ?? `client-${id.slice(0, 8)}`
    const holder = this.#byName.get(name)
    // Calls may be addressed to an id as well as to a name, so nobody may be called what another one is.
    if (this.#byId.has(name)) throw new WaybillError('Forbidden', `${name} is the id of another client; take another name`)
    if (holder !== undefined && holder.principal !== principal) {
      throw new WaybillError('Forbidden', `the name ${name} is held by another principal; take another name`)
    }
    if (introduction.name !== undefined && this.#incumbents.isFormer(`${name}/${principal}`, introduction.incarnation))
      throw superseded(name)
    const own = holder?.incarnation === introduction.incarnation
    if (holder !== undefined) this.#supersede(holder, own)
    const channel = new Channel(this.#slab, this.#flusher, this.#ports.clock.nowMs())
    const labels = introduction.labels ?? {}
    const keepsLeases = introduction.features?.includes(Feature.leases) === true
    const connectedMs = this.#ports.clock.wallMs()
    const symbol = this.#symbols.mint(
      (minted) => new Session(minted, id, name, principal, introduction.incarnation, labels, channel, connectedMs, keepsLeases),
    )
    const session = this.#symbols.get(symbol)
    if (session === undefined) throw new WaybillError('Overloaded', `the router has ${this.size} clients, as many as it allows`)
    this.#byId.set(id, session)
    this.#byName.set(name, session)
    if (introduction.name !== undefined) this.#incumbents.take(`${name}/${principal}`, introduction.incarnation)
    this.#secrets.set(session, { digest: undefined, former: undefined, presented, timer: undefined })
    channel.attach(link, this.#ports.clock.nowMs())
    return session
  }

  /** The session that a client asks to go on with; undefined when it is gone, or the secret or the principal is not the right one. */
  resume(introduction: Introduction, principal: Principal, link: Link): Session | undefined {
    const { resume } = introduction
    const session = resume && this.#byId.get(resume.session)
    if (session === undefined || resume === undefined) return undefined
    const secret = this.#secrets.get(session)!
    if (session.principal !== principal || !opens(secret, resume.token)) return undefined
    secret.former = digestOf(resume.token)
    secret.presented = presentedDigest(introduction.credentials)
    this.#step(session, 'resumed')
    secret.timer?.cancel()
    secret.timer = undefined
    // The older link, if it still looks alive, is fenced: whatever it brings is ignored from here on.
    session.channel.detach()?.end(CloseCode.fenced, 'the client came back on another link')
    session.channel.attach(link, this.#ports.clock.nowMs())
    return session
  }

  /** Sends again what the client did not receive. A client that claims what cannot be has broken the session. */
  replay(session: Session, peerReceived: number): void {
    try {
      session.channel.resume(peerReceived)
    } catch (thrown) {
      this.fail(session, 'broke the protocol', this.#incidents.disclosed('resume', WaybillError.from(thrown)))
    }
  }

  /**
   * A new single-use secret to resume with. The one before is void as soon as anything comes over the new link; until then the client may not
   * have received the new one, and comes back with the old if this link breaks too.
   */
  rotate(session: Session): string {
    const token = this.#secret(32)
    const secret = this.#secrets.get(session)!
    session.unconfirmed = secret.former !== undefined
    secret.digest = digestOf(token)
    return token
  }

  /** Something came over the session's new link, so its client has the new secret. */
  confirm(session: Session): void {
    session.unconfirmed = false
    this.#secrets.get(session)!.former = undefined
  }

  /** The link has ended without a goodbye: the session waits for its client. */
  detach(session: Session, link: Link): void {
    if (session.channel.link !== link) return
    session.channel.detach()
    this.#step(session, 'linkEnded')
    const secret = this.#secrets.get(session)!
    secret.timer = this.#ports.clock.timer(this.#limits.resumeGraceMs, () => {
      this.#step(session, 'graceOver')
      this.#forget(session, 'did not come back', true)
    })
  }

  /** One that is dead, for the stored calls that its process made. It ends with the last of them. */
  departed(name: string, principal: Principal, incarnation: string): Session {
    const channel = new Channel(this.#slab, this.#flusher, this.#ports.clock.nowMs())
    const make = (minted: number): Session => new Session(minted, '', name, principal, incarnation, {}, channel, 0)
    const session = this.#symbols.get(this.#symbols.mint(make))
    if (session === undefined) throw new WaybillError('Overloaded', 'the store has calls of more clients than this router allows')
    session.state = 'ended'
    this.#departed.add(session)
    return session
  }

  /** Ends a session that cannot go on; its client is told why, and may begin another one. */
  fail(session: Session, reason: string, error: WaybillError): void {
    this.#end(session, 'goodbye', reason, error, true)
  }

  /** Ends the session at once. With an error, the client is told why before its link ends. */
  end(session: Session, event: Ending, reason: string, error?: WaybillError): void {
    this.#end(session, event, reason, error, false)
  }

  #end(session: Session, event: Ending, reason: string, error: WaybillError | undefined, mayReturn: boolean): void {
    if (session.state === 'ended') return
    this.#step(session, event)
    if (error !== undefined) {
      session.channel.write({ type: FrameType.goodbye }, undefined, prepareBody({ code: error.code, message: error.message }))
      session.channel.flush()
    }
    session.channel
      .detach()
      ?.end(error?.code === 'Superseded' ? CloseCode.superseded : error === undefined ? CloseCode.normal : CloseCode.violation, reason)
    this.#forget(session, reason, mayReturn)
  }

  #supersede(holder: Session, own: boolean): void {
    const reason = own ? 'began a new session' : 'was superseded'
    this.#end(holder, 'superseded', reason, own ? undefined : superseded(holder.name), own)
  }

  #forget(session: Session, reason: string, mayReturn: boolean): void {
    this.#secrets.get(session)?.timer?.cancel()
    this.#byId.delete(session.id)
    if (this.#byName.get(session.name) === session) this.#byName.delete(session.name)
    this.#departed.add(session)
    this.#lost(session, reason, mayReturn)
    session.channel.dispose()
  }

  /** A session that has ended means nothing to anybody any more. */
  release(session: Session): void {
    this.#departed.delete(session)
    this.#symbols.release(session.symbol)
  }

  #step(session: Session, event: RouterSessionEvent): void {
    const next = routerSession[session.state][event]
    if (next === 'wrong') throw new WaybillError('Internal', `a session that is ${session.state} cannot take ${event}`)
    session.state = next
  }

  #secret(bytes: number): string {
    return Buffer.from(this.#ports.random.fill(new Uint8Array(bytes))).toString('hex')
  }
}

function opens({ digest, former }: Secret, token: string): boolean {
  const given = digestOf(token)
  const isLast = digest !== undefined && timingSafeEqual(digest, given)
  const isFormer = former !== undefined && timingSafeEqual(former, given)
  return isLast || isFormer
}

function superseded(name: string): WaybillError {
  return new WaybillError('Superseded', `another process took over the name ${name}`)
}
