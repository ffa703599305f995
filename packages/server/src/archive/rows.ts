/**
 * What is kept of a stored call that has ended and of which nothing special was asked, as a row of numbers: a hundredth part of what its objects take.
 * A queue: the oldest goes first. Owns the columns and how they grow; what a row means is `Archive`'s.
 */
export const WORDS = {
  sn0: 0,
  sn1: 1,
  sn2: 2,
  sn3: 3,
  principal: 4,
  client: 5,
  address: 6,
  service: 7,
  method: 8,
  /** Who had it. */
  callee: 9,
  /** Milliseconds since it was stored; `NEVER` where that was never told. */
  handed: 10,
  accepted: 11,
  started: 12,
  segment: 13,
  offset: 14,
  bytes: 15,
  /** What it is counted with. */
  counted: 16,
  /** The index of its state, and its records so far. */
  state: 17,
  seq: 18,
} as const
const WORD_COUNT = 19
export const NUMBERS = { ordinal: 0, storedMs: 1, endedMs: 2 } as const
const NUMBER_COUNT = 3
/** Of one, in a snapshot. */
export const ROW_BYTES = WORD_COUNT * 4 + NUMBER_COUNT * 8

export const NEVER = 0xffffffff
const LEAST = 256

export class Rows {
  words = new Uint32Array(LEAST * WORD_COUNT)
  numbers = new Float64Array(LEAST * NUMBER_COUNT)
  /** Of all that ever were: rows have the positions from `first` to `next`. */
  first = 0
  next = 0
  #capacity = LEAST

  get size(): number {
    return this.next - this.first
  }

  /** Where the row of a position stands. A power of two, so that it stays there until the columns grow. */
  slot(position: number): number {
    return position % this.#capacity
  }

  isFull(): boolean {
    return this.size === this.#capacity
  }

  word(slot: number, word: number): number {
    return this.words[slot * WORD_COUNT + word]!
  }

  setWord(slot: number, word: number, value: number): void {
    this.words[slot * WORD_COUNT + word] = value
  }

  number(slot: number, number: number): number {
    return this.numbers[slot * NUMBER_COUNT + number]!
  }

  setNumber(slot: number, number: number, value: number): void {
    this.numbers[slot * NUMBER_COUNT + number] = value
  }

  /** Every row has another slot afterwards. */
  resize(capacity: number): void {
    const words = new Uint32Array(capacity * WORD_COUNT)
    const numbers = new Float64Array(capacity * NUMBER_COUNT)
    for (let position = this.first; position < this.next; position++) {
      const [from, to] = [this.slot(position), position % capacity]
      words.set(this.words.subarray(from * WORD_COUNT, (from + 1) * WORD_COUNT), to * WORD_COUNT)
      numbers.set(this.numbers.subarray(from * NUMBER_COUNT, (from + 1) * NUMBER_COUNT), to * NUMBER_COUNT)
    }
    this.words = words
    this.numbers = numbers
    this.#capacity = capacity
  }

  get capacity(): number {
    return this.#capacity
  }

  /** So many rows as bytes of a snapshot, little-endian on every machine that Node runs on. */
  write(slot: number, into: Uint8Array, at: number): void {
    into.set(new Uint8Array(this.words.buffer, slot * WORD_COUNT * 4, WORD_COUNT * 4), at)
    into.set(new Uint8Array(this.numbers.buffer, slot * NUMBER_COUNT * 8, NUMBER_COUNT * 8), at + WORD_COUNT * 4)
  }

  read(slot: number, from: Uint8Array, at: number): void {
    new Uint8Array(this.words.buffer, slot * WORD_COUNT * 4, WORD_COUNT * 4).set(from.subarray(at, at + WORD_COUNT * 4))
    new Uint8Array(this.numbers.buffer, slot * NUMBER_COUNT * 8, NUMBER_COUNT * 8).set(from.subarray(at + WORD_COUNT * 4, at + ROW_BYTES))
  }
}
