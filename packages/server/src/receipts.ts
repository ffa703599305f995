/**
 * What becomes of stored calls, for whoever of the same principal asks: gathers what is said of each, writes its end down, and tells who watches as soon
 * as that is safe. Owns who watches, and how long receipts are kept. Where a call goes is not decided here.
 */
import {
  bodyBytes,
  executedFlag,
  executedOf,
  Flag,
  FrameType,
  prepareBody,
  WaybillError,
  type Clock,
  type Executed,
  type FrameReader,
  type ReceiptState,
} from '@waybill/core'
import { outcomeBody, rejectionBody } from './answers.js'
import type { Limits } from './limits.js'
import {
  NO_WORDS,
  type CallRecord,
  type Cause,
  type Lease,
  type Receipt,
  type Session,
  type StoredTerms,
  type Watcher,
  type Word,
} from './model.js'
import type { Principal } from './access.js'
import type { BodySpool } from './bodies.js'
import type { Channel } from './channel.js'
import type { Place } from './journal/journal.js'
import type { Postbacks } from './postbacks.js'
import { causeOf, refusalCause } from './refusals.js'
import { Retention } from './retention.js'
import { Room } from './room.js'
import type { Store } from './store.js'
import { pastOf, tellEnded, tellWord, unreadable } from './telling.js'

interface Wanted {
  readonly sn?: string | undefined
  readonly limit: number
  readonly isOfAll?: boolean
  /** Only dead letters fit. */
  readonly isDead?: boolean
  fits(receipt: Receipt): boolean
}

export class Receipts {
  readonly #store: Store
  readonly #retention: Retention
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #postbacks: Postbacks
  readonly #room: Room
  readonly #kept: (callee: Session | undefined, lease: Lease) => void

  /** `kept` is told of each lease whose last word is safe, and of who said it, where that is still here. */
  constructor(parts: {
    clock: Clock
    limits: Limits
    store: Store
    postbacks: Postbacks
    kept: (callee: Session | undefined, lease: Lease) => void
  }) {
    this.#clock = parts.clock
    this.#limits = parts.limits
    this.#store = parts.store
    this.#postbacks = parts.postbacks
    this.#postbacks.taken = (receipt) => this.#taken(receipt)
    this.#kept = parts.kept
    const forget = (receipt: Receipt): void => this.#forget(receipt)
    this.#retention = new Retention({ ...parts, forget })
    this.#room = new Room({ ...parts, forget })
  }

  /** All that are kept, and how much of them; and those whose call has not ended. */
  get size(): number {
    return this.#store.size
  }

  get bytes(): number {
    return this.#room.bytes
  }

  get pending(): number {
    return this.#store.pending
  }

  /** The receipt of a principal, or undefined. */
  find(principal: Principal, sn: string): Receipt | undefined {
    return this.#store.find(principal, sn)
  }

  /** Those of a principal that fit, or of all, the newest first. */
  select(principal: Principal, { sn, limit, isOfAll = false, isDead = false, fits }: Wanted): readonly Receipt[] {
    if (sn !== undefined && !isOfAll)
      return [this.find(principal, sn)].filter((receipt) => receipt !== undefined && fits(receipt)) as Receipt[]
    const found: Receipt[] = []
    let looked = 0
    for (const receipt of isDead ? this.#store.dead() : this.#store.newest()) {
      if (++looked > MOST_LOOKED_AT) break
      if ((isOfAll || receipt.principal === principal) && fits(receipt)) found.push(receipt)
      if (found.length === limit) break
    }
    // Those of the archive come behind the others, whatever their age.
    return found.sort((one, other) => other.ordinal - one.ordinal)
  }

  /** A body that is too long for a frame, counted as it comes: see `Store.spool`. */
  spool(): BodySpool {
    return this.#room.spool()
  }

