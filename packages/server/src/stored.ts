/**
 * Stored calls as they come: taken whole, written down, promised, known again, and watched. How they reach somebody is `Leasing`'s, what became of them
 * `Receipts`'.
 */
import {
  findField,
  Flag,
  FrameType,
  Offset,
  prepareBody,
  readIds,
  serialText,
  Tag,
  WaybillError,
  type Clock,
  type FrameReader,
} from '@waybill/core'
import { except, reject } from './answers.js'
import type { Former } from './archive/index.js'
import type { Delivery } from './delivery.js'
import type { Endings } from './endings.js'
import type { Limits } from './limits.js'
import type { CallRecord, Receipt, Session, StoredTerms } from './model.js'
import type { Receipts } from './receipts.js'
import type { Postbacks } from './postbacks.js'
import { cameBefore, noSuchReceipt, notTaken, tooMany } from './refusals.js'
import type { Store } from './store.js'
import { dataField } from './telling.js'
import { isChoosy, type CallTerms } from './terms.js'

export class StoredCalls {
  readonly #limits: Limits
  readonly #delivery: Delivery
  readonly #endings: Endings
  readonly #receipts: Receipts
  readonly #store: Store
  readonly #postbacks: Postbacks
  readonly #clock: Clock

  constructor(parts: {
    limits: Limits
    clock: Clock
    delivery: Delivery
    endings: Endings
    receipts: Receipts
    store: Store
    postbacks: Postbacks
  }) {
    this.#limits = parts.limits
    this.#clock = parts.clock
    this.#delivery = parts.delivery
    this.#endings = parts.endings
    this.#receipts = parts.receipts
    this.#store = parts.store
    this.#postbacks = parts.postbacks
  }

  /** Nobody wants the call any more. False where that was so already. */
  cancel(call: CallRecord): boolean {
    if (call.cancelled || call.state === 'settled') return false
    call.cancelled = true
    if (call.isHere)
      this.#endings.end(call, 'cancel', new WaybillError('Cancelled', 'the call was cancelled before it was handed over'), 'cancelled')
    else {
      const { journal } = this.#store
      if (journal.failure === undefined) this.#store.cancelled(call.receipt!)
      // Not before: a start that knows of no cancel would take for a failure what its callee makes of it.
      journal.whenSafe(() => this.#endings.tellCancel(call))
    }
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

  /** What the client says that it was told of the calls of others. Throws `ProtocolViolation`. */
  taken(session: Session, frame: FrameReader): void {
    this.#postbacks.took(session, readIds(frame.body()))
  }

  /** All that was ever said may be much more than the question: who does not take its answers gets no further ones. */
  #watch(session: Session, number: number, receipt: Receipt): void {
    if (session.channel.outboundBytes > this.#limits.maxOutboundBytes) reject(session, number, notTaken())
    else this.#receipts.watch(session, number, receipt)
  }

  // ---- what comes

  /**
   * A call that came before: in a session that was lost before its caller heard of it, or under a key that its caller knows it by. It is the same call.
   * True where it is one, or cannot be one.
   */
  repeated(caller: Session, frame: FrameReader, terms: CallTerms, service: string, method: string): boolean {
    const { sn, key, digest } = terms
    const same = sn === undefined ? undefined : this.#receipts.find(caller.principal, sn)
    const former = same === undefined && sn !== undefined ? this.#store.used.find(caller.principal, sn) : undefined
    if (former !== undefined) return this.#forgotten(caller, frame, terms, former)
    const receipt = same ?? this.#store.keyed({ principal: caller.principal, service, method, key })
    if (receipt === undefined) return false
    if (same === undefined && receipt.terms.digest !== digest) {
      const used = `the key ${JSON.stringify(key)} was used before for another call of ${service}.${method}, which is ${receipt.sn}`
      reject(caller, frame.call, new WaybillError('IdempotencyConflict', used, { details: { sn: receipt.sn } }), terms.data)
      return true
    }
    const { call: number, flags } = frame
    this.#store.journal.whenSafe(
      () => {
        if (caller.state === 'ended') return
        this.#sayStored(caller, number, receipt.sn, dataField(receipt.terms), true)
        if ((flags & Flag.noReply) === 0) this.#watch(caller, number, receipt)
      },
      (error) => caller.state === 'ended' || except(caller, number, error, 'maybe', terms.data),
    )
    return true
  }

  /** Whether it ran nobody knows any more; that it does not run again is certain. */
  #forgotten(caller: Session, { call: number, flags }: FrameReader, { sn, data }: CallTerms, { state }: Former): true {
    if (state !== undefined) this.#sayStored(caller, number, sn!, data, true)
    if (state === undefined || (flags & Flag.noReply) === 0) except(caller, number, cameBefore(state), 'maybe', data)
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
    const { caller, number } = call
    const frames = this.#delivery.held.remove(call)
    const asks = (frames[0]![Offset.flags]! & Flag.noReply) === 0
    let receipt: Receipt
    try {
      receipt = this.#receipts.store(call, this.#termsOf(call), frames)
    } catch (thrown) {
      return this.#endings.refuse(call, WaybillError.from(thrown, 'no'))
    }
    call.state = 'stored'
    // Of a stored call only what decides where it goes is looked at again; very many may wait.
    if (!isChoosy(call.terms!)) call.terms = undefined
    // Counted with the receipt from now on.
    caller.termsBytes -= call.termsBytes
    call.termsBytes = 0
    this.#store.journal.whenSafe(
      () => this.#promised(caller, number, receipt, asks),
      // The next start may find it all the same.
      (error) => caller.state === 'ended' || except(caller, number, error, 'maybe', dataField(receipt.terms)),
    )
    this.#delivery.accept(call)
    // It does not leave yet: what waits is kept on the disk alone.
    receipt.frames = undefined
  }

  #promised(caller: Session, number: number, receipt: Receipt, asks: boolean): void {
    if (caller.state === 'ended') return
    this.#sayStored(caller, number, receipt.sn, dataField(receipt.terms), false)
    if (asks) this.#receipts.watch(caller, number, receipt)
  }

  #termsOf({ caller, route, method, terms, told, waitUntilMs, deadlineMs }: CallRecord): StoredTerms {
    const { sn, data, replyto, orderKey, sticky, isInTurn, key, digest } = terms!
    const wallMs = this.#clock.wallMs()
    const aheadMs = wallMs - this.#clock.nowMs()
    return {
      sn: sn!,
      principal: caller.principal,
      client: caller.name,
      address: route.text,
      service: route.address.service,
      method: method ?? '',
      storedMs: wallMs,
      waitUntilMs: Math.round(aheadMs + waitUntilMs),
      deadlineMs: Math.round(aheadMs + deadlineMs),
      ...(data !== undefined && { data: decoder.decode(data.subarray(FIELD_HEAD_BYTES)) }),
      ...(replyto !== undefined && { replyto, told }),
      ...(orderKey !== undefined && { orderKey }),
      ...(sticky !== undefined && { sticky }),
      ...(isInTurn && { isInTurn }),
      ...(key !== undefined && { key, digest }),
    }
  }

  #sayStored(caller: Session, call: number, sn: string, data: Uint8Array | undefined, duplicate: boolean): void {
    const { durability } = this.#store.journal
    const body = prepareBody({ sn, durability, ...(duplicate && { duplicate }) })
    caller.channel.write({ type: FrameType.stored, destination: caller.symbol, call }, data, body)
  }
}

/** Of an extension field. */
const FIELD_HEAD_BYTES = 4
const decoder = new TextDecoder()
