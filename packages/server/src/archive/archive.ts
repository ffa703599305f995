/**
 * The receipts of calls that have ended, and of which nothing special was asked, without objects: they are most of what a store has, and are read
 * rarely. In the order in which they ended; the oldest goes first. Gives a receipt as an object made anew, which is for reading.
 */
import { readU32, WaybillError, writeU32, type ReceiptState } from '@waybill/core'
import type { Place } from '../journal/journal.js'
import { Receipt } from '../model.js'
import { Interned } from './interned.js'
import { NEVER, NUMBERS, ROW_BYTES, Rows, WORDS } from './rows.js'
import { Slots } from './slots.js'

/** Written down, so an index keeps its meaning. */
const STATES: readonly ReceiptState[] = ['succeeded', 'failed']
const TEXTS = [WORDS.principal, WORDS.client, WORDS.address, WORDS.service, WORDS.method, WORDS.callee] as const
const SN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
/** Rows of one entry of a snapshot, which begins with this byte; entries of objects begin with a brace. */
const ROWS_OF_AN_ENTRY = 512
const MARK = 1
const ENTRY_HEAD_BYTES = 9
const LATEST_MS = 0xfffffffe
/** Instead of an ordinal, which begin with 1. */
const GAP = 0

const encoder = new TextEncoder()
const decoder = new TextDecoder()

type SerialWords = readonly [number, number, number, number]

export class Archive {
  readonly #rows = new Rows()
  readonly #texts = new Interned()
  readonly #bySn = new Slots((slot) => hashOf(this.#serialAt(slot)))
  readonly #byOrdinal = new Slots((slot) => hashOfNumber(this.#rows.number(slot, NUMBERS.ordinal)))

  /** Rows between others whose receipts have gone. */
  #gaps = 0

  get size(): number {
    return this.#rows.size - this.#gaps
  }

