/**
 * Random values of every kind that a body carries, from a seeded generator that is much faster than an arbitrary of fast-check: the
 * fuzzer makes millions.
 */

/** mulberry32: 32 bits of state, good enough to find bugs, the same on every machine. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 … below - 1. */
  roll(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below)
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.roll(choices.length)]!
  }
}

const keys = [
  'a',
  'b',
  '',
  '0',
  '1',
  'a.b',
  '\\',
  '\\a',
  '\\.',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'toJSON',
  'then',
  'json',
  'meta',
  'é',
  '\ud800',
]
const texts = [
  '',
  'x',
  'hello',
  '"',
  '\\',
  '\u0000',
  '\ufeff',
  '漢字',
  '😀',
  '\ud83d',
  'NaN',
  '-0',
  'hole',
  '__proto__',
  '2020-01-01T00:00:00.000Z',
  '[]',
]
const numbers = [0, 1, -1, 1.5, 1e21, 5e-324, 4294967296, -0, Number.NaN, Infinity, -Infinity, Number.MAX_VALUE]

export function randomValue(dice: Dice, met: unknown[] = [], depth = 0): unknown {
  const kind = dice.roll(depth > 4 ? 12 : 20)
  switch (kind) {
    case 0:
    case 1:
      return dice.pick(texts)
    case 2:
    case 3:
      return dice.pick(numbers)
    case 4:
      return dice.roll(2) === 0
    case 5:
      return null
    case 6:
      return undefined
    case 7:
      return BigInt(dice.pick(numbers.filter((number) => Number.isInteger(number)))) * BigInt(dice.roll(1000))
    case 8:
      return remember(met, dice.roll(8) === 0 ? new Date(Number.NaN) : new Date(dice.roll(2 ** 31) * 1000))
    case 9:
      return remember(met, randomBytes(dice))
    case 10:
      return dice.roll(4) === 0 ? dice.pick(['x', 'é', '漢', '\ud800']).repeat(1025 + dice.roll(50)) : dice.roll(1e6)
    case 11:
      return met.length > 0 ? dice.pick(met) : null
    case 12:
      return remember(
        met,
        dice.pick([new URL('http://example.org/é?q'), new TypeError('t'), Object.assign(new Error('e'), { name: dice.pick(texts) })]),
      )
    case 13: {
      const map = remember(met, new Map<unknown, unknown>())
      for (let n = dice.roll(4); n > 0; n--) map.set(randomValue(dice, met, depth + 1), randomValue(dice, met, depth + 1))
      return map
    }
    case 14: {
      const set = remember(met, new Set<unknown>())
      for (let n = dice.roll(4); n > 0; n--) set.add(randomValue(dice, met, depth + 1))
      return set
    }
    case 15:
    case 16: {
      const array = remember(met, [] as unknown[])
      for (let n = dice.roll(5); n > 0; n--) {
        if (dice.roll(20) === 0) array.length++
        else array.push(randomValue(dice, met, depth + 1))
      }
      return array
    }
    default: {
      const record = remember(met, {} as Record<string, unknown>)
      for (let n = dice.roll(5); n > 0; n--) {
        const key = dice.pick(keys)
        Object.defineProperty(record, key, {
          value: randomValue(dice, met, depth + 1),
          writable: true,
          enumerable: true,
          configurable: true,
        })
      }
      return record
    }
  }
}

/** Sometimes only, so that shared and cyclic references stay the exception. */
function remember<T extends object>(met: unknown[], value: T): T {
  if (met.length < 3) met.push(value)
  return value
}

function randomBytes(dice: Dice): object {
  const { buffer } = Uint8Array.from({ length: 8 * dice.roll(4) }, () => dice.roll(256))
  switch (dice.roll(6)) {
    case 0:
      return buffer
    case 1:
      return new DataView(buffer)
    case 2:
      return new Float64Array(buffer)
    case 3:
      return new Uint16Array(buffer)
    case 4:
      return new BigInt64Array(buffer)
    default:
      return new Uint8Array(buffer)
  }
}