  /** From here on the router answers for the call, as soon as that is safe. Throws `Overloaded` or `Damaged`; then it does not, and the body is still nobody's. */
  store(call: CallRecord, terms: StoredTerms, frames: readonly Uint8Array[]): Receipt {
    const bytes = frames.reduce((sum, frame) => sum + frame.byteLength, 0)
    const bodyBytes = terms.body?.bytes ?? 0
    // On a disk the body has its room already.
    this.#room.makeForOne(this.#room.isLasting ? bytes : bytes + bodyBytes)
    const receipt = this.#store.add(terms, frames)
    this.#room.grow(receipt, bytes + bodyBytes)
    this.attach(receipt, call)
    return receipt
  }

  /** The call goes on, now or since an earlier start. */
  attach(receipt: Receipt, call: CallRecord): void {
    receipt.call = call
    call.receipt = receipt
    call.caller.storedCalls++
  }

  /** One of an earlier start, which had its outcome then. */
  restored(receipt: Receipt): void {
    receipt.outcome = NO_WORDS
    if (receipt.isOwed) this.#postbacks.owe(receipt)
    this.#retention.keep(receipt)
  }

  // ---- what is said of a call

  /**
   * A status or a piece of the outcome, as its callee said it; `feeder` is who gets no credit while those who are told are full. `state` is what it is
   * in by this. False where the outcome is longer than one may be, or there is no room for it: then it is not kept, and the call needs another end.
   */
  heard(receipt: Receipt, frame: FrameReader, state: ReceiptState | undefined, feeder: Channel): boolean {
    const { type, encoding } = frame
    const word: Word = { type, flags: this.#flags(receipt, frame), encoding, body: frame.body().slice() }
    if (isStatus(type)) {
      this.#moved(receipt, word, state, feeder)
      return true
    }
    if (!this.#fits(receipt, type, word.body.byteLength)) return false
    if (type !== FrameType.answerChunk) this.#end(receipt, state!, word, refusalCause(frame))
    else this.#say(receipt, word)
    return true
  }

  /** Its callee has recorded something, for which there was room. */
  noted(receipt: Receipt, key: string, encoding: number, value: Uint8Array): void {
    this.#store.noted(receipt, key, encoding, value)
    this.#room.grow(receipt, receipt.notes!.get(key)!.place.bytes)
  }

  /** What of its outcome is in a record of its own: it goes with the last word of its callee, and is dropped where that never comes. */
  bring(receipt: Receipt, body: Place): void {
    if (receipt.call === undefined) return this.#store.drop(body)
    this.#unbring(receipt)
    receipt.endBody = body
    this.#room.grow(receipt, body.bytes)
  }

  #unbring(receipt: Receipt): void {
    const { endBody } = receipt
    if (endBody === undefined) return
    receipt.endBody = undefined
    this.#room.shrink(receipt, endBody.bytes)
    if (this.#store.journal.failure === undefined) this.#store.drop(endBody)
  }

  /** A refusal by the router or its callee. */
  rejected(receipt: Receipt, error: WaybillError, state: ReceiptState): void {
    this.#unbring(receipt)
    const body = prepareBody(rejectionBody(error))
    const word = { type: FrameType.rejected, flags: 0, encoding: body.encoding, body: bodyBytes(body) }
    this.#end(receipt, state, word, causeOf(error))
  }

  /** An end that the router decides. */
  excepted(receipt: Receipt, error: WaybillError, known: Executed, state: ReceiptState): void {
    this.#unbring(receipt)
    const body = prepareBody(outcomeBody(error))
    const word = { type: FrameType.exception, flags: executedFlag(known), encoding: body.encoding, body: bodyBytes(body) }
    this.#end(receipt, state, word, causeOf(error))
  }

  /** Whoever said this was lost, or goes on in another way: what there is of the outcome is no outcome. */
  cutOff(receipt: Receipt): void {
    this.#unbring(receipt)
    this.#unsay(receipt)
  }

  #unsay(receipt: Receipt): void {
    this.#room.grow(receipt, -receipt.outcomeBytes)
    receipt.outcome = NO_WORDS
    receipt.outcomeBytes = 0
    receipt.ending = undefined
  }

  /** The outcome is whole. It is told when it is safe, and kept for a while. */
  ended(receipt: Receipt): void {
    const { call, lease, outcome } = receipt
    if (call === undefined) return
    const callee = call.instance?.session
    call.caller.storedCalls--
    receipt.call = undefined
    receipt.shown = receipt.state
    const over = (): void => {
      receipt.shown = undefined
      if (lease !== undefined) this.#kept(callee, lease)
    }
    const isOwed = receipt.terms.replyto !== undefined
    const { ending, endCause: cause, endBody: body, terms } = receipt
    const notesBytes = [...(receipt.notes?.values() ?? [])].reduce((sum, { place }) => sum + place.bytes, 0)
    try {
      this.#store.ended(receipt, { state: ending!, ms: this.#clock.wallMs(), isOwed, cause, body }, outcome)
      receipt.endBody = undefined
    } catch (thrown) {
      return this.#unsafe(receipt, WaybillError.from(thrown, 'maybe'))
    }
    if (receipt.notes === undefined) this.#room.shrink(receipt, notesBytes)
    if (receipt.request === undefined && terms.body !== undefined) this.#room.shrink(receipt, terms.body.bytes)
    this.#store.journal.whenSafe(
      () => {
        over()
        this.#conclude(receipt, outcome, callee?.channel)
      },
      (error) => this.#unsafe(receipt, error),
    )
  }

