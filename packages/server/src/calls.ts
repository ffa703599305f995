/**
 * The calls between sessions: reads the frames of callers and callees, moves each call through `routerTable`, and passes what its callee says on
 * to whoever is to hear it. Owns `CallRecord`s, their deadlines and their ends; how they reach an instance is `Delivery`'s, what is kept of stored
 * ones is `Receipts`'.
 */
import {
  executed,
  Flag,
  FrameType,
  Offset,
  parseBody,
  prepareBody,
  readSerialNumber,
  routerHolder,
  routerTable,
  WaybillError,
  Wheel,
  type Clock,
  type FrameReader,
  type RouterEvent,
} from '@waybill/core'
import type { Access } from './access.js'
import { except, reject } from './answers.js'
import { Delivery } from './delivery.js'
import type { Limits } from './limits.js'
import { CallRecord, type Receipt, type ReceiptState, type Route, type Session } from './model.js'
import { Permission } from './permission.js'
import { noSuchReceipt, type Receipts } from './receipts.js'
import { runningAt } from './reentrance.js'
import type { Registry } from './registry.js'
import type { Routes } from './routes.js'
import { nobody } from './routing.js'
import type { Sessions } from './sessions.js'
import { readTerms, type CallTerms } from './terms.js'
import { Throttle } from './throttle.js'

export interface CallCounts {
  /** Calls read since the start. */
  calls: number
  /** Frames for a call that had ended, or that did not belong to who sent them. */
  stale: number
  /** Calls without a reply that reached nobody. */
  dropped: number
}

export class Calls {
  readonly counts: CallCounts = { calls: 0, stale: 0, dropped: 0 }
  readonly delivery: Delivery
  readonly #wheel: Wheel
  readonly #limits: Limits
  readonly #permission: Permission
  readonly #sessions: Sessions
  readonly #registry: Registry
  readonly #routes: Routes
  readonly #receipts: Receipts
  readonly #throttle: Throttle

  constructor(parts: {
    limits: Limits
    clock: Clock
    access: Access
    sessions: Sessions
    registry: Registry
    routes: Routes
    receipts: Receipts
  }) {
    const { limits, clock, sessions, registry, routes } = parts
    this.#limits = limits
    this.#sessions = sessions
    this.#registry = registry
    this.#routes = routes
    this.#receipts = parts.receipts
    this.#wheel = new Wheel(clock)
    this.#throttle = new Throttle(clock, limits)
    this.#permission = new Permission(parts.access, sessions)
    this.delivery = new Delivery({
      limits,
      clock,
      routes,
      nobody: (route) => this.#nobody(route),
      refuse: (call, error) => this.#refuse(call, error),
      handed: (call) => this.#handed(call),
    })
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
    const terms = readTerms(frame)
    const refusal = this.#refusal(caller, frame, route, terms)
    if (refusal !== undefined) return this.refuseFrame(caller, frame, refusal, terms?.data)
    if ((frame.flags & (Flag.noReply | Flag.durable | Flag.more)) === Flag.noReply && terms === undefined) {
      const instance = this.delivery.freely(caller, route)
      if (instance !== undefined) return this.delivery.forward(caller, instance, frame.bytes, frame.start, frame.end)
    }
    const call = this.#record(caller, frame, route, terms)
    if ((frame.flags & Flag.durable) !== 0) {
      call.method = this.#registry.methodOf(frame)
      return this.#gather(call, frame)
    }
    call.silent = (frame.flags & Flag.noReply) !== 0
    this.delivery.accept(call, frame.bytes, frame.start, frame.end)
  }

