/**
 * Seeded randomness: xoshiro128** (Blackman and Vigna), seeded through splitmix32. The same seed gives the same numbers on every machine.
 * Knows nothing of what the numbers are for.
 */
import type { Random } from '@waybill/core'

export class Seeded implements Random {
  readonly #state = new Uint32Array(4)

  constructor(seed: number) {
    let mixed = seed >>> 0
    for (let word = 0; word < 4; word++) {
      mixed = (mixed + 0x9e3779b9) >>> 0
      let value = mixed
      value = Math.imul(value ^ (value >>> 16), 0x21f0aaad)
      value = Math.imul(value ^ (value >>> 15), 0x735a2d97)
      this.#state[word] = value ^ (value >>> 15)
    }
  }

  /** 32 bits. */
  next(): number {
    const state = this.#state
    const second = state[1]!
    const turned = Math.imul(second, 5)
    const result = Math.imul((turned << 7) | (turned >>> 25), 9) >>> 0
    const shifted = second << 9
    state[2]! ^= state[0]!
    state[3]! ^= second
    state[1]! ^= state[2]!
    state[0]! ^= state[3]!
    state[2]! ^= shifted
    state[3] = (state[3]! << 11) | (state[3]! >>> 21)
    return result
  }

  /** 0 ≤ fraction < 1. */
  fraction(): number {
    return this.next() / 2 ** 32
  }

  between(least: number, most: number): number {
    return least + this.fraction() * (most - least)
  }

  /** A whole number, both ends included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(from: readonly T[]): T {
    return from[this.whole(0, from.length - 1)]!
  }

  /** Independent of this one from here on, so that who draws more does not change what others draw. */
  fork(label: string): Seeded {
    let hash = 0x811c9dc5
    for (let at = 0; at < label.length; at++) hash = Math.imul(hash ^ label.charCodeAt(at), 0x01000193)
    return new Seeded(this.next() ^ hash)
  }

  fill(bytes: Uint8Array): Uint8Array {
    for (let at = 0; at < bytes.byteLength; at++) bytes[at] = this.next() >>> 24
    return bytes
  }
}