  /** False where it has something that no row has a place for. */
  add(receipt: Receipt): boolean {
    const steps = plainSteps(receipt)
    const { answer, endedMs, terms, ordinal, bytes, seq, state } = receipt
    if (steps === undefined || answer === undefined || endedMs === undefined || seq > NEVER) return false
    const slot = this.#grow()
    const serial = serialWords(terms.sn)
    serial.forEach((word, at) => this.#rows.setWord(slot, at, word))
    const texts = [terms.principal, terms.client, terms.address, terms.service, terms.method, steps.callee]
    TEXTS.forEach((word, at) => this.#rows.setWord(slot, word, this.#texts.hold(texts[at]!)))
    this.#rows.setWord(slot, WORDS.handed, steps.handed)
    this.#rows.setWord(slot, WORDS.accepted, steps.accepted)
    this.#rows.setWord(slot, WORDS.started, steps.started)
    this.#rows.setWord(slot, WORDS.counted, bytes)
    this.#rows.setWord(slot, WORDS.state, STATES.indexOf(state))
    this.#rows.setWord(slot, WORDS.seq, seq)
    this.#rows.setNumber(slot, NUMBERS.ordinal, ordinal)
    this.#rows.setNumber(slot, NUMBERS.storedMs, terms.storedMs)
    this.#rows.setNumber(slot, NUMBERS.endedMs, endedMs)
    this.#place(slot, answer)
    this.#bySn.add(slot)
    this.#byOrdinal.add(slot)
    return true
  }

  find(principal: string, sn: string): Receipt | undefined {
    const number = this.#texts.numberOf(principal)
    if (number === undefined || !SN.test(sn)) return undefined
    const words = serialWords(sn)
    const slot = this.#bySn.find(hashOf(words), (at) => this.#is(at, words) && this.#rows.word(at, WORDS.principal) === number)
    return slot === undefined ? undefined : this.#receipt(slot)
  }

  byOrdinal(ordinal: number): Receipt | undefined {
    const slot = this.#slotOf(ordinal)
    return slot === undefined ? undefined : this.#receipt(slot)
  }

  /** Its outcome stands elsewhere. False where it has none of this ordinal. */
  moved(ordinal: number, answer: Place): boolean {
    const slot = this.#slotOf(ordinal)
    if (slot === undefined) return false
    this.#place(slot, answer)
    return true
  }

  get oldest(): Receipt | undefined {
    return this.size === 0 ? undefined : this.#receipt(this.#rows.slot(this.#rows.first))
  }

  get oldestEndedMs(): number | undefined {
    return this.size === 0 ? undefined : this.#rows.number(this.#rows.slot(this.#rows.first), NUMBERS.endedMs)
  }

  /** Nearly always it is the oldest: in between it leaves a gap, until all that are older have gone. */
  remove(ordinal: number): void {
    const slot = this.#slotOf(ordinal)
    if (slot === undefined) return
    this.#bySn.remove(slot)
    this.#byOrdinal.remove(slot)
    for (const word of TEXTS) this.#texts.release(this.#rows.word(slot, word))
    this.#rows.setNumber(slot, NUMBERS.ordinal, GAP)
    this.#gaps++
    while (this.#rows.size > 0 && this.#isGap(this.#rows.first)) {
      this.#rows.first++
      this.#gaps--
    }
    if (this.#rows.capacity > 1024 && this.#rows.size * 8 < this.#rows.capacity) this.#resize(this.#rows.capacity / 2)
  }

  #isGap(position: number): boolean {
    return this.#rows.number(this.#rows.slot(position), NUMBERS.ordinal) === GAP
  }

  /** The last that ended first. Not to be walked while it changes. */
  *newest(): Iterable<Receipt> {
    for (let position = this.#rows.next - 1; position >= this.#rows.first; position--)
      if (!this.#isGap(position)) yield this.#receipt(this.#rows.slot(position))
  }

  *places(): Iterable<Place> {
    for (const slot of this.#slots()) yield this.#placeAt(slot)
  }

  // ---- a snapshot: mark, u32 rows, u32 length of the texts, the texts as JSON, the rows

  static isEntry(entry: Uint8Array): boolean {
    return entry[0] === MARK
  }

  /** May be walked while rows come and go: what was there at the end and in no entry has come since, and is behind. */
  *entries(): Iterable<Uint8Array> {
    for (let position = this.#rows.first; position < this.#rows.next;) {
      const from = Math.max(position, this.#rows.first)
      const to = Math.min(from + ROWS_OF_AN_ENTRY, this.#rows.next)
      if (to > from) yield this.#entry(from, to)
      position = to
    }
  }

  #entry(from: number, to: number): Uint8Array {
    const texts = new Map<number, number>()
    const slots: number[] = []
    for (let position = from; position < to; position++) if (!this.#isGap(position)) slots.push(this.#rows.slot(position))
    const written = new Uint8Array(slots.length * ROW_BYTES)
    for (const [row, slot] of slots.entries()) {
      const at = row * ROW_BYTES
      this.#rows.write(slot, written, at)
      for (const word of TEXTS) {
        const number = this.#rows.word(slot, word)
        let index = texts.get(number)
        if (index === undefined) texts.set(number, (index = texts.size))
        writeU32(written, at + word * 4, index)
      }
    }
    const names = encoder.encode(JSON.stringify(Array.from(texts.keys(), (number) => this.#texts.text(number))))
    const entry = new Uint8Array(ENTRY_HEAD_BYTES + names.byteLength + written.byteLength)
    entry[0] = MARK
    writeU32(entry, 1, slots.length)
    writeU32(entry, 5, names.byteLength)
    entry.set(names, ENTRY_HEAD_BYTES)
    entry.set(written, ENTRY_HEAD_BYTES + names.byteLength)
    return entry
  }

  /** `came` is told the ordinal and the latest time of each row. Throws `Damaged`. */
  restore(entry: Uint8Array, came: (ordinal: number, endedMs: number) => void): void {
    const count = readU32(entry, 1)
    const rowsAt = ENTRY_HEAD_BYTES + readU32(entry, 5)
    if (entry.byteLength !== rowsAt + count * ROW_BYTES)
      throw new WaybillError('Damaged', 'an entry of the snapshot has not the length that it says')
    const texts = JSON.parse(decoder.decode(entry.subarray(ENTRY_HEAD_BYTES, rowsAt))) as string[]
    for (let row = 0; row < count; row++) {
      const slot = this.#grow()
      this.#rows.read(slot, entry, rowsAt + row * ROW_BYTES)
      for (const word of TEXTS) this.#rows.setWord(slot, word, this.#texts.hold(texts[this.#rows.word(slot, word)]!))
      // Counted by the start that it was of.
      this.#rows.setWord(slot, WORDS.counted, 0)
      this.#bySn.add(slot)
      this.#byOrdinal.add(slot)
      came(this.#rows.number(slot, NUMBERS.ordinal), this.#rows.number(slot, NUMBERS.endedMs))
    }
  }

  // ---- rows

  /** The slot of a row that is to be written. */
  #grow(): number {
    if (this.#rows.isFull()) this.#resize(this.#rows.capacity * 2)
    return this.#rows.slot(this.#rows.next++)
  }

  #resize(capacity: number): void {
    this.#rows.resize(capacity)
    this.#bySn.renew(this.#slots(), this.size)
    this.#byOrdinal.renew(this.#slots(), this.size)
  }

  *#slots(): Iterable<number> {
    for (let position = this.#rows.first; position < this.#rows.next; position++)
      if (!this.#isGap(position)) yield this.#rows.slot(position)
  }

  #slotOf(ordinal: number): number | undefined {
    return this.#byOrdinal.find(hashOfNumber(ordinal), (slot) => this.#rows.number(slot, NUMBERS.ordinal) === ordinal)
  }

  #serialAt(slot: number): SerialWords {
    const { words } = this.#rows
    const at = slot * (words.length / this.#rows.capacity)
    return [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!]
  }

  #is(slot: number, words: SerialWords): boolean {
    return words.every((word, at) => this.#rows.word(slot, at) === word)
  }

  #place(slot: number, { segment, offset, bytes }: Place): void {
    this.#rows.setWord(slot, WORDS.segment, segment)
    this.#rows.setWord(slot, WORDS.offset, offset)
    this.#rows.setWord(slot, WORDS.bytes, bytes)
  }

  #placeAt(slot: number): Place {
    return {
      segment: this.#rows.word(slot, WORDS.segment),
      offset: this.#rows.word(slot, WORDS.offset),
      bytes: this.#rows.word(slot, WORDS.bytes),
    }
  }

  #receipt(slot: number): Receipt {
    const text = (word: number): string => this.#texts.text(this.#rows.word(slot, word))
    const storedMs = this.#rows.number(slot, NUMBERS.storedMs)
    const endedMs = this.#rows.number(slot, NUMBERS.endedMs)
    const receipt = new Receipt(
      this.#rows.number(slot, NUMBERS.ordinal),
      {
        sn: serialText(this.#serialAt(slot)),
        principal: text(WORDS.principal),
        client: text(WORDS.client),
        address: text(WORDS.address),
        service: text(WORDS.service),
        method: text(WORDS.method),
        storedMs,
        waitUntilMs: endedMs,
        deadlineMs: endedMs,
      },
      () => {},
    )
    receipt.state = STATES[this.#rows.word(slot, WORDS.state)]!
    receipt.seq = this.#rows.word(slot, WORDS.seq)
    receipt.endedMs = endedMs
    receipt.answer = this.#placeAt(slot)
    receipt.bytes = this.#rows.word(slot, WORDS.counted)
    receipt.isArchived = true
    const at = (word: number): number => this.#rows.word(slot, word)
    if (at(WORDS.handed) !== NEVER) receipt.steps.push(['handed', storedMs + at(WORDS.handed), text(WORDS.callee)])
    if (at(WORDS.accepted) !== NEVER) receipt.steps.push(['accepted', storedMs + at(WORDS.accepted)])
    if (at(WORDS.started) !== NEVER) receipt.steps.push(['started', storedMs + at(WORDS.started)])
    receipt.steps.push([receipt.state, endedMs])
    return receipt
  }
}

/** When each of its steps was, where it has gone the straight way and nothing is known of it that a row has no place for. */
function plainSteps(receipt: Receipt): { handed: number; accepted: number; started: number; callee: string } | undefined {
  const { terms, state, attempts, cause, isOwed, notes, redrivenAs, isCancelled, request, progress, answerBody } = receipt
  if (!STATES.includes(state) || attempts > 0 || isOwed || isCancelled || request !== undefined || !SN.test(terms.sn)) return undefined
  const special = [
    cause,
    notes,
    progress,
    redrivenAs,
    terms.data,
    terms.key,
    terms.replyto,
    terms.redriveOf,
    terms.parent,
    terms.body,
    answerBody,
  ]
  if (special.some((one) => one !== undefined)) return undefined
  const since = { stored: 0, handed: NEVER, accepted: NEVER, started: NEVER, callee: '' }
  for (const [step, ms, callee] of receipt.steps.slice(0, -1)) {
    if (!(step in since) || ms < terms.storedMs || ms - terms.storedMs > LATEST_MS) return undefined
    const name = step as 'stored' | 'handed' | 'accepted' | 'started'
    if (name !== 'stored' && since[name] !== NEVER) return undefined
    since[name] = Math.floor(ms - terms.storedMs)
    if (callee !== undefined) since.callee = callee
  }
  return since
}

function serialWords(sn: string): SerialWords {
  const hex = sn.replaceAll('-', '')
  const word = (at: number): number => Number.parseInt(hex.slice(at, at + 8), 16)
  return [word(0), word(8), word(16), word(24)]
}

function serialText(words: SerialWords): string {
  const hex = words.map((word) => word.toString(16).padStart(8, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function hashOf([first, second, third, last]: SerialWords): number {
  return mixed(first ^ Math.imul(second, 0x9e3779b1) ^ Math.imul(third, 0x85ebca6b) ^ Math.imul(last, 0xc2b2ae35))
}

function hashOfNumber(number: number): number {
  return mixed(number ^ Math.imul(Math.floor(number / 2 ** 32), 0x9e3779b1))
}

function mixed(hash: number): number {
  const value = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (value ^ (value >>> 13)) >>> 0
}