  /** More of a call's body. */
  callChunk(caller: Session, frame: FrameReader): void {
    const call = caller.calls.get(frame.call)
    if (call === undefined || !call.incomplete) return this.#stale()
    if ((frame.flags & Flag.more) === 0) call.incomplete = false
    call.bodyBytes += frame.end - frame.bodyStart
    if (call.bodyBytes > this.#limits.maxBodyBytes) return this.#tooLarge(call)
    this.delivery.chunk(call, frame.bytes, frame.start, frame.end)
    if (!call.incomplete && call.state === 'received') this.#store(call)
  }

  /** Of a call, or of the watching of one. */
  cancel(caller: Session, frame: FrameReader): void {
    const call = caller.calls.get(frame.call)
    if (call === undefined && this.#receipts.unwatch(caller, frame.call)) return
    if (call === undefined || call.cancelled || (call.silent && call.receipt === undefined)) return this.#stale()
    this.#throttle.cancelled(caller.channel)
    if (routerTable[call.state].cancel === 'settled') return void this.cancelStored(call)
    call.cancelled = true
    this.delivery.forward(caller, call.instance!, frame.bytes, frame.start, frame.end)
  }

  /** The same without a frame of the caller's. False where it had been cancelled already. */
  cancelStored(call: CallRecord): boolean {
    if (call.cancelled || call.state === 'settled') return false
    call.cancelled = true
    if (routerTable[call.state].cancel === 'settled')
      this.#end(call, 'cancel', new WaybillError('Cancelled', 'the call was cancelled before it was handed over'), 'cancelled')
    else this.#tellCancel(call)
    return true
  }

  /** Somebody wants to know what becomes of a stored call. */
  watch(session: Session, frame: FrameReader): void {
    const number = frame.call
    if (session.watches.size >= this.#limits.maxCallsPerSession) return reject(session, number, tooMany(session.watches.size))
    const sn = readTerms(frame)?.sn ?? ''
    const receipt = this.#receipts.find(session.principal, sn)
    if (receipt === undefined) return reject(session, number, noSuchReceipt(sn))
    this.#receipts.watch(session, number, receipt)
  }

  // ---- from callees

  /** A status or the outcome of a call, from the callee that has it. */
  answer(callee: Session, frame: FrameReader, event: RouterEvent): void {
    const caller = frame.source === callee.symbol ? this.#sessions.bySymbol(frame.destination) : undefined
    const call = caller?.calls.get(frame.call)
    if (caller === undefined || call === undefined || call.instance?.session !== callee) return this.#stale()
    const next = routerTable[call.state][event]
    if (next === 'wrong') return this.#stale()
    if (call.isHeardOf) this.#pass(caller, callee, frame)
    else if (call.receipt !== undefined) {
      if (event === 'rejected' && !call.cancelled && isGivenBack(frame)) return this.#redeliver(call, call.receipt)
      this.#receipts.heard(call.receipt, frame, stateAfter(call, event))
    }
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
    if (call.isHeardOf) this.#pass(caller, callee, frame)
    else if (call.receipt !== undefined) this.#receipts.heard(call.receipt, frame, undefined)
    if ((frame.flags & Flag.more) === 0) this.#settle(call)
  }

  #pass(caller: Session, callee: Session, frame: FrameReader): void {
    caller.channel.push(frame.bytes, frame.start, frame.end)
    if (caller.channel.outboundBytes > this.#limits.maxOutboundBytes) caller.channel.holdBack(callee.channel)
  }

  // ---- from the router itself

  /** The session is gone for good, as caller and as callee. */
  lost(session: Session, reason: string): void {
    this.#receipts.lost(session)
    for (const call of session.calls.values()) {
      // What is stored, and what nobody waits for, needs no caller.
      if (call.receipt !== undefined || (call.silent && !call.incomplete)) continue
      if (call.instance !== undefined && !call.cancelled) this.#tellCancel(call)
      this.#silence(call)
    }
    if (session.calls.size === 0) this.#gone(session)
    for (const caller of session.knows) caller.introducedTo.delete(session)
    const instances = [...session.instances]
    for (const instance of instances) this.#registry.withdraw(instance)
    if (session.handling > 0) this.#loseHanded(session, reason)
    for (const instance of instances) this.delivery.changed(instance.service.name)
  }

  /** The router is closing: every call gets its verdict while there is somebody to tell. */
  close(): void {
    const pending = [...this.#sessions.withCalls()].flatMap((session) => session.calls.values())
    const closing = (): WaybillError => new WaybillError('RouterLost', 'the router is closing', { executed: 'no' })
    // What waits goes first, or the places that the others leave would be given to it.
    for (const call of pending) if (call.instance === undefined) this.#refuse(call, closing())
    for (const call of pending) if (call.instance !== undefined) this.#end(call, 'calleeLost', closing(), 'indeterminate')
    this.#wheel.stop()
    this.#throttle.stop()
    this.#receipts.stop()
  }

  #loseHanded(callee: Session, reason: string): void {
    for (const caller of this.#sessions.withCalls()) {
      for (const call of caller.calls.values()) {
        if (call.instance?.session !== callee) continue
        const hasLeft = call.handedAfter !== callee.channel.packets
        if (call.receipt !== undefined) this.#loseStored(call, call.receipt, hasLeft, reason)
        // It never left: who sends it again, as clients do by themselves, finds another instance or is told that there is none.
        else if (!hasLeft) this.#refuse(call, gone(callee))
        else this.#end(call, 'calleeLost', workerLost(callee, reason))
      }
    }
  }

  #loseStored(call: CallRecord, receipt: Receipt, hasLeft: boolean, reason: string): void {
    const { offer, session } = call.instance!
    if (hasLeft) receipt.attempts++
    if (call.cancelled || (hasLeft && !offer.idempotent.has(receipt.method)))
      return this.#end(call, 'calleeLost', workerLost(session, reason), 'indeterminate')
    if (receipt.attempts < this.#limits.maxAttempts) return this.#redeliver(call, receipt)
    const times = `${receipt.attempts} instances that took it were lost, the last one ${session.name}`
    this.#end(call, 'calleeLost', new WaybillError('WorkerLost', times), 'dead')
  }

  /** Its callee has not done it: it goes to another one. What has begun stays with its version. */
  #redeliver(call: CallRecord, receipt: Receipt): void {
    if (call.state === 'started') call.route = this.#routes.narrowed(call.route, call.instance!.offer.version)
    else this.#routes.refresh(call.route)
    call.state = 'queued'
    receipt.frames[0]![Offset.attempt] = receipt.attempts + 1
    this.#receipts.moved(receipt, 'stored')
    this.delivery.again(call, receipt.frames)
  }

  // ---- what begins

  #record(caller: Session, frame: FrameReader, route: Route, terms: CallTerms | undefined): CallRecord {
    const call = new CallRecord(caller, frame.call, route, terms, this.#expire)
    const { maxDeadlineMs } = this.#limits
    const nowMs = caller.channel.heardMs
    call.incomplete = (frame.flags & Flag.more) !== 0
    call.bodyBytes = frame.end - frame.bodyStart
    call.deadlineMs = nowMs + (frame.ttlMs === 0 ? maxDeadlineMs : Math.min(frame.ttlMs, maxDeadlineMs))
    call.waitUntilMs = terms?.waitMs === undefined ? call.deadlineMs : Math.min(nowMs + terms.waitMs, call.deadlineMs)
    if (terms?.within !== undefined) {
      const { source, number } = terms.within
      call.during = runningAt(caller, this.#sessions.bySymbol(source)?.calls.get(number))
    }
    caller.calls.add(frame.call, call)
    this.#wheel.add(call, call.waitUntilMs)
    return call
  }

  /** A call that is to be stored is kept until it is whole. */
  #gather(call: CallRecord, frame: FrameReader): void {
    const { held } = this.delivery
    if (!held.hasRoom(call.route.address.service, frame.end - frame.start)) return this.#refuse(call, tooMany(held.calls))
    held.keep(call, frame.bytes.slice(frame.start, frame.end))
    if (!call.incomplete) this.#store(call)
  }

  #store(call: CallRecord): void {
    const { caller, number, terms } = call
    const frames = this.delivery.held.remove(call)
    const first = frames[0]!
    const asks = (first[Offset.flags]! & Flag.noReply) === 0
    let receipt: Receipt
    try {
      receipt = this.#receipts.store(call, call.method ?? '', frames)
    } catch (thrown) {
      return this.#refuse(call, WaybillError.from(thrown, 'no'))
    }
    call.state = 'stored'
    // For the callee it is a call like any other, whose statuses are wanted: by the receipt.
    first[Offset.flags] = (first[Offset.flags]! & ~(Flag.noReply | Flag.durable)) | Flag.statusesWanted
    this.#sayStored(caller, number, terms!, false)
    if (asks) this.#receipts.watch(caller, number, receipt)
    this.delivery.accept(call, first, 0, first.byteLength, frames.slice(1))
  }

  #sayStored(caller: Session, call: number, { sn, data }: CallTerms, duplicate: boolean): void {
    const body = prepareBody({ sn, durability: 'memory', ...(duplicate && { duplicate }) })
    caller.channel.write({ type: FrameType.stored, destination: caller.symbol, call }, data, body)
  }

