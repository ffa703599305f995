/**
 * The receipts of calls that have ended, and of which nothing special was asked, without objects: they are most of what a store has, and are read
 * rarely. In the order in which they ended; the oldest goes first. Gives a receipt as an object made anew, which is for reading.
 */
import type { ReceiptState } from '@waybill/core'
import type { Place } from '../journal/journal.js'
import { Receipt } from '../model.js'
import { isFormer, widened } from './former-rows.js'
import { FIRST_FREE, PRINCIPAL, SerialRows } from './serial-rows.js'
import { hashOfNumber, serialWords } from './serials.js'
import { type Slots } from './slots.js'

const WORDS = {
  client: FIRST_FREE,
  address: FIRST_FREE + 1,
  service: FIRST_FREE + 2,
  method: FIRST_FREE + 3,
  /** Who had it. */
  callee: FIRST_FREE + 4,
  /** Milliseconds since it was stored; `NEVER` where that was never told. */
  handed: FIRST_FREE + 5,
  accepted: FIRST_FREE + 6,
  started: FIRST_FREE + 7,
  segment: FIRST_FREE + 8,
  offset: FIRST_FREE + 9,
  bytes: FIRST_FREE + 10,
  /** What it is counted with. */
  counted: FIRST_FREE + 11,
  /** The index of its state, and its records so far. */
  state: FIRST_FREE + 12,
  seq: FIRST_FREE + 13,
  /** Milliseconds from when it was stored to its deadline. */
  ttl: FIRST_FREE + 14,
} as const
const NUMBERS = { ordinal: 0, storedMs: 1, endedMs: 2 } as const
const SHAPE = {
  mark: 16,
  words: FIRST_FREE + 15,
  numbers: 3,
  texts: [PRINCIPAL, WORDS.client, WORDS.address, WORDS.service, WORDS.method, WORDS.callee],
} as const

/** Written down, so an index keeps its meaning. */
const STATES: readonly ReceiptState[] = ['succeeded', 'failed']
const NEVER = 0xffffffff
const LATEST_MS = 0xfffffffe

export class Archive {
  readonly #table = new SerialRows(SHAPE)
  readonly #rows = this.#table.rows
  readonly #byOrdinal: Slots = this.#table.index((slot) => hashOfNumber(this.#rows.number(slot, NUMBERS.ordinal)))

  get size(): number {
    return this.#table.size
  }

  /** False where it has something that no row has a place for. */
  add(receipt: Receipt): boolean {
    const steps = plainSteps(receipt)
    const { answer, endedMs, terms, ordinal, bytes, seq, state } = receipt
    const serial = serialWords(terms.sn)
    const ttlMs = terms.deadlineMs - terms.storedMs
    if (steps === undefined || serial === undefined || answer === undefined || endedMs === undefined || seq > NEVER) return false
    if (ttlMs < 0 || ttlMs > LATEST_MS) return false
    const { principal, client, address, service, method } = terms
    const slot = this.#table.begin(serial, [principal, client, address, service, method, steps.callee])
    this.#rows.setWord(slot, WORDS.handed, steps.handed)
    this.#rows.setWord(slot, WORDS.accepted, steps.accepted)
    this.#rows.setWord(slot, WORDS.started, steps.started)
    this.#rows.setWord(slot, WORDS.counted, bytes)
    this.#rows.setWord(slot, WORDS.state, STATES.indexOf(state))
    this.#rows.setWord(slot, WORDS.seq, seq)
    this.#rows.setWord(slot, WORDS.ttl, Math.ceil(ttlMs))
    this.#rows.setNumber(slot, NUMBERS.ordinal, ordinal)
    this.#rows.setNumber(slot, NUMBERS.storedMs, terms.storedMs)
    this.#rows.setNumber(slot, NUMBERS.endedMs, endedMs)
    this.#place(slot, answer)
    this.#table.entered(slot)
    return true
  }

  find(principal: string, sn: string): Receipt | undefined {
    return this.#receipt(this.#table.find(principal, sn))
  }

  byOrdinal(ordinal: number): Receipt | undefined {
    return this.#receipt(this.#slotOf(ordinal))
  }

