/**
 * Stored calls and what became of them, for whoever of the same principal asks. Owns the receipts, who watches them, and how long they are
 * kept. Here: in memory, so for the life of this router. Where a call goes is not decided here.
 */
import {
  bodyBytes,
  encodings,
  executedFlag,
  executedOf,
  extensionField,
  Flag,
  FrameType,
  joinFields,
  parseBody,
  prepareBody,
  quoted,
  serialBytes,
  Tag,
  WaybillError,
  Wheel,
  type Clock,
  type Executed,
  type FrameReader,
  type ReceiptState,
} from '@waybill/core'
import { outcomeBody, rejectionBody } from './answers.js'
import type { Limits } from './limits.js'
import { Receipt, type CallRecord, type Session, type Watcher, type Word } from './model.js'
import type { Principal } from './access.js'
import type { Channel } from './channel.js'
import type { Sessions } from './sessions.js'

interface Wanted {
  readonly sn?: string | undefined
  readonly limit: number
  fits(receipt: Receipt): boolean
}

export class Receipts {
  readonly #receipts = new Map<string, Receipt>()
  /** Those that have their outcome, the oldest first. */
  readonly #ended = new Set<Receipt>()
  readonly #wheel: Wheel
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #sessions: Sessions
  /** Of all calls and outcomes, some of which go on for a while: what is not bodies counts too. */
  #bytes = 0

  constructor(parts: { clock: Clock; limits: Limits; sessions: Sessions }) {
    this.#clock = parts.clock
    this.#limits = parts.limits
    this.#sessions = parts.sessions
    this.#wheel = new Wheel(parts.clock)
  }

