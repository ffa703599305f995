/**
 * The calls between sessions: reads the frames of callers and callees, moves each call through `routerTable`, and passes what its callee says on
 * to whoever is to hear it. Owns `CallRecord`s. How they reach an instance is `Delivery`'s, how they end `Endings`', what is stored `StoredCalls`'.
 */
import {
  findField,
  findText,
  Flag,
  FrameType,
  MAX_TRACE_CHARACTERS,
  readSerialNumber,
  routerTable,
  Tag,
  WaybillError,
  type CallSpan,
  type Clock,
  type FrameReader,
  type Random,
  type RouterEvent,
  type Tracing,
} from '@waybill/core'
import type { Access } from './access.js'
import { reject } from './answers.js'
import { Delivery } from './delivery.js'
import { Endings, endSpan, type CallCounts } from './endings.js'
import type { RouterLog } from './log.js'
import type { Limits } from './limits.js'
import { CallRecord, type Receipt, type Route, type Session } from './model.js'
import { Notes } from './notes.js'
import { Permission } from './permission.js'
import type { Postbacks } from './postbacks.js'
import type { Receipts } from './receipts.js'
import { stateAfter } from './receipt-states.js'
import { runningAt } from './reentrance.js'
import { cannotLeave } from './departing.js'
import { Leasing } from './leasing.js'
import { Making } from './making.js'
import { declaredBy, gone, noRoomForOutcome, readRefusal, refusedAfterLoss, tooMany, workerLost, type Declared } from './refusals.js'
import type { Registry } from './registry.js'
import type { Routes } from './routes.js'
import { nobody } from './routing.js'
import type { Sessions } from './sessions.js'
import { recover } from './recovery.js'
import { Redriving } from './redriving.js'
import { StoredCalls } from './stored.js'
import type { Store } from './store.js'
import type { LastWord, Tally } from './tally.js'
import { readTerms, type CallTerms } from './terms.js'
import { Throttle } from './throttle.js'

export class Calls {
  readonly counts: CallCounts = { calls: 0, stale: 0, dropped: 0 }
  readonly delivery: Delivery
  readonly stored: StoredCalls
  readonly leasing: Leasing
  readonly redriving: Redriving
  readonly making: Making
  readonly notes: Notes
  /** Goes on with the stored calls of earlier starts. Before anybody is let in. */
  readonly recover: () => void
  readonly #endings: Endings
  readonly #limits: Limits
  readonly #permission: Permission
  readonly #sessions: Sessions
  readonly #registry: Registry
  readonly #receipts: Receipts
  readonly #store: Store
  readonly #throttle: Throttle
  readonly #tally: Tally | undefined
  readonly #tracing: Tracing | undefined

