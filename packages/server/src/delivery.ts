/**
 * How calls reach instances: chooses one, waits for room or for a turn where there is none, and passes the frames on. Two header fields are written
 * on the way: the destination becomes the instance, and the ttl of a call that was held what is left of it. Owns what is held and whose turn it
 * is; what a call's end is, is not decided here.
 */
import { extensionField, Flag, FrameType, joinFields, Offset, readU32, Tag, WaybillError, writeU32, type Clock } from '@waybill/core'
import { Held } from './held.js'
import type { Limits } from './limits.js'
import type { CallRecord, Instance, Route, Session } from './model.js'
import { Orders } from './orders.js'
import { holdsEveryPlace, waitsFor } from './reentrance.js'
import type { Registry } from './registry.js'
import type { Routes } from './routes.js'
import { belongsTo, hasRoom, inTurn, leastBusy } from './routing.js'

export interface DeliveryParts {
  readonly limits: Limits
  readonly clock: Clock
  readonly routes: Routes
  readonly registry: Registry
  /** Why nobody can take the call, as precisely as can be said. */
  readonly nobody: (route: Route) => WaybillError
  /** The call cannot be delivered. It is ended, which comes back here as `left`. */
  readonly refuse: (call: CallRecord, error: WaybillError) => void
  /** The call was given to its instance. */
  readonly handed: (call: CallRecord) => void
  /** An instance has a place for a stored call, which leaves by `depart`. */
  readonly lease: (call: CallRecord, instance: Instance) => void
}

/** Stands for the frames of a stored call. */
const STORED = new Uint8Array(0)

export class Delivery {
  readonly held: Held
  readonly #orders = new Orders()
  /** Calls that have their turn and have not been looked at; kept so that a long chain of refusals is no recursion. */
  readonly #turns: CallRecord[] = []
  #turning = false
  readonly #parts: DeliveryParts

  constructor(parts: DeliveryParts) {
    this.#parts = parts
    this.held = new Held(parts.limits)
  }

  /** Order keys that somebody has the turn of. */
  get turns(): number {
    return this.#orders.size
  }

  /** A call that has come, whole or with its first frame. The frames of one that is stored come with `depart`. */
  accept(call: CallRecord, bytes: Uint8Array = STORED, start = 0, end = 0): void {
    if (call.terms?.orderKey !== undefined && !this.#orders.enter(call)) {
      const ahead = this.#orders.ahead(call)!
      if (waitsFor(ahead, call.during)) return this.#parts.refuse(call, reentrant(call))
      this.#hold(call, bytes, start, end)
      return
    }
    this.#place(call, bytes, start, end)
  }

  /** More of a call's body. */
  chunk(call: CallRecord, bytes: Uint8Array, start: number, end: number): void {
    if (call.instance !== undefined) return this.forward(call.caller, call.instance, bytes, start, end)
    if (!this.held.hasRoom(call.route.address.service, end - start)) return this.#parts.refuse(call, overloaded(call.route))
    this.held.keep(call, bytes.slice(start, end))
  }

  // ---- stored calls

  /** What was leased leaves. `frames` belong to the callee from now on. */
  depart(call: CallRecord, frames: readonly Uint8Array[]): void {
    const instance = call.instance!
    const [first, ...rest] = frames
    this.#renew(call, first!)
    this.#depart(call, instance, first!, 0, first!.byteLength)
    for (const frame of rest) this.forward(call.caller, instance, frame, 0, frame.byteLength)
  }

  /** Its callee's session is lost, and may come back with it. It keeps its turn. */
  away(call: CallRecord): void {
    call.state = 'away'
    this.#free(call)
  }

  /** Its callee has come back with it. `instance` stands for who has it. */
  returned(call: CallRecord, instance: Instance): void {
    this.#reserve(call, instance)
    call.state = 'handed'
    call.handedAfter = RETURNED
  }

  /** A stored call that its callee gave back or was lost with leaves it, and keeps its turn. Its place there is free. */
  back(call: CallRecord): void {
    call.state = 'queued'
    this.#free(call)
  }

  /** The same goes on, as if it had just come. */
  again(call: CallRecord): void {
    this.#place(call, STORED, 0, 0)
    // It may have left room for another one, and wait behind that itself.
    this.advance(call.route.address.service)
  }

  /** One of an earlier start of the router, which somebody may have: it has its turn, or waits for one that has. */
  recovered(call: CallRecord): void {
    if (call.terms?.orderKey !== undefined) this.#orders.enter(call)
  }

  // ---- what changes

