/**
 * Stored calls on their way to their callees and back: leased before they leave, handed on again when their callee gave them back or was lost, waited
 * for while their callee is away. Between `Delivery`, which finds instances, and `Store`, which writes down what was decided.
 */
import {
  encodings,
  Flag,
  FrameType,
  Offset,
  Timed,
  WaybillError,
  Wheel,
  writeU32,
  type Clock,
  type FrameReader,
  type Random,
} from '@waybill/core'
import type { Delivery } from './delivery.js'
import type { Endings } from './endings.js'
import { departing } from './departing.js'
import { Departures, type Departure } from './departures.js'
import { Leases, readTokens, tokenBytes, TOKEN_BYTES } from './leases.js'
import type { Limits } from './limits.js'
import { Instance, type CallRecord, type Lease, type Offer, type Session } from './model.js'
import type { Permission } from './permission.js'
import type { Receipts } from './receipts.js'
import { workerLost } from './refusals.js'
import type { Routes } from './routes.js'
import type { Store } from './store.js'

/** How long a call rests that was given back more than once: at first, and at most. */
const FIRST_REST_MS = 100
const LONGEST_REST_MS = 10_000

/** A call that was given back, until it goes to somebody again. */
class Rest extends Timed {
  constructor(readonly over: () => void) {
    super()
  }

  override due(): void {
    this.over()
  }
}

export class Leasing {
  readonly #limits: Limits
  readonly #delivery: Delivery
  readonly #endings: Endings
  readonly #receipts: Receipts
  readonly #store: Store
  readonly #routes: Routes
  readonly #permission: Permission
  /** Who has which. */
  readonly leases: Leases
  readonly #departures = new Departures<Instance>()
  readonly #clock: Clock
  /** For those that rest. */
  readonly #wheel: Wheel
  /** What a client holds, while it is still saying so. */
  readonly #holding = new WeakMap<Session, string[]>()
  #stopped = false

  constructor(parts: {
    limits: Limits
    clock: Clock
    random: Random
    delivery: Delivery
    endings: Endings
    receipts: Receipts
    store: Store
    routes: Routes
    permission: Permission
  }) {
    this.#clock = parts.clock
    this.#wheel = new Wheel(parts.clock)
    this.#limits = parts.limits
    this.#delivery = parts.delivery
    this.#endings = parts.endings
    this.#receipts = parts.receipts
    this.#store = parts.store
    this.#routes = parts.routes
    this.#permission = parts.permission
    const { clock, random, limits } = parts
    this.leases = new Leases({ clock, random, waitedForMs: limits.leaseMs, lost: (call) => this.#dead(call, 'did not come back') })
  }

  /** Calls that are in somebody's hands, or away. */
  get size(): number {
    return this.leases.size
  }

  /** Nothing leaves any more, and nobody is waited for. */
  stop(): void {
    this.#stopped = true
    this.#wheel.stop()
    this.leases.stop()
  }

  // ---- out

  /** An instance has a place for the call: it leaves as soon as that is written down. */
  lease(call: CallRecord, instance: Instance): void {
    const receipt = call.receipt!
    const { session, offer } = instance
    if (this.#stopped) return
    const forbidden = this.#permission.again(receipt.terms)
    if (forbidden !== undefined) return this.#endings.refuse(call, forbidden)
    const lease: Lease = {
      token: this.leases.mint(),
      client: session.name,
      principal: session.principal,
      incarnation: session.incarnation,
      version: offer.version,
      idempotent: offer.idempotent.has(receipt.terms.method),
      keeps: session.keepsLeases,
    }
    try {
      this.#store.leased(receipt, lease, this.#clock.wallMs())
    } catch {
      // The journal has failed: what is stored waits for the next start.
      return
    }
    const departure: Departure = { isOver: () => call.state !== 'leased' || receipt.lease !== lease }
    this.#departures.enter(instance, departure)
    this.#store.frames(receipt, (frames, error) => {
      if (departure.isOver()) return
      if (frames === undefined) return this.#endings.refuse(call, error!)
      this.#store.journal.whenSafe(() => this.#departures.ready(instance, departure, () => this.#depart(call, lease, frames)))
    })
  }

  #depart(call: CallRecord, lease: Lease, frames: readonly Uint8Array[]): void {
    // Its link has gone meanwhile, or it offers the service no more: somebody else may be found.
    const { session, offered } = call.instance!
    if (session.state !== 'open' || !offered) return this.givenBack(call, 0)
    const [first, ...rest] = frames
    this.leases.handed(call)
    const leaving = [departing(first!, call.receipt!.attempts, lease), ...rest.map((frame) => frame.slice())]
    // The symbol that its caller had at an earlier start is somebody else's by now.
    for (const frame of leaving) writeU32(frame, Offset.source, call.caller.symbol)
    this.#delivery.depart(call, leaving)
  }