  /** Its outcome stands elsewhere. False where it has none of this ordinal. */
  moved(ordinal: number, answer: Place): boolean {
    const slot = this.#slotOf(ordinal)
    if (slot === undefined) return false
    this.#place(slot, answer)
    return true
  }

  get oldest(): Receipt | undefined {
    return this.#receipt(this.#table.oldest)
  }

  get oldestEndedMs(): number | undefined {
    const { oldest } = this.#table
    return oldest === undefined ? undefined : this.#rows.number(oldest, NUMBERS.endedMs)
  }

  remove(ordinal: number): void {
    const slot = this.#slotOf(ordinal)
    if (slot !== undefined) this.#table.remove(slot)
  }

  /** The last that ended first. Not to be walked while it changes. */
  *newest(): Iterable<Receipt> {
    for (const slot of this.#table.newest()) yield this.#receipt(slot)
  }

  places(tell: (place: Place) => void): void {
    for (const slot of this.#table.slots()) tell(this.#placeAt(slot))
  }

  isEntry(entry: Uint8Array): boolean {
    return this.#table.isEntry(entry) || isFormer(entry)
  }

  /** May be walked while receipts come and go. */
  entries(): Iterable<Uint8Array> {
    return this.#table.entries()
  }

  /** `came` is told the ordinal and the latest time of each. Throws `Damaged`. */
  restore(entry: Uint8Array, came: (ordinal: number, endedMs: number) => void): void {
    this.#table.restore(isFormer(entry) ? widened(entry, SHAPE.mark) : entry, (slot) => {
      // Counted by the start that it was of.
      this.#rows.setWord(slot, WORDS.counted, 0)
      came(this.#rows.number(slot, NUMBERS.ordinal), this.#rows.number(slot, NUMBERS.endedMs))
    })
  }

  /** Whether it has this one, and what it has of it comes from its record of that number or a later one. Makes no receipt of the row. */
  knows(ordinal: number, seq: number): boolean {
    const slot = this.#slotOf(ordinal)
    return slot !== undefined && seq <= this.#rows.word(slot, WORDS.seq)
  }

  #slotOf(ordinal: number): number | undefined {
    return this.#byOrdinal.find(hashOfNumber(ordinal), (slot) => this.#rows.number(slot, NUMBERS.ordinal) === ordinal)
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

  #receipt(slot: number): Receipt
  #receipt(slot: number | undefined): Receipt | undefined
  #receipt(slot: number | undefined): Receipt | undefined {
    if (slot === undefined) return undefined
    const text = (word: number): string => this.#table.text(slot, word)
    const storedMs = this.#rows.number(slot, NUMBERS.storedMs)
    const endedMs = this.#rows.number(slot, NUMBERS.endedMs)
    const deadlineMs = storedMs + this.#rows.word(slot, WORDS.ttl)
    const receipt = new Receipt(
      this.#rows.number(slot, NUMBERS.ordinal),
      {
        sn: this.#table.serial(slot),
        principal: text(PRINCIPAL),
        client: text(WORDS.client),
        address: text(WORDS.address),
        service: text(WORDS.service),
        method: text(WORDS.method),
        storedMs,
        waitUntilMs: deadlineMs,
        deadlineMs,
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
    if (at(WORDS.handed) !== NEVER) receipt.passed(['handed', storedMs + at(WORDS.handed), text(WORDS.callee)])
    if (at(WORDS.accepted) !== NEVER) receipt.passed(['accepted', storedMs + at(WORDS.accepted)])
    if (at(WORDS.started) !== NEVER) receipt.passed(['started', storedMs + at(WORDS.started)])
    receipt.passed([receipt.state, endedMs])
    return receipt
  }
}

/** When each of its steps was, where it has gone the straight way and nothing is known of it that a row has no place for. */
function plainSteps(receipt: Receipt): { handed: number; accepted: number; started: number; callee: string } | undefined {
  const { terms, state, attempts, cause, isOwed, notes, redrivenAs, isCancelled, request, progress, answerBody } = receipt
  if (!STATES.includes(state) || attempts > 0 || isOwed || isCancelled || request !== undefined) return undefined
  const { data, key, replyto, redriveOf, parent, body } = terms
  const special = [cause, notes, progress, redrivenAs, data, key, replyto, redriveOf, parent, body, answerBody]
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
