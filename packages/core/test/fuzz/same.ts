/**
 * Equality of two decoded values, stricter than the test runner's: -0 is not 0, a hole is not undefined, key order counts, bytes compare
 * by kind and content, and what is one object on the left must be one on the right. The one thing it forgives is a null prototype.
 */

export function same(left: unknown, right: unknown): boolean {
  return new Comparison().same(left, right)
}

class Comparison {
  readonly #partner = new Map<object, object>()
  readonly #back = new Map<object, object>()

  same(left: unknown, right: unknown): boolean {
    if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null) return Object.is(left, right)
    if (this.#partner.has(left) || this.#back.has(right)) return this.#partner.get(left) === right && this.#back.get(right) === left
    this.#partner.set(left, right)
    this.#back.set(right, left)
    if (ArrayBuffer.isView(left) || left instanceof ArrayBuffer) return sameBytes(left, right)
    if (left instanceof Date) return right instanceof Date && Object.is(left.getTime(), right.getTime())
    if (left instanceof URL) return right instanceof URL && left.href === right.href
    if (left instanceof Error) return right instanceof Error && sameError(left, right)
    if (left instanceof Map) return right instanceof Map && this.#lists([...left].flat(), [...right].flat())
    if (left instanceof Set) return right instanceof Set && this.#lists([...left], [...right])
    if (Array.isArray(left) !== Array.isArray(right)) return false
    if (Array.isArray(left) && left.length !== (right as unknown[]).length) return false
    if (!Array.isArray(left) && !(isPlain(left) && isPlain(right))) return false
    const keys = Object.keys(left)
    return (
      this.#lists(keys, Object.keys(right)) &&
      keys.every((key) => this.same((left as Record<string, unknown>)[key], (right as Record<string, unknown>)[key]))
    )
  }

  #lists(left: readonly unknown[], right: readonly unknown[]): boolean {
    return left.length === right.length && left.every((item, i) => this.same(item, right[i]))
  }
}

export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function sameError(left: Error, right: Error): boolean {
  return Object.getPrototypeOf(left) === Object.getPrototypeOf(right) && left.name === right.name && left.message === right.message
}

function sameBytes(left: object, right: object): boolean {
  // A Buffer arrives as the Uint8Array that it is.
  if (Object.prototype.toString.call(left) !== Object.prototype.toString.call(right)) return false
  const a = octets(left)
  const b = octets(right)
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function octets(value: object): Uint8Array {
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value as ArrayBuffer)
}