  constructor(parts: {
    limits: Limits
    clock: Clock
    access: Access
    sessions: Sessions
    registry: Registry
    routes: Routes
    receipts: Receipts
    store: Store
    postbacks: Postbacks
    random: Random
    log: RouterLog
    tally: Tally | undefined
    tracing: Tracing | undefined
  }) {
    this.#tracing = parts.tracing
    this.#tally = parts.tally
    const { limits, clock, sessions, registry, routes, receipts, store } = parts
    this.#limits = limits
    this.#sessions = sessions
    this.#registry = registry
    this.#receipts = receipts
    this.#store = store
    this.#throttle = new Throttle(clock, limits)
    this.#permission = new Permission(parts.access, sessions)
    this.delivery = new Delivery({
      limits,
      clock,
      routes,
      registry,
      nobody: (route) => this.#nobody(route),
      refuse: (call, error) => this.#endings.refuse(call, error),
      handed: (call) => this.#handed(call),
      lease: (call, instance) => this.leasing.lease(call, instance),
    })
    const left = (call: CallRecord): void => this.delivery.left(call)
    this.#endings = new Endings({ limits, clock, sessions, receipts, counts: this.counts, log: parts.log, tally: parts.tally, left })
    const both = { limits, clock, delivery: this.delivery, endings: this.#endings, receipts, store }
    this.stored = new StoredCalls({ ...both, postbacks: parts.postbacks })
    const sent = { ...both, routes, random: parts.random, permission: this.#permission }
    this.leasing = new Leasing(sent)
    this.notes = new Notes({ limits, receipts, store, leases: this.leasing.leases })
    this.making = new Making({ ...sent, sessions })
    this.redriving = new Redriving({ ...sent, notes: this.notes, making: this.making })
    this.recover = () => recover({ ...both, sessions, routes, leasing: this.leasing, stored: this.stored })
  }

  get pending(): number {
    return this.#endings.wheel.size
  }

  // ---- from callers

  /** A call, to where its route leads. */
  call(caller: Session, frame: FrameReader, route: Route): void {
    this.counts.calls++
    const number = frame.call
    if (caller.calls.get(number) !== undefined || caller.watches.has(number))
      throw new WaybillError('ProtocolViolation', `call ${number} is already pending`)
    let terms: CallTerms | undefined
    try {
      terms = readTerms(frame)
    } catch (thrown) {
      const error = WaybillError.from(thrown)
      if (error.code !== 'BadArguments') throw thrown
      return this.refuseFrame(caller, frame, error)
    }
    const isDurable = (frame.flags & Flag.durable) !== 0
    // Before any refusal, which would say that the call never ran.
    if (isDurable && terms !== undefined && isOwn(caller, number, terms.sn) && this.#repeated(caller, frame, route, terms)) return
    const method = this.#registry.methodOf(frame)
    const refusal = this.#refusal(caller, frame, route, method, terms)
    if (refusal !== undefined) return this.refuseFrame(caller, frame, refusal, terms?.data)
    if ((frame.flags & (Flag.noReply | Flag.durable | Flag.more)) === Flag.noReply && terms === undefined) {
      const instance = this.delivery.freely(caller, route)
      if (instance !== undefined) {
        this.#tally?.ended('sent')
        return this.delivery.forward(caller, instance, frame.bytes, frame.start, frame.end)
      }
    }
    const call = this.#record(caller, frame, route, terms)
    call.method = method
    if (isDurable) {
      call.told = terms?.replyto === undefined ? undefined : this.#permission.addressee(caller, terms.replyto)
      return this.stored.gather(call, frame)
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
    if (call.bodyBytes > this.#limits.maxBodyBytes) return this.#endings.tooLarge(call)
    this.delivery.chunk(call, frame.bytes, frame.start, frame.end)
    if (!call.incomplete && call.state === 'received') this.stored.store(call)
  }

  /** Of a call, or of the watching of one. */
  cancel(caller: Session, frame: FrameReader): void {
    const call = caller.calls.get(frame.call)
    if (call === undefined && this.#receipts.unwatch(caller, frame.call)) return
    if (call === undefined || call.cancelled || (call.silent && call.receipt === undefined)) return this.#stale()
    this.#throttle.cancelled(caller.channel)
    if (call.receipt !== undefined || routerTable[call.state].cancel === 'settled') return void this.stored.cancel(call)
    call.cancelled = true
    this.delivery.forward(caller, call.instance!, frame.bytes, frame.start, frame.end)
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
    else if (call.receipt !== undefined && !this.#keep(call, call.receipt, callee, frame, event)) return
    if (next === 'stay') return
    if (call.span !== undefined && event !== 'result') endSpan(call, new Error(event))
    if (this.#tally !== undefined && next === 'settled')
      this.#tally.answered(call.route.address.service, event as LastWord, callee.channel.heardMs - call.beganMs)
    if (next !== 'settled') call.state = next
    else if ((frame.flags & Flag.more) === 0) this.#endings.settle(call)
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
    else if (call.receipt !== undefined && !this.#keep(call, call.receipt, callee, frame, undefined)) return
    if ((frame.flags & Flag.more) === 0) this.#endings.settle(call)
  }

  // ---- streams, which are told from each other only at their ends

  /** A frame of a stream. From the first `opened` on the call has no deadline of its caller's at the router. */
  streamToCaller(callee: Session, frame: FrameReader): void {
    const caller = frame.source === callee.symbol ? this.#sessions.bySymbol(frame.destination) : undefined
    const call = caller?.calls.get(frame.call)
    if (caller === undefined || call === undefined || call.instance?.session !== callee) return this.#stale()
    const next = routerTable[call.state].progress
    if (next === 'wrong' || call.answering || !call.isHeardOf) return this.#stale()
    if (next !== 'stay') call.state = next
    if (frame.type === FrameType.opened && !call.isOpen) {
      call.isOpen = true
      this.#endings.wheel.add(call, caller.channel.heardMs + this.#limits.maxDeadlineMs)
    }
    this.#pass(caller, callee, frame)
  }

  streamToCallee(caller: Session, frame: FrameReader): void {
    const call = caller.calls.get(frame.call)
    if (call?.instance === undefined || call.incomplete || !call.isHeardOf) return this.#stale()
    this.delivery.forward(caller, call.instance, frame.bytes, frame.start, frame.end)
  }

  /** What the callee of a stored call says of it. False where the call goes on otherwise: it was given back, or has had another end. */
  #keep(call: CallRecord, receipt: Receipt, callee: Session, frame: FrameReader, event: RouterEvent | undefined): boolean {
    const refusal = event === 'rejected' && (frame.flags & Flag.more) === 0 ? readRefusal(frame) : undefined
    if (refusal?.code === 'Overloaded') {
      this.leasing.givenBack(call, refusal.retryAfterMs)
      return false
    }
    if (refusal !== undefined && receipt.attempts > 0) {
      this.#endings.end(call, 'rejected', refusedAfterLoss(refusal.description), 'indeterminate')
      return false
    }
    if (this.#receipts.heard(receipt, frame, event && stateAfter(event, call.cancelled), callee.channel)) return true
    this.#endings.end(call, 'exception', noRoomForOutcome())
    return false
  }

  #pass(caller: Session, callee: Session, frame: FrameReader): void {
    caller.channel.push(frame.bytes, frame.start, frame.end)
    if (caller.channel.outboundBytes > this.#limits.maxOutboundBytes) caller.channel.holdBack(callee.channel)
  }

  // ---- from the router itself

  /** The session is gone for good, as caller and as callee. `mayReturn`: its process may begin another one. */
  lost(session: Session, reason: string, mayReturn: boolean): void {
    this.#receipts.lost(session)
    for (const call of session.calls.values()) {
      // What is stored, and what nobody waits for, needs no caller.
      if (call.receipt !== undefined || (call.silent && !call.incomplete)) continue
      if (call.instance !== undefined && !call.cancelled) this.#endings.tellCancel(call)
      this.#endings.silence(call)
    }
    if (session.calls.size === 0) this.#endings.gone(session)
    const callers = [...session.knows]
    for (const caller of callers) caller.introducedTo.delete(session)
    const instances = [...session.instances]
    for (const instance of instances) this.#registry.withdraw(instance)
    if (session.handling > 0) this.#loseHanded(session, callers, reason, mayReturn)
    for (const instance of instances) this.delivery.changed(instance.service.name)
  }

  /** The router is closing: every call gets its verdict while there is somebody to tell. */
  close(): void {
    // First of all, or what is stored would go from one that leaves to the next.
    this.leasing.stop()
    const isLasting = ({ receipt }: CallRecord): boolean => receipt !== undefined && this.#store.journal.durability !== 'memory'
    const pending = [...this.#sessions.withCalls()].flatMap((session) => session.calls.values()).filter((call) => !isLasting(call))
    const closing = (details?: Declared): WaybillError =>
      new WaybillError('RouterLost', 'the router is closing', { executed: 'no', details })
    // What waits goes first, or the places that the others leave would be given to it.
    for (const call of pending) if (call.isHere) this.#endings.refuse(call, closing())
    for (const call of pending)
      if (!call.isHere) this.#endings.end(call, 'calleeLost', closing(declaredBy(call.instance, call.method)), 'indeterminate')
    this.#endings.wheel.stop()
    this.#throttle.stop()
    this.#receipts.stop()
  }

  /** `callers`: those that it was told of, and so all whose calls it can have. */
  #loseHanded(callee: Session, callers: readonly Session[], reason: string, mayReturn: boolean): void {
    for (const caller of callers) {
      for (const call of caller.calls.values()) {
        if (call.instance?.session !== callee) continue
        const hasLeft = call.state !== 'leased' && call.handedAfter !== callee.channel.packets
        if (call.receipt !== undefined) this.leasing.lost(call, hasLeft, mayReturn, reason)
        // It never left: who sends it again, as clients do by themselves, finds another instance or is told that there is none.
        else if (!hasLeft) this.#endings.refuse(call, gone(callee))
        else this.#endings.end(call, 'calleeLost', workerLost(callee.name, reason, declaredBy(call.instance, call.method)))
      }
    }
  }

  // ---- what begins

  #record(caller: Session, frame: FrameReader, route: Route, terms: CallTerms | undefined): CallRecord {
    const call = new CallRecord(caller, frame.call, route, terms, this.#endings.expire)
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
    if (this.#tally !== undefined) call.beganMs = nowMs
    if (this.#tracing !== undefined) call.span = this.#passing(frame, route, this.#tracing)
    call.termsBytes = terms === undefined ? 0 : frame.extensionBytes
    caller.termsBytes += call.termsBytes
    caller.calls.add(frame.call, call)
    this.#endings.wheel.add(call, call.waitUntilMs)
    return call
  }

  #passing(frame: FrameReader, { address }: Route, tracing: Tracing): CallSpan | undefined {
    const trace = findText(frame, Tag.trace)
    const called = { service: address.service, method: this.#registry.methodOf(frame) ?? '' }
    return tracing.passing(called, trace === undefined || trace.length > MAX_TRACE_CHARACTERS ? undefined : trace)
  }

  #handed(call: CallRecord): void {
    if (call.waitUntilMs !== call.deadlineMs) this.#endings.wheel.add(call, call.deadlineMs)
  }

  #repeated(caller: Session, frame: FrameReader, { address }: Route, terms: CallTerms): boolean {
    return this.stored.repeated(caller, frame, terms, address.service, this.#registry.methodOf(frame) ?? '')
  }

  // ---- what is refused

  /** Refuses a call of which nothing is known yet. */
  refuseFrame(caller: Session, frame: FrameReader, error: WaybillError, data?: Uint8Array): void {
    if ((frame.flags & (Flag.noReply | Flag.durable)) === Flag.noReply) this.counts.dropped++
    else reject(caller, frame.call, error, data)
    this.#endings.note(caller, error)
  }

  #refusal(
    caller: Session,
    frame: FrameReader,
    route: Route,
    method: string | undefined,
    terms: CallTerms | undefined,
  ): WaybillError | undefined {
    if (caller.calls.size - caller.storedCalls >= this.#limits.maxCallsPerSession) return tooMany(caller.calls.size)
    if (terms !== undefined && caller.termsBytes + frame.extensionBytes > this.#limits.maxQueuedBytes) return tooMany(caller.calls.size)
    if ((frame.flags & (Flag.sealed | Flag.references)) !== 0) {
      return new WaybillError('Unsupported', 'this router cannot carry such a call yet')
    }
    const isDurable = (frame.flags & Flag.durable) !== 0
    const forbidden = this.#permission.call(caller, route, method)
    if (forbidden !== undefined) return forbidden
    // A live call is answered to its caller, whatever stands there.
    if (isDurable && terms?.replyto !== undefined) {
      const refused = this.#permission.postback(caller, terms.replyto)
      if (refused !== undefined) return refused
    }
    if (isDurable) {
      if (!isOwn(caller, frame.call, terms?.sn)) return new WaybillError('BadArguments', 'a stored call needs its own sn')
      if (findField(frame, Tag.lease) !== undefined) return new WaybillError('BadArguments', 'only the router gives leases')
      return cannotLeave(frame, this.#limits.maxFrameBytes)
    }
    if (terms?.key !== undefined) return new WaybillError('BadArguments', 'only a stored call is known by a key')
    return route.candidates.length === 0 && terms?.waitMs === undefined ? this.#nobody(route) : undefined
  }

  #nobody(route: Route): WaybillError {
    return nobody(route.address, route.service?.instances ?? [], (client) => this.#sessions.isConnected(client))
  }

  #stale(): void {
    this.counts.stale++
  }
}

/** A caller stores calls under its own serial numbers, or under those of an earlier process of its principal, which left them. */
function isOwn(caller: Session, call: number, sn: string | undefined): boolean {
  const parts = sn === undefined ? undefined : readSerialNumber(sn)
  return parts !== undefined && (parts.incarnation !== caller.incarnation || parts.counter >>> 0 === call)
}