  // ---- back

  /** The callee's session is lost. `mayReturn`: its process may come back and go on. */
  lost(call: CallRecord, hasLeft: boolean, mayReturn: boolean, reason: string): void {
    const lease = call.receipt!.lease!
    if (this.#stopped) return
    if (!hasLeft) return this.givenBack(call, 0)
    if (mayReturn && lease.keeps && (!lease.idempotent || call.cancelled)) return this.#away(call)
    this.#gone(call, lease, workerLost(call.instance!.session.name, reason))
  }

  #away(call: CallRecord): void {
    this.#delivery.away(call)
    this.#receipts.cutOff(call.receipt!)
    call.answering = false
    this.leases.away(call)
  }

  /** Who had the call is dead. */
  #dead(call: CallRecord, reason: string): void {
    const lease = call.receipt?.lease
    if (call.state !== 'away' || lease === undefined) return
    this.#gone(call, lease, workerLost(lease.client, reason))
  }

  #gone(call: CallRecord, lease: Lease, error: WaybillError): void {
    const receipt = call.receipt!
    this.leases.ended(lease)
    const attempts = receipt.attempts + 1
    if (call.cancelled || !lease.idempotent) {
      receipt.attempts = attempts
      return this.#endings.end(call, 'calleeLost', error, 'indeterminate')
    }
    if (attempts < this.#limits.maxAttempts) return this.#redeliver(call, attempts)
    receipt.attempts = attempts
    const times = `${attempts} instances that took it were lost, the last one ${lease.client}`
    this.#endings.end(call, 'calleeLost', new WaybillError('WorkerLost', times), 'dead')
  }

  /**
   * Its callee has no room after all: it goes to another one, at once where that is the first time and nothing else was asked for. Later it rests
   * before it does, or it would go to and fro for ever.
   */
  givenBack(call: CallRecord, askedMs: number): void {
    const { lease } = call.receipt!
    if (lease !== undefined) {
      this.leases.ended(lease)
      if (call.instance !== undefined && !call.isHere) this.kept(call.instance.session, lease)
    }
    if (call.cancelled) return this.#endCancelled(call)
    const times = call.givenBack++
    const leastMs = times === 0 ? 0 : FIRST_REST_MS * 2 ** Math.min(times - 1, 10)
    this.#redeliver(call, call.receipt!.attempts, Math.min(Math.max(askedMs, leastMs), LONGEST_REST_MS))
  }

  /** It is wanted no more, and nobody has begun it. */
  #endCancelled(call: CallRecord): void {
    call.state = 'queued'
    this.#endings.end(call, 'cancel', new WaybillError('Cancelled', 'the call was cancelled before it was started'), 'cancelled')
  }

  /** Its callee has not done it: it goes to another one. What has begun stays with its version. */
  #redeliver(call: CallRecord, attempts: number, afterMs = 0): void {
    const receipt = call.receipt!
    if (receipt.begunWith !== undefined) call.route = this.#routes.narrowed(call.route, receipt.begunWith)
    else this.#routes.refresh(call.route)
    call.answering = false
    this.#receipts.cutOff(receipt)
    try {
      this.#store.back(receipt, attempts, this.#clock.wallMs())
    } catch {
      // As above: it waits for the next start.
      return
    }
    this.#delivery.back(call)
    if (afterMs === 0) return this.#again(call)
    const rest = new Rest(() => this.#again(call))
    this.#wheel.add(rest, this.#clock.nowMs() + afterMs)
  }

  /** Unless it has ended meanwhile. */
  #again(call: CallRecord): void {
    if (call.state !== 'queued') return
    this.#routes.refresh(call.route)
    this.#delivery.again(call)
  }

  // ---- who comes back

  /** A process has come under a name: another one that had it is dead, with what it had. One that cannot say what it has, has nothing. */
  joined(session: Session): void {
    for (const call of this.leases.others(session)) this.#dead(call, 'was followed by another process of its name')
    if (!session.keepsLeases) for (const call of this.leases.own(session)) this.#dead(call, 'came back without it')
  }

  /** What a client has of earlier sessions. Throws `ProtocolViolation`. */
  holds(session: Session, frame: FrameReader): void {
    const tokens = readTokens(frame.body())
    if (tokens === undefined) throw new WaybillError('ProtocolViolation', 'the leases of the frame have not 16 bytes each')
    const held = this.#holding.get(session) ?? []
    held.push(...tokens)
    if (held.length * TOKEN_BYTES > this.#limits.maxBodyBytes) throw new WaybillError('TooLarge', 'nobody can hold so many leases')
    if ((frame.flags & Flag.more) !== 0) return void this.#holding.set(session, held)
    this.#holding.delete(session)
    // What it has said may be safe nowhere but with itself: the next start will ask.
    if (this.#store.journal.failure !== undefined) return
    this.#answer(session, held)
    // It has never heard of these: they were lost on their way.
    for (const call of this.leases.own(session)) this.givenBack(call, 0)
  }

  #answer(session: Session, held: readonly string[]): void {
    const body = new Uint8Array(held.length * PAIR_BYTES)
    const cancelled: CallRecord[] = []
    for (const [index, token] of held.entries()) {
      const call = this.leases.returned(session, token)
      if (call === undefined) continue
      this.#delivery.returned(call, standIn(call, session))
      if (call.cancelled) cancelled.push(call)
      writeU32(body, index * PAIR_BYTES, call.caller.symbol)
      writeU32(body, index * PAIR_BYTES + 4, call.number)
    }
    const mostBytes = Math.floor(this.#limits.maxFrameBytes / 2 / PAIR_BYTES) * PAIR_BYTES
    let at = 0
    do {
      const end = Math.min(at + mostBytes, body.byteLength)
      const flags = end < body.byteLength ? Flag.more : 0
      const head = { type: FrameType.held, flags, destination: session.symbol }
      session.channel.writeRaw(head, undefined, encodings.bytes, body.subarray(at, end))
      at = end
    } while (at < body.byteLength)
    // Behind that, as it knows them by these numbers from then on; safe, as at first.
    for (const call of cancelled) this.#store.journal.whenSafe(() => this.#endings.tellCancel(call))
  }

  /** The last word under the lease is safe, or of no use: its callee need not keep it. */
  kept(callee: Session | undefined, lease: Lease): void {
    this.leases.ended(lease)
    if (!lease.keeps || callee === undefined || callee.state === 'ended') return
    callee.channel.writeRaw({ type: FrameType.kept, destination: callee.symbol }, undefined, encodings.bytes, tokenBytes(lease.token))
  }

  // ---- from an earlier start

  /** A call of an earlier start that somebody may have. */
  recovered(call: CallRecord): void {
    this.leases.handed(call)
    call.state = 'away'
    this.leases.away(call)
  }
}

const PAIR_BYTES = 8

/** Stands for what the callee of a call offered when it took it; it may not offer it any more. */
function standIn({ receipt, route }: CallRecord, session: Session): Instance {
  const { version, idempotent } = receipt!.lease!
  const { service, method } = receipt!.terms
  const offer: Offer = {
    service,
    version,
    labels: {},
    concurrency: Number.POSITIVE_INFINITY,
    methods: [method],
    idempotent: new Set(idempotent ? [method] : []),
    perCaller: route.perCaller,
  }
  const instance = new Instance(session, { name: service, instances: [], stamp: 0 }, offer, 0)
  instance.offered = false
  return instance
}
