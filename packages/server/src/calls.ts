/**
 * The calls between sessions: reads the frames of callers and callees, moves each call through `routerTable`, and passes the frames on as they
 * are. Two header fields are written on the way: the destination of a call becomes the chosen instance, and the ttl of a call that was held becomes
 * what is left of it. Owns `CallRecord`s.
 */
import {
  executed,
  extensionField,
  findField,
  findText,
  Flag,
  FrameType,
  joinFields,
  Offset,
  quoted,
  routerHolder,
  routerTable,
  Tag,
  WaybillError,
  Wheel,
  writeU32,
  type Clock,
  type FrameReader,
  type RouterEvent,
} from '@waybill/core'
import type { Access } from './access.js'
import { except, reject } from './answers.js'
import { Held } from './held.js'
import type { Limits } from './limits.js'
import { CallRecord, type Instance, type Route, type Session } from './model.js'
import type { Registry } from './registry.js'
import type { Routes } from './routes.js'
import { choose, hasRoom, nobody } from './routing.js'
import type { Sessions } from './sessions.js'
import { Throttle } from './throttle.js'

export interface CallCounts {
  /** Calls read since the start. */
  calls: number
  /** Frames for a call that had ended, or that did not belong to who sent them. */
  stale: number
}

export class Calls {
  readonly counts: CallCounts = { calls: 0, stale: 0 }
  readonly held: Held
  readonly #wheel: Wheel
  readonly #limits: Limits
  readonly #clock: Clock
  readonly #authorize: Access['authorize']
  readonly #sessions: Sessions
  readonly #registry: Registry
  readonly #routes: Routes
  readonly #throttle: Throttle

  constructor(parts: { limits: Limits; clock: Clock; access: Access; sessions: Sessions; registry: Registry; routes: Routes }) {
    this.#limits = parts.limits
    this.#clock = parts.clock
    this.#authorize = parts.access.authorize
    this.#sessions = parts.sessions
    this.#registry = parts.registry
    this.#routes = parts.routes
    this.#wheel = new Wheel(parts.clock)
    this.#throttle = new Throttle(parts.clock, parts.limits)
    this.held = new Held(parts.limits)
  }

  get pending(): number {
    return this.#wheel.size
  }

  // ---- from callers

