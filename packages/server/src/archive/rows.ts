/**
 * Rows of numbers in two columns, one of words of 32 bits and one of numbers of 64: a hundredth part of what objects take. A queue: the oldest goes
 * first. Owns the columns and how they grow; what a row means is for whoever has them.
 */
const LEAST = 256
const WORD_BYTES = 4
const NUMBER_BYTES = 8

/** Rows as they stand in a snapshot: of each the words and then the numbers, little-endian as on every machine that Node runs on. */
export interface Block {
  readonly words: Uint32Array
  readonly numbers: Float64Array
}

export class Rows {
  words: Uint32Array
  numbers: Float64Array
  /** Of all that ever were: rows have the positions from `first` to `next`. */
  first = 0
  next = 0
  #capacity = LEAST

  /** `wordCount` is even, so that in a block the numbers stand where numbers may. */
  constructor(
    readonly wordCount: number,
    readonly numberCount: number,
  ) {
    this.words = new Uint32Array(LEAST * wordCount)
    this.numbers = new Float64Array(LEAST * numberCount)
  }

  get size(): number {
    return this.next - this.first
  }

  get capacity(): number {
    return this.#capacity
  }

  /** Of one, in a block. */
  get rowBytes(): number {
    return this.wordCount * WORD_BYTES + this.numberCount * NUMBER_BYTES
  }

  /** Where the row of a position stands. A power of two, so that it stays there until the columns grow. */
  slot(position: number): number {
    return position % this.#capacity
  }

  isFull(): boolean {
    return this.size === this.#capacity
  }

  word(slot: number, word: number): number {
    return this.words[slot * this.wordCount + word]!
  }

  setWord(slot: number, word: number, value: number): void {
    this.words[slot * this.wordCount + word] = value
  }

  number(slot: number, number: number): number {
    return this.numbers[slot * this.numberCount + number]!
  }

  setNumber(slot: number, number: number, value: number): void {
    this.numbers[slot * this.numberCount + number] = value
  }

  /** Every row has another slot afterwards. */
  resize(capacity: number): void {
    const { wordCount, numberCount } = this
    const words = new Uint32Array(capacity * wordCount)
    const numbers = new Float64Array(capacity * numberCount)
    for (let position = this.first; position < this.next; position++) {
      const [from, to] = [this.slot(position), position % capacity]
      words.set(this.words.subarray(from * wordCount, (from + 1) * wordCount), to * wordCount)
      numbers.set(this.numbers.subarray(from * numberCount, (from + 1) * numberCount), to * numberCount)
    }
    this.words = words
    this.numbers = numbers
    this.#capacity = capacity
  }

  /** `bytes` begin where a buffer does. */
  static block(bytes: Uint8Array): Block {
    return { words: new Uint32Array(bytes.buffer), numbers: new Float64Array(bytes.buffer) }
  }

  write(slot: number, { words, numbers }: Block, row: number): void {
    const wordsAt = row * (this.rowBytes / WORD_BYTES)
    for (let word = 0; word < this.wordCount; word++) words[wordsAt + word] = this.word(slot, word)
    const numbersAt = (wordsAt + this.wordCount) / 2
    for (let number = 0; number < this.numberCount; number++) numbers[numbersAt + number] = this.number(slot, number)
  }

  read(slot: number, { words, numbers }: Block, row: number): void {
    const wordsAt = row * (this.rowBytes / WORD_BYTES)
    for (let word = 0; word < this.wordCount; word++) this.setWord(slot, word, words[wordsAt + word]!)
    const numbersAt = (wordsAt + this.wordCount) / 2
    for (let number = 0; number < this.numberCount; number++) this.setNumber(slot, number, numbers[numbersAt + number]!)
  }
}