  /** All that are kept, and how much of them. */
  get size(): number {
    return this.#receipts.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Receipts whose call has not ended. */
  get pending(): number {
    return this.#receipts.size - this.#ended.size
  }

  /** The receipt of a principal, or undefined. */
  find(principal: Principal, sn: string): Receipt | undefined {
    return this.#receipts.get(keyOf(principal, sn))
  }

  /** Those of a principal that fit, the newest first. */
  select(principal: Principal, { sn, limit, fits }: Wanted): readonly Receipt[] {
    if (sn !== undefined) return [this.find(principal, sn)].filter((receipt) => receipt !== undefined && fits(receipt)) as Receipt[]
    const all = [...this.#receipts.values()].reverse()
    const found: Receipt[] = []
    for (const receipt of all) {
      if (receipt.principal === principal && fits(receipt)) found.push(receipt)
      if (found.length === limit) break
    }
    return found
  }

  /** From here on the router answers for the call. Throws `Overloaded`, or `BadArguments` where its number is taken; then it does not. */
  store(call: CallRecord, method: string, frames: readonly Uint8Array[]): Receipt {
    const { caller, terms } = call
    const bytes = frames.reduce((sum, frame) => sum + frame.byteLength, 0)
    this.#makeRoom(bytes)
    const sn = terms!.sn!
    if (this.find(caller.principal, sn) !== undefined) throw new WaybillError('BadArguments', `${sn} is stored already`)
    const receipt = new Receipt(
      sn,
      caller.principal,
      caller.name,
      call.route.address.service,
      method,
      this.#clock.wallMs(),
      terms!.data,
      dataOf(terms!.data),
      terms!.replyto,
      call.told,
      frames,
      this.#forget,
    )
    receipt.call = call
    call.receipt = receipt
    caller.storedCalls++
    this.#receipts.set(keyOf(caller.principal, sn), receipt)
    this.#grow(receipt, bytes)
    return receipt
  }

  // ---- what is said of a call

  /**
   * A status or outcome, as its callee said it; `feeder` is who gets no credit while those who are told are full. False where the outcome is longer
   * than one may be, or there is no room for it: then it is not kept, and the call needs another end.
   */
  heard(receipt: Receipt, frame: FrameReader, state: ReceiptState | undefined, feeder: Channel): boolean {
    const { type, encoding } = frame
    if (!isStatus(type) && !this.#fits(receipt, type, frame.end - frame.bodyStart)) return false
    this.#said(receipt, { type, flags: this.#flags(receipt, frame), encoding, body: frame.body().slice() }, state, feeder)
    return true
  }

  /** A refusal by the router or its callee. */
  rejected(receipt: Receipt, error: WaybillError, state: ReceiptState): void {
    const body = prepareBody(rejectionBody(error))
    this.#said(receipt, { type: FrameType.rejected, flags: 0, encoding: body.encoding, body: bodyBytes(body) }, state)
  }

  /** An end that the router decides. */
  excepted(receipt: Receipt, error: WaybillError, known: Executed, state: ReceiptState): void {
    const body = prepareBody(outcomeBody(error))
    this.#said(receipt, { type: FrameType.exception, flags: executedFlag(known), encoding: body.encoding, body: bodyBytes(body) }, state)
  }

  /** It was given to somebody. */
  handed(receipt: Receipt): void {
    receipt.state = 'handed'
  }

  /** It begins anew: what came of its outcome before its callee was lost is none. */
  begun(receipt: Receipt): void {
    receipt.state = 'stored'
    this.cutOff(receipt)
  }

  /** The outcome is whole: it is kept for a while. */
  ended(receipt: Receipt): void {
    const { call } = receipt
    if (call === undefined) return
    call.caller.storedCalls--
    receipt.call = undefined
    receipt.endedMs = this.#clock.wallMs()
    this.#ended.add(receipt)
    for (const { session, number } of receipt.watchers) session.watches.delete(number)
    receipt.watchers.clear()
    this.#wheel.add(receipt, this.#clock.nowMs() + this.#limits.receiptRetentionMs)
  }

  // ---- who is told

  /** Tells the session all there is to know, under the number, and what comes. */
  watch(session: Session, number: number, receipt: Receipt): void {
    const watcher: Watcher = { session, number, receipt }
    for (const word of pastOf(receipt)) this.#tell(watcher, word)
    if (receipt.call === undefined) return
    receipt.watchers.add(watcher)
    session.watches.set(number, watcher)
  }

  /** False where the number is of no watching. */
  unwatch(session: Session, number: number): boolean {
    const watcher = session.watches.get(number)
    if (watcher === undefined) return false
    session.watches.delete(number)
    watcher.receipt.watchers.delete(watcher)
    return true
  }

  lost(session: Session): void {
    for (const number of session.watches.keys()) this.unwatch(session, number)
  }

  stop(): void {
    this.#wheel.stop()
  }

  #said(receipt: Receipt, word: Word, state: ReceiptState | undefined, feeder = receipt.call?.caller.channel): void {
    if (state !== undefined) receipt.state = state
    if (word.type === FrameType.progress) {
      this.#grow(receipt, word.body.byteLength - (receipt.progress?.body.byteLength ?? 0))
      receipt.progress = word
    } else if (!isStatus(word.type)) {
      if (word.type !== FrameType.answerChunk) this.cutOff(receipt)
      receipt.outcome.push(word)
      receipt.outcomeBytes += WORD_BYTES + word.body.byteLength
      this.#grow(receipt, WORD_BYTES + word.body.byteLength)
    }
    for (const watcher of receipt.watchers) this.#feed(watcher, word, feeder)
    if (receipt.replyto === undefined) return
    const session = this.#sessions.byName(receipt.replyto)
    // A name that another principal has taken since is somebody else's.
    if (session !== undefined && session.principal === receipt.told) this.#feed({ session, number: 0, receipt }, word, feeder)
  }

  /** Whoever said this was lost, or goes on in another way: what there is of the outcome is no outcome. */
  cutOff(receipt: Receipt): void {
    this.#grow(receipt, -receipt.outcomeBytes)
    receipt.outcome.length = 0
    receipt.outcomeBytes = 0
  }

  /** What one callee did not do, another one that was lost may have done. */
  #flags({ attempts }: Receipt, { type, flags }: FrameReader): number {
    if (attempts === 0 || type !== FrameType.exception || executedOf(flags) !== 'no') return flags
    return (flags & ~Flag.executedMask) | executedFlag('maybe')
  }

  #feed(watcher: Watcher, word: Word, feeder: Channel | undefined): void {
    this.#tell(watcher, word)
    const { channel } = watcher.session
    if (feeder !== undefined && channel.outboundBytes > this.#limits.maxOutboundBytes) channel.holdBack(feeder)
  }

  #tell({ session, number, receipt: { sn, dataField } }: Watcher, { type, flags, encoding, body }: Word): void {
    const fields = [...(number === 0 ? [extensionField(Tag.sn, serialBytes(sn))] : []), ...(dataField === undefined ? [] : [dataField])]
    session.channel.writeRaw({ type, flags, destination: session.symbol, call: number }, joinFields(fields), encoding, body)
  }