  /** Room may have appeared for what waits: an instance answered, came back or caught up. */
  advance(service: string): void {
    if (!this.held.isWaitedFor(service)) return
    for (let next = this.#next(service); next !== undefined; next = this.#next(service)) this.#give(next)
  }

  /** Instances came or went. */
  changed(service: string): void {
    if (!this.held.isWaitedFor(service)) return
    this.held.unpark(service)
    const { routes } = this.#parts
    const lanes = [...this.held.lanes(service)].filter(({ oldest }) => !this.#isPlain(oldest!))
    for (const call of lanes.flatMap((lane) => [...lane])) {
      // What became of one before it may have given this one its place.
      if (call.lane === undefined) continue
      const route = routes.refresh(call.route)
      if (route.candidates.length === 0 && !isPatient(call)) this.#parts.refuse(call, this.#parts.nobody(route))
      else if (holdsEveryPlace(call, route.candidates)) this.#parts.refuse(call, reentrant(call))
      else if (call.bound === undefined ? isBinding(call) : !call.bound.offered) this.held.queue(call, this.#lane(call))
    }
    this.advance(service)
  }

  /** The call has ended: its place and its turn are free. */
  left(call: CallRecord): void {
    this.held.remove(call)
    if (call.terms?.orderKey !== undefined) {
      const next = this.#orders.leave(call)
      if (next !== undefined) this.#turn(next)
    }
    this.#free(call)
  }

  /** Passes a frame on toward the callee, addressed to the instance. */
  forward(caller: Session, instance: Instance, bytes: Uint8Array, start: number, end: number): void {
    writeU32(bytes, start + Offset.destination, instance.symbol)
    const { channel } = instance.session
    channel.push(bytes, start, end)
    if (channel.outboundBytes > this.#parts.limits.maxOutboundBytes) channel.holdBack(caller.channel)
  }

  /**
   * Somebody who takes a call of which nobody will hear, and needs no place for it; undefined where it has to be kept account of. How much waits for
   * them already does not count: `forward` takes the credit from who sends too much, where to hold it would end in dropping it.
   */
  freely(caller: Session, route: Route): Instance | undefined {
    if (route.perCaller || this.held.waiting(route.address.service, route.text)) return undefined
    const instance = leastBusy(route, Number.POSITIVE_INFINITY)
    if (instance === undefined || Number.isFinite(instance.offer.concurrency)) return undefined
    this.introduce(caller, instance.session)
    instance.given++
    return instance
  }

  /** Tells a callee once who stands behind a source. */
  introduce(caller: Session, callee: Session): void {
    if (caller.introducedTo.has(callee)) return
    caller.introducedTo.add(callee)
    callee.knows.add(caller)
    const who = extensionField(Tag.principal, JSON.stringify([caller.name, caller.principal, caller.incarnation]))
    callee.channel.write({ type: FrameType.symbol, source: caller.symbol }, joinFields([who]))
  }

  // ---- where to

  #place(call: CallRecord, bytes: Uint8Array, start: number, end: number): void {
    const lane = this.#lane(call)
    const instance = this.held.waiting(call.route.address.service, lane) ? undefined : this.#choose(call)
    if (instance !== undefined) {
      if (call.receipt !== undefined) return this.#lease(call, instance)
      this.#reserve(call, instance)
      return this.#depart(call, instance, bytes, start, end)
    }
    const { bound } = call
    if (holdsEveryPlace(call, bound === undefined ? call.route.candidates : [bound])) return this.#parts.refuse(call, reentrant(call))
    if (this.#hold(call, bytes, start, end)) this.held.queue(call, lane)
  }

  /** False where there was no room to hold it: then it was refused. What is stored is never refused for room. */
  #hold(call: CallRecord, bytes: Uint8Array, start: number, end: number): boolean {
    if (call.receipt !== undefined) {
      call.state = 'queued'
      this.held.wait(call)
      return true
    }
    if (!this.held.hasRoom(call.route.address.service, end - start)) {
      this.#parts.refuse(call, overloaded(call.route))
      return false
    }
    call.state = 'queued'
    this.held.keep(call, bytes.slice(start, end))
    return true
  }

  /** Stored calls stand in lanes of their own: very many may wait there, and nobody behind them. */
  #lane(call: CallRecord): string {
    const lane = this.#laneOf(call)
    if (call.receipt === undefined) return lane
    const isPlain = call.terms === undefined && call.during === undefined && !call.route.perCaller
    return isPlain ? call.route.plainLane : `+${lane}`
  }

  /** Whether all that are in the lane of this call wait for anybody: who comes or goes is nothing to them. */
  #isPlain({ lane, route }: CallRecord): boolean {
    return lane === route.plainLane && !this.#parts.routes.refresh(route).perCaller
  }

  /** The lane in which the call would wait, and in `bound` the instance that it waits for, where another one will not do. */
  #laneOf(call: CallRecord): string {
    const { route, terms } = call
    if (terms === undefined && !route.perCaller) return route.text
    const key = terms?.sticky ?? (route.perCaller ? call.caller.id : undefined)
    call.bound = key !== undefined ? belongsTo(route, key) : terms?.isInTurn === true ? inTurn(route) : undefined
    return call.bound === undefined ? route.text : `=${call.bound.symbol}`
  }