  /** A call, to where its route leads. */
  call(caller: Session, frame: FrameReader, route: Route): void {
    this.counts.calls++
    const number = frame.call
    if (caller.calls.get(number) !== undefined) throw new WaybillError('ProtocolViolation', `call ${number} is already pending`)
    const refusal = this.#refusal(caller, frame, route)
    const data = dataField(frame)
    if (refusal !== undefined) return reject(caller, number, refusal, data)
    const call = new CallRecord(caller, number, route, this.#expire)
    call.data = data
    call.incomplete = (frame.flags & Flag.more) !== 0
    call.bodyBytes = frame.end - frame.bodyStart
    const ttlMs = frame.ttlMs === 0 ? this.#limits.maxDeadlineMs : Math.min(frame.ttlMs, this.#limits.maxDeadlineMs)
    caller.calls.add(number, call)
    this.#wheel.add(call, caller.channel.heardMs + ttlMs)
    const instance = this.held.waiting(route.address.service) ? undefined : choose(route, this.#limits.windowBytes)
    if (instance !== undefined) return this.#hand(call, instance, frame.bytes, frame.start, frame.end)
    this.#hold(call, frame)
  }

  /** More of a call's body. */
  callChunk(caller: Session, frame: FrameReader): void {
    const call = caller.calls.get(frame.call)
    if (call === undefined || !call.incomplete) return this.#stale()
    if ((frame.flags & Flag.more) === 0) call.incomplete = false
    call.bodyBytes += frame.end - frame.bodyStart
    if (call.bodyBytes > this.#limits.maxBodyBytes) return this.#tooLarge(call)
    if (call.state === 'queued') {
      if (!this.held.hasRoom(call.route.address.service, frame.end - frame.start)) return this.#refuse(call, overloaded(call.route))
      return this.held.add(call, frame.bytes.slice(frame.start, frame.end))
    }
    this.#forward(caller, call.instance!, frame.bytes, frame.start, frame.end)
  }

  cancel(caller: Session, frame: FrameReader): void {
    const call = caller.calls.get(frame.call)
    if (call === undefined || call.cancelled) return this.#stale()
    call.cancelled = true
    this.#throttle.cancelled(caller.channel)
    if (routerTable[call.state].cancel === 'settled')
      return this.#end(call, 'cancel', new WaybillError('Cancelled', 'the call was cancelled before it was handed over'))
    this.#forward(caller, call.instance!, frame.bytes, frame.start, frame.end)
  }

  // ---- from callees

  /** A status or the outcome of a call, from the callee that has it. */
  answer(callee: Session, frame: FrameReader, event: RouterEvent): void {
    const caller = frame.source === callee.symbol ? this.#sessions.bySymbol(frame.destination) : undefined
    const call = caller?.calls.get(frame.call)
    if (caller === undefined || call === undefined || call.instance?.session !== callee) return this.#stale()
    const next = routerTable[call.state][event]
    if (next === 'wrong') return this.#stale()
    caller.channel.push(frame.bytes, frame.start, frame.end)
    if (caller.channel.outboundBytes > this.#limits.maxOutboundBytes) caller.channel.holdBack(callee.channel)
    if (next === 'stay') return
    if (next !== 'settled') call.state = next
    else if ((frame.flags & Flag.more) === 0) this.#settle(call)
    // The callee has spoken its last word; the chunks that follow belong to it.
    else {
      call.state = 'started'
      call.answering = true
    }
  }

  answerChunk(callee: Session, frame: FrameReader): void {
    const caller = frame.source === callee.symbol ? this.#sessions.bySymbol(frame.destination) : undefined
    const call = caller?.calls.get(frame.call)
    if (caller === undefined || !call?.answering || call.instance?.session !== callee) return this.#stale()
    caller.channel.push(frame.bytes, frame.start, frame.end)
    if (caller.channel.outboundBytes > this.#limits.maxOutboundBytes) caller.channel.holdBack(callee.channel)
    if ((frame.flags & Flag.more) === 0) this.#settle(call)
  }

  // ---- from the router itself

  /** Room may have appeared for what waits for this service: an instance came, came back, answered or caught up. */
  advance(service: string): void {
    if (!this.held.waiting(service)) return
    for (const call of this.held.of(service)) {
      const route = this.#routes.refresh(call.route)
      if (route.candidates.length === 0) {
        this.#refuse(call, this.#nobody(route))
        continue
      }
      const instance = choose(route, this.#limits.windowBytes)
      // An address that means every instance: nobody has room, so nobody else's turn can have come.
      if (instance === undefined && route.candidates.length === route.service?.instances.length) return
      if (instance === undefined) continue
      for (const [index, frame] of this.held.remove(call).entries()) {
        if (index === 0) {
          // The frame says what was left when it came; the callee must know what is left now. 0 stands for no deadline of the caller's.
          if (hasTtl(frame)) writeU32(frame, Offset.ttl, Math.max(1, Math.ceil(call.dueMs - this.#clock.nowMs())))
          this.#hand(call, instance, frame, 0, frame.byteLength)
        } else this.#forward(call.caller, instance, frame, 0, frame.byteLength)
      }
    }
  }

  /** The session is gone for good, as caller and as callee. */
  lost(session: Session, reason: string): void {
    for (const call of session.calls.values()) {
      if (call.instance !== undefined && !call.cancelled) this.#tellCancel(call)
      this.held.remove(call)
      this.#settle(call)
    }
    for (const other of session.introducedTo) {
      other.channel.write({ type: FrameType.symbol, source: session.symbol })
      other.knows.delete(session)
    }
    for (const caller of session.knows) caller.introducedTo.delete(session)
    const instances = [...session.instances]
    for (const instance of instances) this.#registry.withdraw(instance)
    if (session.handling > 0) this.#loseHanded(session, reason)
    for (const instance of instances) this.advance(instance.service.name)
  }

  /** The router is closing: every call gets its verdict while there is somebody to tell. */
  close(): void {
    const pending = [...this.#sessions.all()].flatMap((session) => session.calls.values())
    const closing = (): WaybillError => new WaybillError('RouterLost', 'the router is closing', { executed: 'no' })
    // What waits goes first, or the places that the others leave would be given to it.
    for (const call of pending) if (call.instance === undefined) this.#refuse(call, closing())
    for (const call of pending) if (call.instance !== undefined) this.#end(call, 'calleeLost', closing())
    this.#wheel.stop()
    this.#throttle.stop()
  }

  #loseHanded(callee: Session, reason: string): void {
    for (const caller of this.#sessions.all()) {
      for (const call of caller.calls.values()) {
        if (call.instance?.session !== callee) continue
        // It never left: who sends it again, as clients do by themselves, finds another instance or is told that there is none.
        if (call.handedAfter === callee.channel.packets) this.#refuse(call, gone(callee))
        else this.#end(call, 'calleeLost', new WaybillError('WorkerLost', `${callee.name}, which had the call, ${reason}`))
      }
    }
  }

  #refusal(caller: Session, frame: FrameReader, route: Route): WaybillError | undefined {
    if (caller.calls.size >= this.#limits.maxCallsPerSession) {
      return new WaybillError('Overloaded', `you have ${caller.calls.size} calls pending, as many as this router allows`, {
        details: { retryAfterMs: 100 },
      })
    }
    if ((frame.flags & (Flag.noReply | Flag.durable | Flag.sealed | Flag.references)) !== 0) {
      return new WaybillError('Unsupported', 'this router cannot carry such a call yet')
    }
    if (this.#authorize !== undefined) {
      const method = findText(frame, Tag.method) ?? this.#registry.methods.get(frame.method)
      const { service } = route.address
      if (!this.#authorize(caller.principal, 'call', { client: caller.name, service, ...(method !== undefined && { method }) })) {
        return new WaybillError('Forbidden', `${caller.principal} may not call ${service}.${method === undefined ? '?' : quoted(method)}`)
      }
    }
    return route.candidates.length === 0 ? this.#nobody(route) : undefined
  }

  #nobody(route: Route): WaybillError {
    return nobody(route.address, route.service?.instances ?? [], (client) => this.#sessions.isConnected(client))
  }

  #hold(call: CallRecord, frame: FrameReader): void {
    if (!this.held.hasRoom(call.route.address.service, frame.end - frame.start)) return this.#refuse(call, overloaded(call.route))
    call.state = 'queued'
    this.held.add(call, frame.bytes.slice(frame.start, frame.end))
  }

  #hand(call: CallRecord, instance: Instance, bytes: Uint8Array, start: number, end: number): void {
    call.state = 'handed'
    call.handedAfter = instance.session.channel.packets
    call.instance = instance
    instance.inFlight++
    instance.session.handling++
    if (!call.caller.introducedTo.has(instance.session)) this.#introduce(call.caller, instance.session)
    this.#forward(call.caller, instance, bytes, start, end)
  }

  /** Passes a frame on toward the callee, addressed to the instance. */
  #forward(caller: Session, instance: Instance, bytes: Uint8Array, start: number, end: number): void {
    writeU32(bytes, start + Offset.destination, instance.symbol)
    const { channel } = instance.session
    channel.push(bytes, start, end)
    if (channel.outboundBytes > this.#limits.maxOutboundBytes) channel.holdBack(caller.channel)
  }

  /** Tells a callee once who stands behind a source. */
  #introduce(caller: Session, callee: Session): void {
    caller.introducedTo.add(callee)
    callee.knows.add(caller)
    const who = extensionField(Tag.principal, JSON.stringify([caller.name, caller.principal, caller.incarnation]))
    callee.channel.write({ type: FrameType.symbol, source: caller.symbol }, joinFields([who]))
  }

  readonly #expire = (call: CallRecord): void => {
    const before = executed(routerHolder(call.state)) === 'no'
    const error = new WaybillError(
      'DeadlineExceeded',
      before ? 'nobody had room for the call before its deadline' : 'the call did not end before its deadline',
    )
    if (!before && !call.cancelled) this.#tellCancel(call)
    this.#end(call, 'deadline', error)
  }

  #tellCancel(call: CallRecord): void {
    const { symbol, session } = call.instance!
    session.channel.write({ type: FrameType.cancel, destination: symbol, source: call.caller.symbol, call: call.number })
  }

  #refuse(call: CallRecord, error: WaybillError): void {
    reject(call.caller, call.number, error, call.data)
    this.#settle(call)
  }

  /** Ends a call by the router's own word; who held it decides what is said of its execution. */
  #end(call: CallRecord, event: RouterEvent, error: WaybillError): void {
    if (routerTable[call.state][event] !== 'settled') return this.#stale()
    except(call.caller, call.number, error, executed(routerHolder(call.state)), call.data)
    this.#settle(call)
  }

  #settle(call: CallRecord): void {
    if (call.state === 'settled') return
    call.state = 'settled'
    this.held.remove(call)
    this.#wheel.remove(call)
    call.caller.calls.delete(call.number)
    const { instance } = call
    if (instance === undefined) return
    instance.inFlight--
    instance.session.handling--
    if (hasRoom(instance, this.#limits.windowBytes)) this.advance(instance.service.name)
  }

  /** A caller that goes on past the limit that it was told. A callee that has the beginning forgets it, so it certainly never starts. */
  #tooLarge(call: CallRecord): void {
    const { maxBodyBytes: limit } = this.#limits
    if (call.instance !== undefined) this.#tellCancel(call)
    const details = { limit, size: call.bodyBytes }
    this.#refuse(
      call,
      new WaybillError('TooLarge', `the body of the call is over the limit of ${limit} bytes`, { executed: 'no', details }),
    )
  }

  #stale(): void {
    this.counts.stale++
  }
}

function overloaded(route: Route): WaybillError {
  return new WaybillError('Overloaded', `no instance of ${route.address.service} has room and the queue is full`, {
    details: { retryAfterMs: 100 },
  })
}

function gone(callee: Session): WaybillError {
  return new WaybillError('Overloaded', `${callee.name} left before the call could be sent to it`, { details: { retryAfterMs: 0 } })
}

/** The caller's own data, to be returned with whatever the router says of the call. */
function dataField(frame: FrameReader): Uint8Array | undefined {
  const data = frame.extensionBytes === 0 ? undefined : findField(frame, Tag.data)
  return data && extensionField(Tag.data, data)
}

function hasTtl(frame: Uint8Array): boolean {
  return (frame[Offset.ttl]! | frame[Offset.ttl + 1]! | frame[Offset.ttl + 2]! | frame[Offset.ttl + 3]!) !== 0
}
