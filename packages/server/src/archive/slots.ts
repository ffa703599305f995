/**
 * Slots by the hash of what is in them: open addressing with linear probing, in one array of numbers. Knows no keys: who asks says whether a slot is the
 * one. Eight bytes a slot at most, where a Map needs forty.
 */
const LEAST = 64

export class Slots {
  /** Slot + 1; 0 is nobody's. */
  #table = new Uint32Array(LEAST)
  #size = 0
  readonly #hashOf: (slot: number) => number

  constructor(hashOf: (slot: number) => number) {
    this.#hashOf = hashOf
  }

  /** The first that it is. */
  find(hash: number, is: (slot: number) => boolean): number | undefined {
    const mask = this.#table.length - 1
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = this.#table[at]!
      if (entry === 0) return undefined
      if (is(entry - 1)) return entry - 1
    }
  }

  add(slot: number): void {
    if ((this.#size + 1) * 2 > this.#table.length) this.#resize(this.#table.length * 2)
    this.#put(slot)
    this.#size++
  }

  /** What stands behind it moves up, so that nothing is between a slot and where it is looked for first. */
  remove(slot: number): void {
    const mask = this.#table.length - 1
    let hole = this.#hashOf(slot) & mask
    while (this.#table[hole] !== slot + 1) hole = (hole + 1) & mask
    for (let at = (hole + 1) & mask; this.#table[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashOf(this.#table[at]! - 1) & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      this.#table[hole] = this.#table[at]!
      hole = at
    }
    this.#table[hole] = 0
    this.#size--
    if (this.#table.length > LEAST && this.#size * 8 < this.#table.length) this.#resize(this.#table.length / 2)
  }

  /** The same slots mean other rows now. */
  renew(slots: Iterable<number>, count: number): void {
    let length = LEAST
    while (count * 2 > length) length *= 2
    this.#table = new Uint32Array(length)
    this.#size = count
    for (const slot of slots) this.#put(slot)
  }

  #resize(length: number): void {
    const before = this.#table
    this.#table = new Uint32Array(length)
    for (const entry of before) if (entry !== 0) this.#put(entry - 1)
  }

  #put(slot: number): void {
    const mask = this.#table.length - 1
    let at = this.#hashOf(slot) & mask
    while (this.#table[at] !== 0) at = (at + 1) & mask
    this.#table[at] = slot + 1
  }
}