  #choose({ bound, route, receipt }: CallRecord): Instance | undefined {
    const { windowBytes, maxLeased } = this.#parts.limits
    const mostLeased = receipt === undefined ? undefined : maxLeased
    if (bound === undefined) return leastBusy(route, windowBytes, mostLeased)
    return hasRoom(bound, windowBytes, mostLeased) ? bound : undefined
  }

  // ---- what waits

  /** The call that waits for longest among those that somebody has room for. */
  #next(service: string): { call: CallRecord; instance: Instance } | undefined {
    let call: CallRecord | undefined
    let instance: Instance | undefined
    for (const lane of this.held.lanes(service)) {
      const head = lane.oldest
      if (head === undefined || (call !== undefined && head.arrival > call.arrival)) continue
      this.#parts.routes.refresh(head.route)
      const found = this.#choose(head)
      if (found === undefined) {
        if (head.route.candidates.length === 0) this.held.park(head)
        continue
      }
      call = head
      instance = found
    }
    return call && { call, instance: instance! }
  }

  #give({ call, instance }: { call: CallRecord; instance: Instance }): void {
    const frames = this.held.remove(call)
    if (call.receipt !== undefined) return this.#lease(call, instance)
    this.#reserve(call, instance)
    this.depart(call, frames)
  }

  /** A frame says what was true when it came: its time has passed since, and the symbol of its method may have lost its meaning. */
  #renew(call: CallRecord, frame: Uint8Array): void {
    // 0 stands for no deadline of the caller's.
    if (hasTtl(frame)) writeU32(frame, Offset.ttl, Math.max(1, Math.ceil(call.deadlineMs - this.#parts.clock.nowMs())))
    if (call.method !== undefined && readU32(frame, Offset.method) !== 0)
      writeU32(frame, Offset.method, this.#parts.registry.methodSymbol(call.method))
  }

  /** The place is the call's, which leaves when `lease` has done its work. */
  #lease(call: CallRecord, instance: Instance): void {
    this.#reserve(call, instance)
    call.state = 'leased'
    this.#parts.lease(call, instance)
  }

  /** From here on the instance's client knows the caller: by that, what its session loses is found, also what has not left yet. */
  #reserve(call: CallRecord, instance: Instance): void {
    if (!call.caller.introducedTo.has(instance.session)) this.introduce(call.caller, instance.session)
    call.instance = instance
    instance.inFlight++
    call.isLeased = call.receipt !== undefined
    if (call.isLeased) instance.leased++
    instance.given++
    instance.session.handling++
  }

  #depart(call: CallRecord, instance: Instance, bytes: Uint8Array, start: number, end: number): void {
    call.state = 'handed'
    call.handedAfter = instance.session.channel.packets
    // Nobody else is told, so the router asks for the end.
    if (call.silent) bytes[start + Offset.flags]! |= Flag.statusesWanted
    this.forward(call.caller, instance, bytes, start, end)
    this.#parts.handed(call)
  }

  #turn(call: CallRecord): void {
    this.#turns.push(call)
    if (this.#turning) return
    this.#turning = true
    for (let next = this.#turns.shift(); next !== undefined; next = this.#turns.shift()) {
      if (next.state !== 'queued') continue
      const route = this.#parts.routes.refresh(next.route)
      if (route.candidates.length === 0 && !isPatient(next)) {
        this.#parts.refuse(next, this.#parts.nobody(route))
        continue
      }
      if (holdsEveryPlace(next, route.candidates)) {
        this.#parts.refuse(next, reentrant(next))
        continue
      }
      this.held.queue(next, this.#lane(next))
      this.advance(route.address.service)
    }
    this.#turning = false
  }

  /** Its place is somebody else's. */
  #free(call: CallRecord): void {
    const { instance } = call
    if (instance === undefined) return
    call.instance = undefined
    instance.inFlight--
    if (call.isLeased) instance.leased--
    instance.session.handling--
    if (hasRoom(instance, this.#parts.limits.windowBytes)) this.advance(instance.service.name)
  }
}

/** Of a call that did not leave in this session, so that it has left in any case. */
const RETURNED = -1

/** It may wait for somebody who is not there. */
function isPatient(call: CallRecord): boolean {
  return call.receipt !== undefined || call.terms?.waitMs !== undefined
}

/** It goes to one instance of its own choice, which was not there when it came. */
function isBinding({ terms, route }: CallRecord): boolean {
  return route.perCaller || terms?.sticky !== undefined || terms?.isInTurn === true
}

function reentrant({ route }: CallRecord): WaybillError {
  return new WaybillError(
    'Reentrant',
    `the call to ${route.address.service} was made during a call that it would have to wait for: raise the concurrency, or do not wait for it`,
  )
}

function overloaded(route: Route): WaybillError {
  return new WaybillError('Overloaded', `no instance of ${route.address.service} has room and the queue is full`, {
    details: { retryAfterMs: 100 },
  })
}

function hasTtl(frame: Uint8Array): boolean {
  return (frame[Offset.ttl]! | frame[Offset.ttl + 1]! | frame[Offset.ttl + 2]! | frame[Offset.ttl + 3]!) !== 0
}
