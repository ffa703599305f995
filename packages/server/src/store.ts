/**
 * All stored calls, as a fold of their records: what is said here of a receipt is appended to the journal in the same step, and a later start reads it
 * back to the same state. Owns the table of receipts and every field of theirs that outlives the router. Tells nobody, and decides nothing.
 */
import { WaybillError, type ReceiptState } from '@waybill/core'
import { UsedNumbers } from './archive/index.js'
import { Bodies, type BodySpool } from './bodies.js'
import type { Fold, Journal, Place } from './journal/journal.js'
import { end, giveBack, handOver, takeStep, type End } from './life.js'
import { Receipt, type Cause, type Lease, type Note, type StoredTerms, type Word } from './model.js'
import type { Principal } from './access.js'
import { moveTo, needsAt } from './receipt-places.js'
import { isDeadLetter } from './receipt-states.js'
import { ReceiptTable, type Keyed } from './receipt-table.js'
import {
  answerBodyOf,
  bodyOf,
  framesOf,
  readEntry,
  readHead,
  readNext,
  RecordKind,
  wordHeads,
  wordsOf,
  writeEntry,
  writeNext,
  writeRecord,
} from './records.js'

export class Store implements Fold {
  readonly #table = new ReceiptTable()
  readonly #bodies = new Bodies()
  /** What is known of calls whose receipts are forgotten. */
  readonly used = new UsedNumbers()
  #nextOrdinal = 1
  #latestMs = 0
  #journal: Journal | undefined
  /** Of receipts that were forgotten while the snapshot was written, so that it has no entry of them but their records follow. */
  readonly #missing = new Set<number>()
  /** What each receipt calls when its time is over. */
  forget: (receipt: Receipt) => void = () => {}
  /** The same for all of them, as they are very many. */
  readonly #due = (receipt: Receipt): void => this.forget(receipt)