  #handed(call: CallRecord): void {
    if (call.receipt !== undefined) this.#receipts.moved(call.receipt, 'handed')
    if (call.waitUntilMs !== call.deadlineMs) this.#wheel.add(call, call.deadlineMs)
  }

  // ---- what is refused

  /** Refuses a call of which nothing is known yet. */
  refuseFrame(caller: Session, frame: FrameReader, error: WaybillError, data?: Uint8Array): void {
    if ((frame.flags & (Flag.noReply | Flag.durable)) === Flag.noReply) this.counts.dropped++
    else reject(caller, frame.call, error, data)
  }

  #refusal(caller: Session, frame: FrameReader, route: Route, terms: CallTerms | undefined): WaybillError | undefined {
    if (caller.calls.size - caller.storedCalls >= this.#limits.maxCallsPerSession) return tooMany(caller.calls.size)
    if ((frame.flags & (Flag.sealed | Flag.references)) !== 0) {
      return new WaybillError('Unsupported', 'this router cannot carry such a call yet')
    }
    const isDurable = (frame.flags & Flag.durable) !== 0
    const forbidden = this.#permission.call(caller, route, this.#registry.methodOf(frame))
    if (forbidden !== undefined) return forbidden
    if (terms?.replyto !== undefined) {
      if (!isDurable) return new WaybillError('BadArguments', 'only a stored call can have another client told of it')
      const refused = this.#permission.postback(caller, terms.replyto)
      if (refused !== undefined) return refused
    }
    if (isDurable) return isOwn(caller, frame.call, terms?.sn) ? undefined : new WaybillError('BadArguments', 'a stored call needs its own sn')
    return route.candidates.length === 0 && terms?.waitMs === undefined ? this.#nobody(route) : undefined
  }

  #nobody(route: Route): WaybillError {
    return nobody(route.address, route.service?.instances ?? [], (client) => this.#sessions.isConnected(client))
  }

  // ---- what ends

  readonly #expire = (call: CallRecord): void => {
    const isHere = executed(routerHolder(call.state)) === 'no'
    if (isHere && (call.receipt !== undefined || call.waitUntilMs < call.deadlineMs)) {
      return this.#refuse(call, new WaybillError('Expired', 'nobody took the call within its ttl'), 'expired')
    }
    // Its place is free when its callee says so.
    if (!isHere && call.silent) return
    if (!isHere && !call.cancelled) this.#tellCancel(call)
    const what = isHere ? 'nobody had room for the call before its deadline' : 'the call did not end before its deadline'
    this.#end(call, 'deadline', new WaybillError('DeadlineExceeded', what), 'indeterminate')
  }

  #tellCancel(call: CallRecord): void {
    const { symbol, session } = call.instance!
    call.cancelled = true
    session.channel.write({ type: FrameType.cancel, destination: symbol, source: call.caller.symbol, call: call.number })
  }

  /** It did not reach anybody. */
  #refuse(call: CallRecord, error: WaybillError, state: ReceiptState = 'rejected'): void {
    if (call.state === 'settled') return
    if (call.receipt !== undefined) this.#receipts.rejected(call.receipt, error, state)
    else if (call.silent) this.counts.dropped++
    else reject(call.caller, call.number, error, call.terms?.data)
    this.#settle(call)
  }

  /** Ends a call by the router's own word; who held it decides what is said of its execution. */
  #end(call: CallRecord, event: RouterEvent, error: WaybillError, state: ReceiptState = 'failed'): void {
    if (routerTable[call.state][event] !== 'settled') return this.#stale()
    const known = executed(routerHolder(call.state))
    if (call.receipt !== undefined) this.#receipts.excepted(call.receipt, error, known, state)
    else if (call.silent) this.counts.dropped++
    else except(call.caller, call.number, error, known, call.terms?.data)
    if (event === 'deadline') this.#silence(call)
    else this.#settle(call)
  }

  /** Nobody waits for it any more. Where others wait for its end, its callee's last word is still waited for. */
  #silence(call: CallRecord): void {
    if (call.instance === undefined || call.terms?.orderKey === undefined) return this.#settle(call)
    if (call.receipt !== undefined) this.#receipts.ended(call.receipt)
    call.receipt = undefined
    call.silent = true
    this.#wheel.remove(call)
  }

  #settle(call: CallRecord): void {
    if (call.state === 'settled') return
    const { caller } = call
    call.state = 'settled'
    call.during = undefined
    this.#wheel.remove(call)
    caller.calls.delete(call.number)
    if (call.receipt !== undefined) this.#receipts.ended(call.receipt)
    this.delivery.left(call)
    if (caller.state === 'ended' && caller.calls.size === 0) this.#gone(caller)
  }

  /** A session that has ended and has no calls left: its symbol means nothing any more. */
  #gone(session: Session): void {
    for (const other of session.introducedTo) {
      other.channel.write({ type: FrameType.symbol, source: session.symbol })
      other.knows.delete(session)
    }
    session.introducedTo.clear()
    this.#sessions.release(session)
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

