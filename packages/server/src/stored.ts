/**
 * Stored calls on their way: taken whole, promised, delivered, and delivered again when their callee gave them back or was lost. Between `Calls`,
 * which reads frames, and `Receipts`, which keeps what became of them.
 */
import { Flag, FrameType, Offset, prepareBody, routerTable, WaybillError, type FrameReader } from '@waybill/core'
import { reject } from './answers.js'
import type { Delivery } from './delivery.js'
import type { Endings } from './endings.js'
import type { Limits } from './limits.js'
import type { CallRecord, Receipt, Session } from './model.js'
import { noSuchReceipt, type Receipts } from './receipts.js'
import { tooMany, workerLost } from './refusals.js'
import type { Routes } from './routes.js'
import { readTerms, type CallTerms } from './terms.js'

export class StoredCalls {
  readonly #limits: Limits
  readonly #delivery: Delivery
  readonly #endings: Endings
  readonly #receipts: Receipts
  readonly #routes: Routes

  constructor(parts: { limits: Limits; delivery: Delivery; endings: Endings; receipts: Receipts; routes: Routes }) {
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
    const sn = readTerms(frame)?.sn ?? ''
    const receipt = this.#receipts.find(session.principal, sn)
    if (receipt === undefined) return reject(session, number, noSuchReceipt(sn))
    this.#receipts.watch(session, number, receipt)
  }

  // ---- what comes

  /** A call that is to be stored is kept until it is whole. */
  gather(call: CallRecord, frame: FrameReader): void {
    const { held } = this.#delivery
    if (!held.hasRoom(call.route.address.service, frame.end - frame.start)) return this.#endings.refuse(call, tooMany(held.calls))
    held.keep(call, frame.bytes.slice(frame.start, frame.end))
    if (!call.incomplete) this.store(call)
  }

  /** Whether the call is stored already: its caller has lost the session in which it was, and asks again. */
  repeated(caller: Session, frame: FrameReader, terms: CallTerms): boolean {
    const receipt = this.#receipts.find(caller.principal, terms.sn!)
    if (receipt === undefined) return false
    this.#sayStored(caller, frame.call, terms, true)
    if ((frame.flags & Flag.noReply) === 0) this.#receipts.watch(caller, frame.call, receipt)
    return true
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
    // For the callee it is a call like any other, whose statuses are wanted: by the receipt.
    first[Offset.flags] = (first[Offset.flags]! & ~(Flag.noReply | Flag.durable)) | Flag.statusesWanted
    this.#sayStored(caller, number, terms!, false)
    if (asks) this.#receipts.watch(caller, number, receipt)
    this.#delivery.accept(call, first, 0, first.byteLength, frames.slice(1))
  }

  #sayStored(caller: Session, call: number, { sn, data }: CallTerms, duplicate: boolean): void {
    const body = prepareBody({ sn, durability: 'memory', ...(duplicate && { duplicate }) })
    caller.channel.write({ type: FrameType.stored, destination: caller.symbol, call }, data, body)
  }

  // ---- what is lost

  lost(call: CallRecord, receipt: Receipt, hasLeft: boolean, reason: string): void {
    const { offer, session } = call.instance!
    if (!hasLeft) return this.givenBack(call, receipt)
    receipt.attempts++
    if (call.cancelled || !offer.idempotent.has(receipt.method))
      return this.#endings.end(call, 'calleeLost', workerLost(session, reason), 'indeterminate')
    if (receipt.attempts < this.#limits.maxAttempts) return this.redeliver(call, receipt)
    const times = `${receipt.attempts} instances that took it were lost, the last one ${session.name}`
    this.#endings.end(call, 'calleeLost', new WaybillError('WorkerLost', times), 'dead')
  }

  /** Its callee has not begun. */
  givenBack(call: CallRecord, receipt: Receipt): void {
    if (!call.cancelled) return this.redeliver(call, receipt)
    call.state = 'queued'
    this.#endings.end(call, 'cancel', new WaybillError('Cancelled', 'the call was cancelled before it was started'), 'cancelled')
  }

  /** Its callee has not done it: it goes to another one. What has begun stays with its version. */
  redeliver(call: CallRecord, receipt: Receipt): void {
    if (call.state === 'started') call.route = this.#routes.narrowed(call.route, call.instance!.offer.version)
    else this.#routes.refresh(call.route)
    call.state = 'queued'
    call.answering = false
    receipt.frames[0]![Offset.attempt] = receipt.attempts + 1
    this.#receipts.begun(receipt)
    this.#delivery.again(call, receipt.frames)
  }
}
