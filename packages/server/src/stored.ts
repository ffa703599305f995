/**
 * Stored calls on their way: taken whole, promised, delivered, and delivered again when their callee gave them back or was lost. Between `Calls`,
 * which reads frames, and `Receipts`, which keeps what became of them.
 */
import {
  findField,
  Flag,
  FrameType,
  Offset,
  prepareBody,
  routerTable,
  serialText,
  Tag,
  Timed,
  WaybillError,
  Wheel,
  type Clock,
  type FrameReader,
} from '@waybill/core'
import { reject } from './answers.js'
import type { Delivery } from './delivery.js'
import type { Endings } from './endings.js'
import type { Limits } from './limits.js'
import type { CallRecord, Receipt, Session } from './model.js'
import { noSuchReceipt, type Receipts } from './receipts.js'
import { notTaken, tooMany, workerLost } from './refusals.js'
import type { Routes } from './routes.js'

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

export class StoredCalls {
  readonly #limits: Limits
  readonly #delivery: Delivery
  readonly #endings: Endings
  readonly #receipts: Receipts
  readonly #routes: Routes
  readonly #clock: Clock
  /** For those that rest. */
  readonly #wheel: Wheel

  constructor(parts: { limits: Limits; clock: Clock; delivery: Delivery; endings: Endings; receipts: Receipts; routes: Routes }) {
    this.#clock = parts.clock
    this.#wheel = new Wheel(parts.clock)
    this.#limits = parts.limits
    this.#delivery = parts.delivery
    this.#endings = parts.endings
    this.#receipts = parts.receipts
    this.#routes = parts.routes
  }

  /** The same without a frame of the caller's. False where it had been cancelled already. */
  cancel(call: CallRecord): boolean {
    if (call.cancelled || call.state === 'settled') return false
    call.cancelled = true
    if (routerTable[call.state].cancel === 'settled')
      this.#endings.end(call, 'cancel', new WaybillError('Cancelled', 'the call was cancelled before it was handed over'), 'cancelled')
    else this.#endings.tellCancel(call)
    return true
  }

  /** Somebody wants to know what becomes of a stored call. */
  watch(session: Session, frame: FrameReader): void {
    const number = frame.call
    if (session.watches.has(number) || session.calls.get(number) !== undefined)
      throw new WaybillError('ProtocolViolation', `${number} is the number of something else`)
    if (session.watches.size >= this.#limits.maxCallsPerSession) return reject(session, number, tooMany(session.watches.size))
    const field = findField(frame, Tag.sn)
    const sn = field === undefined ? '' : serialText(field)
    const receipt = this.#receipts.find(session.principal, sn)
    if (receipt === undefined) return reject(session, number, noSuchReceipt(sn))
    this.#watch(session, number, receipt)
  }

  /** All that was ever said may be much more than the question: who does not take its answers gets no further ones. */
  #watch(session: Session, number: number, receipt: Receipt): void {
    if (session.channel.outboundBytes > this.#limits.maxOutboundBytes) reject(session, number, notTaken())
    else this.#receipts.watch(session, number, receipt)
  }

  /** Ends all that is under way. */
  stop(): void {
    this.#wheel.stop()
  }

  // ---- what comes

  /** A call that came before, in a session that was lost before its caller heard of it: it is the same call. True where it is one. */
  repeated(caller: Session, frame: FrameReader, sn: string): boolean {
    const receipt = this.#receipts.find(caller.principal, sn)
    if (receipt === undefined) return false
    this.#sayStored(caller, frame.call, sn, receipt.dataField, true)
    if ((frame.flags & Flag.noReply) === 0) this.#watch(caller, frame.call, receipt)
    return true
  }

  /** A call that is to be stored is kept until it is whole. */
  gather(call: CallRecord, frame: FrameReader): void {
    const { held } = this.#delivery
    if (!held.hasRoom(call.route.address.service, frame.end - frame.start)) return this.#endings.refuse(call, tooMany(held.calls))
    held.keep(call, frame.bytes.slice(frame.start, frame.end))
    if (!call.incomplete) this.store(call)
  }

  store(call: CallRecord): void {
    const { caller, number, terms } = call
    const frames = this.#delivery.held.remove(call)
    const first = frames[0]!
    const asks = (first[Offset.flags]! & Flag.noReply) === 0
    let receipt: Receipt
    try {
      receipt = this.#receipts.store(call, call.method ?? '', frames)
    } catch (thrown) {
      return this.#endings.refuse(call, WaybillError.from(thrown, 'no'))
    }
    call.state = 'stored'
    // Counted with the receipt from now on.
    caller.termsBytes -= call.termsBytes
    call.termsBytes = 0
    // Its statuses are wanted: by the receipt. That it is stored the callee is told, as some results cannot be.
    first[Offset.flags] = (first[Offset.flags]! & ~Flag.noReply) | Flag.statusesWanted
    this.#sayStored(caller, number, terms!.sn!, terms!.data, false)
    if (asks) this.#receipts.watch(caller, number, receipt)
    this.#delivery.accept(call, first, 0, first.byteLength, frames.slice(1))
  }

  #sayStored(caller: Session, call: number, sn: string, data: Uint8Array | undefined, duplicate: boolean): void {
    const body = prepareBody({ sn, durability: 'memory', ...(duplicate && { duplicate }) })
    caller.channel.write({ type: FrameType.stored, destination: caller.symbol, call }, data, body)
  }