function workerLost(callee: Session, reason: string): WaybillError {
  return new WaybillError('WorkerLost', `${callee.name}, which had the call, ${reason}`)
}

function gone(callee: Session): WaybillError {
  return new WaybillError('Overloaded', `${callee.name} left before the call could be sent to it`, { details: { retryAfterMs: 0 } })
}

function tooMany(count: number): WaybillError {
  return new WaybillError('Overloaded', `there are ${count} calls pending, as many as this router allows`, { details: { retryAfterMs: 100 } })
}

/** A caller stores calls under its own serial numbers only. */
function isOwn(caller: Session, call: number, sn: string | undefined): boolean {
  const parts = sn === undefined ? undefined : readSerialNumber(sn)
  return parts !== undefined && parts.incarnation === caller.incarnation && parts.counter >>> 0 === call
}

/** The callee has no room after all, or leaves, and has not begun. Rejections are Waybill's own words, never the payload. */
function isGivenBack(frame: FrameReader): boolean {
  try {
    return (parseBody(frame.encoding, frame.body()) as { code?: unknown } | undefined)?.code === 'Overloaded'
  } catch {
    return false
  }
}

function stateAfter(call: CallRecord, event: RouterEvent): ReceiptState | undefined {
  switch (event) {
    case 'accepted':
      return 'accepted'
    case 'started':
    case 'progress':
      return 'started'
    case 'result':
      return 'succeeded'
    case 'rejected':
      return 'rejected'
    case 'exception':
      return call.cancelled ? 'cancelled' : 'failed'
    default:
      return undefined
  }
}