  #conclude(receipt: Receipt, outcome: readonly Word[], feeder: Channel | undefined): void {
    receipt.outcome = NO_WORDS
    for (const watcher of receipt.watchers ?? []) for (const word of outcome) this.#feed(watcher, word, feeder)
    this.#release(receipt)
    if (receipt.isOwed) this.#postbacks.owe(receipt)
    this.#retention.keep(receipt)
  }

  /** What was said may be lost with the next start: who waits is told that nobody knows. */
  #unsafe(receipt: Receipt, { code, message }: WaybillError): void {
    const body = prepareBody({ exval: `the outcome could not be made safe: ${message}`, code })
    const word = { type: FrameType.exception, flags: executedFlag('maybe'), encoding: body.encoding, body: bodyBytes(body) }
    for (const watcher of receipt.watchers ?? []) this.#feed(watcher, word, undefined)
    this.#release(receipt)
  }

  #release(receipt: Receipt): void {
    for (const { session, number } of receipt.watchers ?? []) session.watches.delete(number)
    receipt.watchers = undefined
    tellEnded(receipt)
  }

  /** Some of an earlier start have had their outcome for long. */
  begin(): void {
    this.#retention.sweepLater()
  }

  /** Its outcome has reached who was to be told. */
  #taken(receipt: Receipt): void {
    if (this.#store.journal.failure === undefined) this.#store.taken(receipt)
    this.#retention.keep(receipt)
  }

  /** Nobody wants it back. */
  purge(receipt: Receipt): void {
    this.#forget(receipt)
  }

  // ---- who is told

  /** Tells the session all there is to know, under the number, and what comes. */
  watch(session: Session, number: number, receipt: Receipt): void {
    const watcher: Watcher = { session, number, receipt }
    for (const word of pastOf(receipt)) tellWord(watcher, word)
    if (!receipt.hasEnded) {
      receipt.watchers ??= new Set()
      receipt.watchers.add(watcher)
      session.watches.set(number, watcher)
      return
    }
    this.#store.words(receipt, (words, error) => {
      if (session.state === 'ended') return
      for (const word of words ?? [unreadable(error!)]) tellWord(watcher, word)
    })
  }

  /** False where the number is of no watching. */
  unwatch(session: Session, number: number): boolean {
    const watcher = session.watches.get(number)
    if (watcher === undefined) return false
    session.watches.delete(number)
    watcher.receipt.watchers?.delete(watcher)
    return true
  }

  lost(session: Session): void {
    for (const number of session.watches.keys()) this.unwatch(session, number)
  }

  stop(): void {
    this.#retention.stop()
  }

  #moved(receipt: Receipt, word: Word, state: ReceiptState | undefined, feeder: Channel): void {
    if (word.type === FrameType.progress) {
      this.#room.grow(receipt, word.body.byteLength - (receipt.progress?.body.byteLength ?? 0))
      receipt.progress = word
    }
    // Who came back with it may say again what it said before.
    const isNews = receipt.state === 'handed' || (receipt.state === 'accepted' && state === 'started')
    if (isNews && this.#store.journal.failure === undefined)
      this.#store.step(receipt, state as 'accepted' | 'started', this.#clock.wallMs())
    for (const watcher of receipt.watchers ?? []) this.#feed(watcher, word, feeder)
    this.#postbacks.tell(receipt, word, feeder)
  }

  #end(receipt: Receipt, state: ReceiptState, word: Word, cause: Cause | undefined): void {
    this.#unsay(receipt)
    receipt.ending = state
    receipt.endCause = cause
    this.#say(receipt, word)
  }

  #say(receipt: Receipt, word: Word): void {
    if (receipt.outcome === NO_WORDS) receipt.outcome = [word]
    else receipt.outcome.push(word)
    receipt.outcomeBytes += WORD_BYTES + word.body.byteLength
    this.#room.grow(receipt, WORD_BYTES + word.body.byteLength)
  }

  /** What one callee did not do, another one that was lost may have done. */
  #flags({ attempts }: Receipt, { type, flags }: FrameReader): number {
    if (attempts === 0 || type !== FrameType.exception || executedOf(flags) !== 'no') return flags
    return (flags & ~Flag.executedMask) | executedFlag('maybe')
  }

  #feed(watcher: Watcher, word: Word, feeder: Channel | undefined): void {
    tellWord(watcher, word)
    const { channel } = watcher.session
    if (feeder !== undefined && channel.outboundBytes > this.#limits.maxOutboundBytes) channel.holdBack(feeder)
  }

  // ---- how much is kept

  #fits(receipt: Receipt, type: number, bytes: number): boolean {
    const { maxBodyBytes } = this.#limits
    const before = type === FrameType.answerChunk ? receipt.outcomeBytes : 0
    // Twice, as it may come in very many pieces.
    if (before + WORD_BYTES + bytes > 2 * maxBodyBytes + LEAST_BYTES || bytesOf(receipt, type) + bytes > maxBodyBytes) return false
    // What is kept free of a disk is for this.
    return bytes <= LEAST_BYTES && this.#room.isLasting ? true : this.#room.has(WORD_BYTES + bytes)
  }

  /** Throws `Overloaded` where so much more cannot be kept. */
  assertRoom(bytes: number): void {
    this.#room.assert(bytes)
  }

  #forget(receipt: Receipt): void {
    this.#retention.remove(receipt)
    this.#postbacks.forget(receipt)
    this.#room.left(receipt)
    if (this.#store.journal.failure === undefined) this.#store.forgotten(receipt)
  }
}

function isStatus(type: number): boolean {
  return type === FrameType.accepted || type === FrameType.started || type === FrameType.progress
}

/** Of the bodies that precede a piece of this type. */
function bytesOf({ outcome, outcomeBytes }: Receipt, type: number): number {
  return type === FrameType.answerChunk ? outcomeBytes - outcome.length * WORD_BYTES : 0
}

/** Receipts that one question looks at. */
const MOST_LOOKED_AT = 100_000
/** What a piece costs beside its body; and an outcome that always fits. */
const WORD_BYTES = 256
const LEAST_BYTES = 64 * 1024