  /** Where records go from now on. What it was opened with has been restored by then. Throws `Damaged`. */
  begin(journal: Journal): void {
    if (this.#missing.size > 0)
      throw new WaybillError('Damaged', `the store knows nothing of ${this.#missing.size} calls that it has records of`)
    this.#journal = journal
  }

  get journal(): Journal {
    return this.#journal!
  }

  get size(): number {
    return this.#table.size
  }

  /** The last time by the wall clock that anything was written down with. */
  get latestMs(): number {
    return this.#latestMs
  }

  /** Receipts whose call has not ended. */
  get pending(): number {
    return this.#table.pending
  }

  /** The oldest that has its outcome. */
  get oldestEnded(): Receipt | undefined {
    return this.#table.oldestEnded
  }

  /** When the oldest of those ended that are in the archive; and that one. */
  get oldestArchivedMs(): number | undefined {
    return this.#table.oldestArchivedMs
  }

  get oldestArchived(): Receipt | undefined {
    return this.#table.oldestArchived
  }

  /** All but the archive, in the order in which they were stored. */
  live(): Iterable<Receipt> {
    return this.#table.live()
  }

  /** All. Not to be walked while anything changes. */
  newest(): Iterable<Receipt> {
    return this.#table.newest()
  }

  /** Dead letters, the one that ended last first. */
  dead(): Iterable<Receipt> {
    return this.#table.dead()
  }

  find(principal: Principal, sn: string): Receipt | undefined {
    return this.#table.find(principal, sn)
  }

  /** The one of this number in the records. */
  byOrdinal(ordinal: number): Receipt | undefined {
    return this.#table.byOrdinal(ordinal)
  }

  /** The one that its caller knows by the same key. */
  keyed(terms: Keyed): Receipt | undefined {
    return this.#table.keyed(terms)
  }

  // ---- what happens, in the order of a life

  /** A body that is too long for a frame, for the terms of a call or for the end of one. Who ends it gives its place to one of them or drops it; what the
   * router's end left with nobody is released by the next start. Throws why nothing can be stored any more. */
  spool(): BodySpool {
    const spool = this.journal.spool()
    return {
      get bytes() {
        return spool.bytes
      },
      write: (bytes) => spool.write(bytes),
      end: () => spool.end(RecordKind.spooled, writeRecord([])),
      abort: () => spool.abort(),
    }
  }

  /** Of a body that was given to no call. */
  drop(body: Place): void {
    this.journal.release(body)
  }

  add(terms: StoredTerms, frames: readonly Uint8Array[]): Receipt {
    const receipt = this.#make(this.#nextOrdinal++, terms)
    receipt.request = this.journal.append(RecordKind.stored, writeRecord([receipt.ordinal, terms], frames))
    receipt.frames = frames
    this.#enter(receipt)
    return receipt
  }

  leased(receipt: Receipt, lease: Lease, ms: number): void {
    this.#append(receipt, RecordKind.leased, lease, ms)
    this.#passed(handOver(receipt, lease, ms))
  }

  step(receipt: Receipt, step: 'accepted' | 'started', ms: number): void {
    this.#append(receipt, RecordKind.step, step, ms)
    this.#passed(takeStep(receipt, step, ms))
  }

  /** Who had it does not do it. `attempts`: how many may have begun it by now. */
  back(receipt: Receipt, attempts: number, ms: number): void {
    this.#append(receipt, RecordKind.back, attempts, ms)
    this.#passed(giveBack(receipt, attempts, ms))
  }

  cancelled(receipt: Receipt): void {
    this.#append(receipt, RecordKind.cancelled)
    receipt.isCancelled = true
  }

  ended(receipt: Receipt, how: End, words: readonly Word[]): void {
    const { state, ms, isOwed, cause, body } = how
    const said = [receipt.ordinal, ++receipt.seq, state, ms, isOwed, receipt.attempts, cause ?? null]
    const head = [...said, ...wordHeads(words), ...(body === undefined ? [] : [body])]
    const bodies = words.map((word) => word.body)
    const answer = this.journal.append(RecordKind.ended, writeRecord(head, bodies))
    const { request } = receipt
    this.#end(receipt, how, answer)
    if (request === undefined || receipt.request !== undefined) return
    this.journal.release(request)
    this.#unnote(receipt)
  }

  /** Its callee has done something that is not to be done again. */
  noted(receipt: Receipt, key: string, encoding: number, value: Uint8Array): void {
    const place = this.journal.append(RecordKind.noted, writeRecord([receipt.ordinal, ++receipt.seq, key, encoding], [value]))
    this.#note(receipt, key, { encoding, place })
  }

  taken(receipt: Receipt): void {
    this.#append(receipt, RecordKind.taken)
    receipt.isOwed = false
  }

  /** It has ended, everybody has been told, and nobody holds it: what is kept of it need be no object. False where it has to stay one. */
  archive(receipt: Receipt): boolean {
    return this.#table.archive(receipt)
  }

  forgotten(receipt: Receipt): void {
    this.#append(receipt, RecordKind.forgotten)
    const { request, answer } = receipt
    this.#leave(receipt)
    for (const place of [request, answer]) if (place !== undefined) this.journal.release(place)
    this.#unnote(receipt)
  }

  /** The frames of the call, as they were sent; `Damaged` where they cannot be read. */
  frames(receipt: Receipt, then: (frames: readonly Uint8Array[] | undefined, error?: WaybillError) => void): void {
    const { frames } = receipt
    receipt.frames = undefined
    if (frames !== undefined) return then(frames)
    this.#read(receipt.request, (record, error) => then(record && framesOf(record), error))
  }

  /** The outcome. */
  words(receipt: Receipt, then: (words: Word[] | undefined, error?: WaybillError) => void): void {
    this.#read(receipt.answer, (record, error) => then(record && wordsOf(record), error))
  }

  /** A part of the body that its terms name, as `Journal.readPart`; `Damaged` also where it is kept no more. */
  readRequest(receipt: Receipt, offset: number, length: number, then: (part: Uint8Array | undefined, error?: WaybillError) => void): void {
    this.#readPart(receipt.request && receipt.terms.body, offset, length, then)
  }

  /** The same of its outcome. */
  readAnswer(receipt: Receipt, offset: number, length: number, then: (part: Uint8Array | undefined, error?: WaybillError) => void): void {
    this.#readPart(receipt.answerBody, offset, length, then)
  }

  /** The value of a note. */
  value({ place }: Note, then: (value: Uint8Array | undefined, error?: WaybillError) => void): void {
    this.#read(place, (record, error) => then(record && bodyOf(record).slice(), error))
  }

  #unnote(receipt: Receipt): void {
    for (const { place } of receipt.notes?.values() ?? []) this.journal.release(place)
    receipt.notes = undefined
  }

