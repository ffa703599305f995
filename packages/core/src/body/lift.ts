/**
 * Lifts a value out of JavaScript: copies it into a tree in which bytes and long strings have left for segments and, for a rich document,
 * everything that superjson would lose, flatten or refuse is said in another way. The rest (Date, Map, Set, bigint, undefined, NaN, URL,
 * Error) is left to superjson. Refuses what cannot travel, with the path to it. The caller's value is never changed.
 *
 * Decided here: an instance of a class is refused, because its methods would be lost in silence. An Error of the language's own classes
 * travels as name and message; stack, cause and fields stay home, as for thrown errors. As in JSON, properties with symbol keys,
 * properties that are not enumerable, and names on arrays do not travel, and a null prototype arrives as an ordinary object.
 */

import { isBytes, travelsBeside, type Segment } from './beside.js'
import { errorWeight, isCheapUrl, isNumeric } from './costly.js'
import { keyToWire } from './keys.js'
import { segmentOfBytes, segmentOfText } from './kinds.js'
import { notRepresentable, tooLarge, type BodyLimits } from './limits.js'
import { Marker, Sealed } from './marker.js'
import { spellPath, type Step } from './paths.js'
import { reasonAgainst, ownErrorClass } from './reasons.js'
import { refusalOf } from './plain.js'
import { streamKind, type TakeStream } from './streams.js'

export interface Lifted {
  readonly tree: unknown
  readonly segments: readonly Segment[]
  /** Where the k-th segment belongs in the JSON form of `tree`. Every such place holds an empty array. */
  readonly paths: readonly (readonly Step[])[]
}

/** `what` names the root in errors. `rich` says whether the tree goes to superjson; otherwise it must be plain but for its segments. */
export function lift(value: unknown, what: string, rich: boolean, limits: BodyLimits, streams: TakeStream | undefined): Lifted {
  const lifting = new Lifting(value, what, rich, limits, streams)
  return { tree: lifting.take(value), segments: lifting.segments, paths: lifting.paths }
}

class Lifting {
  readonly segments: Segment[] = []
  readonly paths: Step[][] = []
  readonly #steps: Step[] = []
  /** Every object met, with its number. */
  readonly #met = new Map<object, number>()
  /** Their count is a u16. */
  readonly #maxSegments: number
  #depth = 0
  #richValues = 0
  #numericKeys = 0

  constructor(
    readonly root: unknown,
    readonly what: string,
    readonly rich: boolean,
    readonly limits: BodyLimits,
    readonly streams: TakeStream | undefined,
  ) {
    this.#maxSegments = Math.min(limits.maxSegments, 65_535)
  }