  // ---- what is lost

  lost(call: CallRecord, receipt: Receipt, hasLeft: boolean, reason: string): void {
    const { offer, session } = call.instance!
    if (!hasLeft) return this.givenBack(call, receipt, 0)
    receipt.attempts++
    if (call.cancelled || !offer.idempotent.has(receipt.method))
      return this.#endings.end(call, 'calleeLost', workerLost(session, reason), 'indeterminate')
    if (receipt.attempts < this.#limits.maxAttempts) return this.redeliver(call, receipt)
    const times = `${receipt.attempts} instances that took it were lost, the last one ${session.name}`
    this.#endings.end(call, 'calleeLost', new WaybillError('WorkerLost', times), 'dead')
  }

  /**
   * Its callee has no room after all: it goes to another one, at once where that is the first time and nothing else was asked for. Later it rests
   * before it does, or it would go to and fro for ever.
   */
  givenBack(call: CallRecord, receipt: Receipt, askedMs: number): void {
    if (call.cancelled) return this.#endCancelled(call)
    const times = call.givenBack++
    const leastMs = times === 0 ? 0 : FIRST_REST_MS * 2 ** Math.min(times - 1, 10)
    this.redeliver(call, receipt, Math.min(Math.max(askedMs, leastMs), LONGEST_REST_MS))
  }

  /** It is wanted no more, and nobody has begun it. */
  #endCancelled(call: CallRecord): void {
    call.state = 'queued'
    this.#endings.end(call, 'cancel', new WaybillError('Cancelled', 'the call was cancelled before it was started'), 'cancelled')
  }

  /** Its callee has not done it: it goes to another one. What has begun stays with its version. */
  redeliver(call: CallRecord, receipt: Receipt, afterMs = 0): void {
    if (call.state === 'started') call.route = this.#routes.narrowed(call.route, call.instance!.offer.version)
    else this.#routes.refresh(call.route)
    call.answering = false
    receipt.frames[0]![Offset.attempt] = receipt.attempts + 1
    this.#receipts.begun(receipt)
    this.#delivery.back(call)
    if (afterMs === 0) return this.#again(call, receipt)
    const rest = new Rest(() => this.#again(call, receipt))
    this.#wheel.add(rest, this.#clock.nowMs() + afterMs)
  }

  /** Unless it has ended meanwhile. */
  #again(call: CallRecord, receipt: Receipt): void {
    if (call.state !== 'queued') return
    this.#routes.refresh(call.route)
    this.#delivery.again(call, receipt.frames)
  }
}