  #read(place: Place | undefined, then: (record: Uint8Array | undefined, error?: WaybillError) => void): void {
    this.#readPart(place, 0, place?.bytes ?? 0, then)
  }

  #readPart(
    place: Place | undefined,
    offset: number,
    length: number,
    then: (part: Uint8Array | undefined, error?: WaybillError) => void,
  ): void {
    if (place === undefined) return then(undefined, new WaybillError('Damaged', 'what is asked for is kept no more'))
    this.journal.readPart(place, offset, length, then)
  }

  #append(receipt: Receipt, kind: RecordKind, ...rest: readonly unknown[]): void {
    const place = this.journal.append(kind, writeRecord([receipt.ordinal, ++receipt.seq, ...rest]))
    // It is read at a start and never otherwise.
    this.journal.release(place)
  }

  // ---- the same, read back

  restore(entry: Uint8Array): void {
    const isArchive = this.#table.restoreArchive(entry, (ordinal, endedMs) => {
      this.#nextOrdinal = Math.max(this.#nextOrdinal, ordinal + 1)
      this.#passed(endedMs)
    })
    if (isArchive || this.used.restore(entry)) return
    const next = readNext(entry)
    if (next !== undefined) return void (this.#nextOrdinal = Math.max(this.#nextOrdinal, next))
    const receipt = readEntry(entry, (ordinal, terms) => this.#make(ordinal, terms))
    this.#enter(receipt)
    if (receipt.endedMs !== undefined) this.#table.ended(receipt)
    for (const [, ms] of receipt.steps) this.#passed(ms)
  }

  record(kind: number, record: Uint8Array, place: Place): void {
    // It is there, and whether anybody needs it the calls say.
    if (kind === RecordKind.spooled) return
    const [ordinal, ...said] = readHead(record) as [number, ...unknown[]]
    // Most of what follows a snapshot that took its time is in it already.
    const isNew = ordinal >= this.#nextOrdinal
    if (!isNew && this.#table.isArchived(ordinal, kind === RecordKind.stored ? 0 : (said[0] as number))) return
    const known = isNew ? undefined : this.#table.byOrdinal(ordinal)
    if (kind === RecordKind.stored) {
      if (known !== undefined) return
      const receipt = this.#make(ordinal, said[0] as StoredTerms)
      receipt.request = place
      return this.#enter(receipt)
    }
    if (known === undefined) return this.#lacking(ordinal, kind)
    const [seq, ...rest] = said as [number, ...unknown[]]
    if (seq <= known.seq) return
    if (seq !== known.seq + 1) throw new WaybillError('Damaged', `records are missing of the stored call ${known.sn}`)
    known.seq = seq
    this.#replay(known, kind, rest, place)
  }

  #replay(receipt: Receipt, kind: number, said: readonly unknown[], place: Place): void {
    switch (kind) {
      case RecordKind.leased:
        return this.#passed(handOver(receipt, ...(said as [Lease, number])))
      case RecordKind.step:
        return this.#passed(takeStep(receipt, ...(said as ['accepted' | 'started', number])))
      case RecordKind.back:
        return this.#passed(giveBack(receipt, ...(said as [number, number])))
      case RecordKind.ended: {
        const [state, ms, isOwed, attempts, cause, ...rest] = said as [ReceiptState, number, boolean, number, Cause | null, ...unknown[]]
        receipt.attempts = attempts
        this.#end(receipt, { state, ms, isOwed, cause: cause ?? undefined, body: answerBodyOf(rest) }, place)
        if (receipt.request === undefined) receipt.notes = undefined
        // Very many may have ended since the snapshot, and nobody holds any of them yet: as objects they would be most of what a start takes.
        return void this.archive(receipt)
      }
      case RecordKind.taken:
        receipt.isOwed = false
        return void this.archive(receipt)
      case RecordKind.forgotten:
        return this.#leave(receipt)
      case RecordKind.cancelled:
        receipt.isCancelled = true
        return
      case RecordKind.noted: {
        const [key, encoding] = said as [string, number]
        return this.#note(receipt, key, { encoding, place })
      }
      default:
        throw new WaybillError('Damaged', `the store has a record of kind ${kind}, which this router does not know`)
    }
  }

  /** A snapshot that was written while the last ones were forgotten has no entry at all. */
  #lacking(ordinal: number, kind: number): void {
    this.#nextOrdinal = Math.max(this.#nextOrdinal, ordinal + 1)
    if (kind === RecordKind.forgotten) this.#missing.delete(ordinal)
    else this.#missing.add(ordinal)
  }

  places(tell: (place: Place) => void): void {
    this.#table.places(tell)
    this.#bodies.places(tell)
  }

  *entries(): Iterable<Uint8Array> {
    for (const receipt of this.#table.live()) yield writeEntry(receipt)
    yield* this.#table.archiveEntries()
    yield* this.used.entries()
    if (this.#nextOrdinal > 1) yield writeNext(this.#nextOrdinal)
  }

  needs(kind: number, record: Uint8Array, place: Place): boolean {
    return needsAt(this.#table, kind, record, place)
  }

  moved(kind: number, record: Uint8Array, to: Place): void {
    moveTo(this.#table, kind, record, to)
  }

  #make(ordinal: number, terms: StoredTerms): Receipt {
    this.#nextOrdinal = Math.max(this.#nextOrdinal, ordinal + 1)
    return new Receipt(ordinal, terms, this.#due)
  }

  #passed(ms: number): void {
    if (ms > this.#latestMs) this.#latestMs = ms
  }

  #enter(receipt: Receipt): void {
    const { terms, request, answerBody } = receipt
    this.#passed(terms.storedMs)
    this.#table.enter(receipt)
    this.#bodies.hold(request && terms.body)
    this.#bodies.hold(answerBody)
    const { redriveOf } = terms
    const dead = redriveOf === undefined ? undefined : this.find(receipt.principal, redriveOf)
    if (dead !== undefined) dead.redrivenAs = receipt.sn
  }

  #note(receipt: Receipt, key: string, note: Note): void {
    receipt.notes ??= new Map<string, Note>()
    receipt.notes.set(key, note)
  }

  #end(receipt: Receipt, how: End, answer: Place): void {
    this.#passed(end(receipt, how, answer))
    this.#bodies.hold(how.body)
    if (!isDeadLetter(how.state)) this.#unrequest(receipt)
    this.#table.ended(receipt)
  }

  #leave(receipt: Receipt): void {
    this.#table.leave(receipt)
    this.used.add(receipt, this.#latestMs)
    this.#unrequest(receipt)
    this.#letGo(receipt.answerBody)
  }

  /** Nobody will ask for it any more. */
  #unrequest(receipt: Receipt): void {
    if (receipt.request !== undefined) this.#letGo(receipt.terms.body)
    receipt.request = undefined
  }

  /** While earlier starts are read back there is nothing to release: what is not among the places then is released by that. */
  #letGo(body: Place | undefined): void {
    if (body !== undefined && this.#bodies.letGo(body)) this.#journal?.release(body)
  }
}
