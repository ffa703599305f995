/**
 * Rows that begin with a serial number and the number of a principal's text: found by these two, in the order in which they came, and as entries of a
 * snapshot. Owns the texts that rows share; what else stands in a row is for whoever has them.
 *
 * ```
 * entry: mark, u32 rows, u32 length of the texts, the texts as JSON, the rows; in these a text is its index there
 * ```
 */
import { readU32, WaybillError, writeU32 } from '@waybill/core'
import { Interned } from './interned.js'
import { Rows } from './rows.js'
import { hashOfSerial, serialOf, serialWords, type SerialWords } from './serials.js'
import { Slots } from './slots.js'

/** The first words of each row. */
export const PRINCIPAL = 4
export const FIRST_FREE = 5
const ROWS_OF_AN_ENTRY = 512
const ENTRY_HEAD_BYTES = 9
/** Instead of the principal, where a row between others has gone. */
const GAP = 0xffffffff

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export interface RowShape {
  /** Its entries begin with it; entries of objects begin with a brace, those of sections with the marks of these. */
  readonly mark: number
  readonly words: number
  readonly numbers: number
  /** The words that stand for texts. */
  readonly texts: readonly number[]
}

export class SerialRows {
  readonly rows: Rows
  readonly #shape: RowShape
  readonly #texts = new Interned()
  readonly #bySerial: Slots
  readonly #indexes: Slots[] = []
  #gaps = 0

  constructor(shape: RowShape) {
    this.#shape = shape
    this.rows = new Rows(shape.words, shape.numbers)
    this.#bySerial = this.index((slot) => hashOfSerial(this.#serialAt(slot)))
  }

  get size(): number {
    return this.rows.size - this.#gaps
  }

  /** Another way to find rows. Before there are any. */
  index(hashOf: (slot: number) => number): Slots {
    const slots = new Slots(hashOf)
    this.#indexes.push(slots)
    return slots
  }

  find(principal: string, sn: string): number | undefined {
    const number = this.#texts.numberOf(principal)
    const serial = number === undefined ? undefined : serialWords(sn)
    if (serial === undefined) return undefined
    return this.#bySerial.find(hashOfSerial(serial), (slot) => this.#is(slot, serial) && this.rows.word(slot, PRINCIPAL) === number)
  }