  // ---- how much is kept

  #fits(receipt: Receipt, type: number, bytes: number): boolean {
    const { maxBodyBytes, maxReceiptBytes } = this.#limits
    const before = type === FrameType.answerChunk ? receipt.outcomeBytes : 0
    // Twice, as it may come in very many pieces.
    if (before + WORD_BYTES + bytes > 2 * maxBodyBytes + LEAST_BYTES || bytesOf(receipt, type) + bytes > maxBodyBytes) return false
    while (this.#bytes + WORD_BYTES + bytes > maxReceiptBytes) {
      const [oldest] = this.#ended
      if (oldest === undefined) return false
      this.#forget(oldest)
    }
    return true
  }

  #grow(receipt: Receipt, bytes: number): void {
    receipt.bytes += bytes
    this.#bytes += bytes
  }

  /** Forgets the oldest that have ended; what has not is never dropped for room. */
  #makeRoom(bytes: number): void {
    const { maxReceipts, maxReceiptBytes } = this.#limits
    while (this.#receipts.size >= maxReceipts || this.#bytes + bytes > maxReceiptBytes) {
      const [oldest] = this.#ended
      if (oldest === undefined) {
        throw new WaybillError('Overloaded', `the router has no room for another stored call; ${this.pending} have not ended`, {
          details: { retryAfterMs: 1000 },
        })
      }
      this.#forget(oldest)
    }
  }

  readonly #forget = (receipt: Receipt): void => {
    this.#wheel.remove(receipt)
    this.#ended.delete(receipt)
    this.#receipts.delete(keyOf(receipt.principal, receipt.sn))
    this.#bytes -= receipt.bytes
  }
}

function isStatus(type: number): boolean {
  return type === FrameType.accepted || type === FrameType.started || type === FrameType.progress
}

/** Of the bodies that precede a piece of this type. */
function bytesOf({ outcome, outcomeBytes }: Receipt, type: number): number {
  return type === FrameType.answerChunk ? outcomeBytes - outcome.length * WORD_BYTES : 0
}

/** Throws `NoSuchReceipt`. */
export function noSuchReceipt(sn: string): WaybillError {
  return new WaybillError('NoSuchReceipt', `you have no receipt ${quoted(sn)} here; receipts in memory end with the router that gave them`)
}

function keyOf(principal: Principal, sn: string): string {
  return `${sn} ${principal}`
}

/** What somebody who comes late is told: how far it is, the last progress, and the outcome as far as it is there. */
function pastOf({ state, call, progress, outcome }: Receipt): Word[] {
  const words: Word[] = []
  const status = (type: number): void => void words.push({ type, flags: 0, encoding: 0, body: NOTHING })
  if (call !== undefined && (state === 'accepted' || state === 'started')) status(FrameType.accepted)
  if (call !== undefined && state === 'started') status(FrameType.started)
  if (progress !== undefined) words.push(progress)
  return [...words, ...outcome]
}

const NOTHING = new Uint8Array(0)
/** What a piece costs beside its body; and an outcome that always fits. */
const WORD_BYTES = 256
const LEAST_BYTES = 64 * 1024
/** Of an extension field. */
const FIELD_HEAD_BYTES = 4

function dataOf(field: Uint8Array | undefined): unknown {
  if (field === undefined) return undefined
  try {
    return parseBody(encodings.json, field.subarray(FIELD_HEAD_BYTES))
  } catch {
    return undefined
  }
}