  take(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        return this.#hasRoomBeside() && travelsBeside(value) ? this.#beside(segmentOfText(value)) : value
      case 'boolean':
        return value
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0) ? value : this.#richValue(value)
      case 'bigint':
        return this.#richValue(this.#boundedBigint(value))
      case 'undefined':
        return this.#richValue(value)
      case 'object':
        return value === null ? null : this.#object(value)
      default:
        throw this.#refuse(reasonAgainst(value))
    }
  }

  #object(value: object): unknown {
    const number = this.#met.get(value)
    if (number !== undefined) return this.#richValue(new Marker(number))
    this.#met.set(value, this.#met.size)
    if (Array.isArray(value)) return this.#array(value)
    const prototype: unknown = Object.getPrototypeOf(value)
    switch (prototype) {
      case Object.prototype:
      case null:
        return this.#record(value as Record<string, unknown>)
      case Date.prototype:
        return this.#richValue(Number.isNaN((value as Date).getTime()) ? new Marker('invalid date') : value)
      case Map.prototype:
        return this.#map(value as Map<unknown, unknown>)
      case Set.prototype:
        return this.#set(value as Set<unknown>)
      case URL.prototype:
        return this.#url(value as URL)
    }
    if (isBytes(value)) return this.#bytes(value as ArrayBufferView | ArrayBuffer)
    if (value instanceof Error && ownErrorClass(prototype)) return this.#error(value)
    const kind = this.streams === undefined ? undefined : streamKind(value)
    if (kind !== undefined) return this.#richValue(new Marker(['stream', this.streams!(value, kind), kind]))
    if (isForeignPlain(prototype)) return this.#record(value as Record<string, unknown>)
    throw this.#refuse(reasonAgainst(value))
  }

  #array(value: unknown[]): unknown {
    // `Array.prototype` of any realm is an array itself; that of a subclass is not.
    if (!Array.isArray(Object.getPrototypeOf(value))) throw this.#refuse(reasonAgainst(value))
    this.#enter()
    const before = this.#richValues
    const out: unknown[] = []
    for (let i = 0; i < value.length; i++) {
      this.#steps.push(i)
      out.push(value[i] === undefined && !(i in value) ? this.#richValue(new Marker('hole')) : this.take(value[i]))
      this.#steps.pop()
    }
    this.#depth--
    return this.#sealed(out, before)
  }

  #record(value: Record<string, unknown>): unknown {
    const keys = Object.keys(value)
    if (keys.length === 0) {
      if (Symbol.asyncIterator in value) return this.#iterable(value)
      const reason = refusalOf(value)
      if (reason !== undefined) throw this.#refuse(reason)
    }
    this.#enter()
    const before = this.#richValues
    const out: Record<string, unknown> = {}
    for (const key of keys) {
      const wireKey = this.rich ? keyToWire(key) : key
      this.#steps.push(wireKey)
      out[wireKey] = this.take(value[key])
      this.#steps.pop()
    }
    this.#depth--
    return this.#sealed(out, before)
  }

  /** `{ async *[Symbol.asyncIterator]() {} }` has no keys, and is no empty object. */
  #iterable(value: object): unknown {
    if (this.streams === undefined) throw this.#refuse(reasonAgainst(value))
    return this.#richValue(new Marker(['stream', this.streams(value, 'values'), 'values']))
  }

  /** Hides a part that needs no superjson from it; superjson takes microseconds for each value that it walks over. */
  #sealed(out: unknown[] | Record<string, unknown>, before: number): unknown {
    if (!this.rich || this.#richValues !== before) return out
    const tree = out as Record<Step, unknown>
    for (const step of Object.keys(out)) {
      const inner = tree[step]
      if (inner instanceof Sealed) tree[step] = inner.tree
    }
    return new Sealed(out)
  }

  #map(value: Map<unknown, unknown>): unknown {
    this.#enter()
    const out = new Map<unknown, unknown>()
    for (const [key, item] of value) {
      this.#countKey(key)
      this.#steps.push(out.size, 0)
      const liftedKey = this.take(key)
      this.#steps[this.#steps.length - 1] = 1
      // Placeholders and markers are objects of their own, so no two keys become one.
      out.set(liftedKey, this.take(item))
      this.#steps.length -= 2
    }
    this.#depth--
    return this.#richValue(out)
  }

  #set(value: Set<unknown>): unknown {
    this.#enter()
    const out = new Set<unknown>()
    for (const item of value) {
      this.#countKey(item)
      this.#steps.push(out.size)
      out.add(this.take(item))
      this.#steps.pop()
    }
    this.#depth--
    return this.#richValue(out)
  }

  #countKey(key: unknown): void {
    const { maxNumericKeys } = this.limits
    if (isNumeric(key) && ++this.#numericKeys > maxNumericKeys)
      throw tooLarge('numeric keys in one body', maxNumericKeys, this.#numericKeys)
  }

  #bytes(value: ArrayBufferView | ArrayBuffer): unknown {
    const segment = segmentOfBytes(value)
    if (segment === undefined) throw this.#refuse(reasonAgainst(value))
    const maxSegments = this.#maxSegments
    if (this.segments.length >= maxSegments) throw tooLarge('byte arrays in one body', maxSegments, maxSegments + 1)
    // Their place is an empty array, a level of its own.
    this.#enter()
    this.#depth--
    return this.#beside(segment)
  }

  /** A long string that finds none stays in the JSON. */
  #hasRoomBeside(): boolean {
    return this.segments.length < this.#maxSegments && this.#depth < this.limits.maxDepth
  }

  #url(value: URL): unknown {
    if (!isCheapUrl(value.href)) throw this.#refuse('is a URL with an endless host: send it as a string')
    return this.#richValue(value)
  }

  /** Made without the constructor, which would record a stack. */
  #error(value: Error): unknown {
    const lifted = Object.create(Error.prototype) as Error
    lifted.name = String(value.name)
    lifted.message = String(value.message)
    return this.#richValue(lifted, errorWeight)
  }

  #beside(segment: Segment): unknown {
    this.segments.push(segment)
    this.paths.push([...this.#steps])
    return []
  }

  #boundedBigint(value: bigint): bigint {
    const { maxBigintDigits } = this.limits
    // Comparing in hexadecimal first keeps a huge one from being written out in decimal, which takes more than linear time.
    const bits = value.toString(16).length * 4
    if (bits > 3.33 * maxBigintDigits + 8 || value.toString().replace('-', '').length > maxBigintDigits) {
      throw tooLarge(`digits of the bigint at ${this.#spell()}`, maxBigintDigits, Math.ceil(bits * Math.LOG10E * Math.LN2))
    }
    return value
  }

  #richValue<T>(value: T, weight = 1): T {
    if (!this.rich) throw this.#refuse('changed while it was being written')
    const { maxRichValues } = this.limits
    this.#richValues += weight
    if (this.#richValues > maxRichValues) throw tooLarge('values beyond JSON in one body', maxRichValues, this.#richValues)
    return value
  }

  #enter(): void {
    const { maxDepth } = this.limits
    if (++this.#depth > maxDepth) throw tooLarge(`nesting at ${this.#spell()}`, maxDepth, this.#depth)
  }

  #refuse(reason: string): Error {
    return notRepresentable(this.#spell(), reason)
  }

  #spell(): string {
    return spellPath(this.what, this.root, this.#steps)
  }
}

/** `Object.prototype` of another realm (a frame, a vm context). */
function isForeignPlain(prototype: unknown): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
}