  /** The slot of a new row, of which the texts stand there, in the order of the shape. `entered` is called when all of it does. */
  begin(serial: SerialWords, texts: readonly string[]): number {
    const slot = this.#grow()
    for (let at = 0; at < serial.length; at++) this.rows.setWord(slot, at, serial[at]!)
    for (const [at, word] of this.#shape.texts.entries()) this.rows.setWord(slot, word, this.#texts.hold(texts[at]!))
    return slot
  }

  entered(slot: number): void {
    for (const index of this.#indexes) index.add(slot)
  }

  /** Nearly always it is the oldest: in between it leaves a gap, until all that are older have gone. */
  remove(slot: number): void {
    for (const index of this.#indexes) index.remove(slot)
    for (const word of this.#shape.texts) this.#texts.release(this.rows.word(slot, word))
    this.rows.setWord(slot, PRINCIPAL, GAP)
    this.#gaps++
    while (this.rows.size > 0 && this.#isGap(this.rows.slot(this.rows.first))) {
      this.rows.first++
      this.#gaps--
    }
    if (this.rows.capacity > 1024 && this.rows.size * 8 < this.rows.capacity) this.#resize(this.rows.capacity / 2)
  }

  get oldest(): number | undefined {
    return this.size === 0 ? undefined : this.rows.slot(this.rows.first)
  }

  serial(slot: number): string {
    return serialOf(this.#serialAt(slot))
  }

  text(slot: number, word: number): string {
    return this.#texts.text(this.rows.word(slot, word))
  }

  /** The oldest first. Not to be walked while they change. */
  *slots(): Iterable<number> {
    for (let position = this.rows.first; position < this.rows.next; position++) {
      const slot = this.rows.slot(position)
      if (!this.#isGap(slot)) yield slot
    }
  }

  /** The same from the end. */
  *newest(): Iterable<number> {
    for (let position = this.rows.next - 1; position >= this.rows.first; position--) {
      const slot = this.rows.slot(position)
      if (!this.#isGap(slot)) yield slot
    }
  }

  // ---- a snapshot

  isEntry(entry: Uint8Array): boolean {
    return entry[0] === this.#shape.mark
  }

  /** May be walked while rows come and go: what was there at the end and in no entry has come since, and is behind. */
  *entries(): Iterable<Uint8Array> {
    for (let position = this.rows.first; position < this.rows.next;) {
      const from = Math.max(position, this.rows.first)
      const to = Math.min(from + ROWS_OF_AN_ENTRY, this.rows.next)
      if (to > from) yield this.#entry(from, to)
      position = to
    }
  }

  #entry(from: number, to: number): Uint8Array {
    const { mark, texts } = this.#shape
    const slots: number[] = []
    for (let position = from; position < to; position++) {
      const slot = this.rows.slot(position)
      if (!this.#isGap(slot)) slots.push(slot)
    }
    const indexes = new Map<number, number>()
    const bytes = new Uint8Array(slots.length * this.rows.rowBytes)
    const block = Rows.block(bytes)
    for (const [row, slot] of slots.entries()) {
      this.rows.write(slot, block, row)
      for (const word of texts) {
        const number = this.rows.word(slot, word)
        let index = indexes.get(number)
        if (index === undefined) indexes.set(number, (index = indexes.size))
        block.words[(row * this.rows.rowBytes) / 4 + word] = index
      }
    }
    const names = encoder.encode(JSON.stringify(Array.from(indexes.keys(), (number) => this.#texts.text(number))))
    const entry = new Uint8Array(ENTRY_HEAD_BYTES + names.byteLength + bytes.byteLength)
    entry[0] = mark
    writeU32(entry, 1, slots.length)
    writeU32(entry, 5, names.byteLength)
    entry.set(names, ENTRY_HEAD_BYTES)
    entry.set(bytes, ENTRY_HEAD_BYTES + names.byteLength)
    return entry
  }

  /** `came` is told the slot of each row. Throws `Damaged`. */
  restore(entry: Uint8Array, came: (slot: number) => void): void {
    const count = readU32(entry, 1)
    const rowsAt = ENTRY_HEAD_BYTES + readU32(entry, 5)
    if (entry.byteLength !== rowsAt + count * this.rows.rowBytes)
      throw new WaybillError('Damaged', 'an entry of the snapshot has not the length that it says')
    const texts = JSON.parse(decoder.decode(entry.subarray(ENTRY_HEAD_BYTES, rowsAt))) as string[]
    const block = Rows.block(entry.slice(rowsAt))
    for (let row = 0; row < count; row++) {
      const slot = this.#grow()
      this.rows.read(slot, block, row)
      for (const word of this.#shape.texts) this.rows.setWord(slot, word, this.#texts.hold(texts[this.rows.word(slot, word)]!))
      this.entered(slot)
      came(slot)
    }
  }

  // ---- rows

  #grow(): number {
    if (this.rows.isFull()) this.#resize(this.rows.capacity * 2)
    return this.rows.slot(this.rows.next++)
  }

  #resize(capacity: number): void {
    this.rows.resize(capacity)
    for (const index of this.#indexes) index.renew(this.slots(), this.size)
  }

  #isGap(slot: number): boolean {
    return this.rows.word(slot, PRINCIPAL) === GAP
  }

  #serialAt(slot: number): SerialWords {
    const { words, wordCount } = this.rows
    const at = slot * wordCount
    return [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!]
  }

  #is(slot: number, [first, second, third, last]: SerialWords): boolean {
    const { words, wordCount } = this.rows
    const at = slot * wordCount
    return words[at + 3] === last && words[at + 2] === third && words[at + 1] === second && words[at] === first
  }
}
