/**
 * The last step of reading a rich document: turns what superjson revived into the value that was sent. Resolves repeated references, digs
 * the holes of sparse arrays, gives errors their class and keys their names, and checks the depth. Works in place.
 */

import { keyFromWire } from './keys.js'
import { isBytes } from './beside.js'
import { tooLarge, violation, type BodyLimits } from './limits.js'
import { Marker } from './marker.js'
import { errorClasses } from './reasons.js'
import type { GiveStream, StreamMark } from './streams.js'

export function settle(value: unknown, limits: BodyLimits, streams: GiveStream | undefined): unknown {
  return new Settling(limits, streams).take(value)
}

class Settling {
  /** In the order of first appearance, depth first: the same order in which `lift` counted them. */
  readonly #objects: object[] = []
  #depth = 0

  constructor(
    readonly limits: BodyLimits,
    readonly streams: GiveStream | undefined,
  ) {}

  take(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (value instanceof Marker) return this.#marked(value)
    this.#objects.push(value)
    if (Array.isArray(value)) this.#array(value)
    else if (value instanceof Map) this.#map(value)
    else if (value instanceof Set) this.#set(value)
    else if (value instanceof Error) settleError(value)
    else if (isBytes(value)) this.#bytes()
    else if (Object.getPrototypeOf(value) === Object.prototype) this.#record(value as Record<string, unknown>)
    return value
  }

  #marked({ payload }: Marker): object {
    if (payload === 'hole') throw violation('a hole outside an array')
    if (payload === 'invalid date') {
      const date = new Date(Number.NaN)
      this.#objects.push(date)
      return date
    }
    if (typeof payload === 'object') return this.#stream(payload)
    const object = this.#objects[payload]
    if (object === undefined) throw violation('a reference to an object that has not appeared')
    return object
  }

  #stream([, number, kind]: StreamMark): object {
    if (this.streams === undefined) throw violation('a stream where none can be')
    const stream = this.streams(number, kind)
    this.#objects.push(stream)
    return stream
  }

  #array(array: unknown[]): void {
    this.#enter()
    for (let i = 0; i < array.length; i++) {
      const item = array[i]
      if (typeof item !== 'object' || item === null) continue
      if (item instanceof Marker && item.payload === 'hole') Reflect.deleteProperty(array, i)
      else array[i] = this.take(item)
    }
    this.#depth--
  }

  #record(record: Record<string, unknown>): void {
    this.#enter()
    const keys = Object.keys(record)
    const rename = keys.some((key) => key.startsWith('\\'))
    for (const key of keys) {
      const item = this.take(record[key])
      if (rename) {
        // All of them anew, in order: the order of keys is part of the value.
        delete record[key]
        define(record, keyFromWire(key), item)
      } else record[key] = item
    }
    this.#depth--
  }

  /** Built anew only where a member became another: filling one is what costs most. */
  #map(map: Map<unknown, unknown>): void {
    this.#enter()
    const settled: [unknown, unknown][] = []
    let changed = false
    for (const [key, item] of map) {
      const settledKey = this.take(key)
      const settledItem = this.take(item)
      changed ||= settledKey !== key || settledItem !== item
      settled.push([settledKey, settledItem])
    }
    if (changed) {
      map.clear()
      for (const [key, item] of settled) map.set(key, item)
    }
    this.#depth--
  }

  #set(set: Set<unknown>): void {
    this.#enter()
    const settled: unknown[] = []
    let changed = false
    for (const item of set) {
      const settledItem = this.take(item)
      changed ||= settledItem !== item
      settled.push(settledItem)
    }
    if (changed) {
      set.clear()
      for (const item of settled) set.add(item)
    }
    this.#depth--
  }

  /** A level like any other, as `lift` counts them. */
  #bytes(): void {
    this.#enter()
    this.#depth--
  }

  #enter(): void {
    const { maxDepth } = this.limits
    if (++this.#depth > maxDepth) throw tooLarge('nesting', maxDepth, this.#depth)
  }
}

/**
 * A key `__proto__` is data like any other, but the object that has it loses its prototype, so that `object.__proto__` reads that data by
 * ordinary means.
 */
function define(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.setPrototypeOf(record, null)
  Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true })
}

/** superjson leaves an own `cause` and an own `stack`, both undefined, and an enumerable name. */
function settleError(error: Error): void {
  const { name } = error
  const known = errorClasses[name]
  for (const key of ['cause', 'stack', 'name']) Reflect.deleteProperty(error, key)
  if (known === undefined) hide(error, 'name', name)
  else if (known !== Error) Object.setPrototypeOf(error, known.prototype as object)
  // Where an error was made says nothing here; a console prints the stack.
  hide(error, 'stack', `${name}: ${error.message}`)
}

function hide(error: Error, key: string, value: string): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true })
}
