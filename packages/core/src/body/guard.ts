/**
 * Checks superjson's annotations against the JSON that they annotate, before superjson sees either: every path leads through own
 * properties of parsed JSON, every place is annotated once and with a type that fits what stands there, and no annotation can revive a
 * class, a symbol, a typed array, a regular expression or a function. superjson itself checks almost none of this.
 *
 * The tree of annotations, as superjson 2 writes it: at the root `[type]`, `[type, children]` or children alone; below it `[type]` or
 * `[type, children]`; children are an object from path to tree, a path being keys joined by `.`, with `\.` and `\\` for these two
 * characters in a key.
 */

import { errorWeight, isCheapUrl, isNumeric } from './costly.js'
import { isReserved } from './keys.js'
import { tooLarge, violation, type BodyLimits } from './limits.js'
import { isMarkerPayload, markerName } from './marker.js'

type Json = Record<string, unknown>

export function guardAnnotations(json: unknown, annotations: unknown, limits: BodyLimits): void {
  const guard = new Guard(limits)
  if (Array.isArray(annotations)) guard.tree(annotations, json)
  else guard.children(annotations, json, 'json')
}

class Guard {
  #count = 0
  #numericKeys = 0
  /** For each array or object: whether one of its places is annotated itself (`end`) or lies on the way to one that is. */
  readonly #used = new Map<object, Map<string, 'through' | 'end'>>()

  constructor(readonly limits: BodyLimits) {}

  tree(tree: unknown, json: unknown): void {
    if (!Array.isArray(tree) || tree.length < 1 || tree.length > 2) throw violation('an annotation is not a type with children')
    const { maxRichValues } = this.limits
    const [type, children] = tree as unknown[]
    this.#count += type === 'Error' ? errorWeight : 1
    if (this.#count > maxRichValues) throw tooLarge('values beyond JSON in one body', maxRichValues, this.#count)
    if (!this.#fits(type, json)) throw violation('an annotation does not fit the value that it annotates')
    if (type !== 'set' && type !== 'map') {
      if (tree.length === 1) return
      throw violation('only a set and a map can hold annotated values')
    }
    this.#countNumeric((json as unknown[]).filter((member) => isNumeric(type === 'map' ? (member as unknown[])[0] : member)).length)
    if (tree.length === 2) this.children(children, json, type)
  }

  /** `owner` says what `json` becomes: the pairs of a map are its form, not values of their own. */
  children(children: unknown, json: unknown, owner: 'map' | 'set' | 'json'): void {
    if (!isRecord(children)) throw violation('annotations must be an object')
    for (const path of Object.keys(children)) {
      const steps = splitPath(path)
      if (owner === 'map' && steps.length < 2) throw violation('an annotation of the pair of a map')
      const child = children[path]
      const isKey = owner === 'set' ? steps.length === 1 : owner === 'map' && steps.length === 2 && steps[1] === '0'
      if (isKey && Array.isArray(child) && child[0] === 'bigint') this.#countNumeric(1)
      this.tree(child, this.#follow(json, steps))
    }
  }

  #countNumeric(more: number): void {
    const { maxNumericKeys } = this.limits
    this.#numericKeys += more
    if (this.#numericKeys > maxNumericKeys) throw tooLarge('numeric keys in one body', maxNumericKeys, this.#numericKeys)
  }

  #follow(base: unknown, steps: readonly string[]): unknown {
    let at = base
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!
      if (!hasPlace(at, step)) throw violation('the path of an annotation leads nowhere')
      let places = this.#used.get(at)
      if (places === undefined) this.#used.set(at, (places = new Map()))
      const use = i === steps.length - 1 ? 'end' : 'through'
      const known = places.get(step)
      if (known === 'end' || (known === 'through' && use === 'end')) throw violation('a value is annotated twice')
      if (known === undefined) places.set(step, use)
      at = at[step]
    }
    return at
  }

  #fits(type: unknown, json: unknown): boolean {
    if (Array.isArray(type)) return type.length === 2 && type[0] === 'custom' && type[1] === markerName && isMarkerPayload(json)
    switch (type) {
      case 'undefined':
        return json === null
      case 'number':
        return json === 'NaN' || json === 'Infinity' || json === '-Infinity' || json === '-0'
      case 'bigint':
        return typeof json === 'string' && this.#isBigint(json)
      case 'Date':
        return typeof json === 'string' && isoDate.test(json) && !Number.isNaN(Date.parse(json))
      case 'URL':
        return typeof json === 'string' && isCheapUrl(json)
      case 'Error':
        return (
          isRecord(json) &&
          Object.keys(json).length === 2 &&
          typeof own(json, 'name') === 'string' &&
          typeof own(json, 'message') === 'string'
        )
      case 'set':
        return Array.isArray(json)
      case 'map':
        return Array.isArray(json) && json.every((pair) => Array.isArray(pair) && pair.length === 2)
      default:
        return false
    }
  }

  #isBigint(text: string): boolean {
    const { maxBigintDigits } = this.limits
    const digits = text.startsWith('-') ? text.length - 1 : text.length
    if (digits > maxBigintDigits) throw tooLarge('digits of a bigint', maxBigintDigits, digits)
    return canonicalInteger.test(text)
  }
}

const canonicalInteger = /^(?:0|-?[1-9][0-9]*)$/
const canonicalIndex = /^(?:0|[1-9][0-9]{0,9})$/
const isoDate = /^(?:[0-9]{4}|[+-][0-9]{6})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/

/** Parsed JSON only: a filled segment is neither an array nor has it this prototype. */
function isRecord(json: unknown): json is Json {
  return typeof json === 'object' && json !== null && Object.getPrototypeOf(json) === Object.prototype
}

function own(json: Json, key: string): unknown {
  return Object.hasOwn(json, key) ? json[key] : undefined
}

function hasPlace(json: unknown, step: string): json is Json {
  if (Array.isArray(json)) return canonicalIndex.test(step) && Number(step) < json.length
  return isRecord(json) && !isReserved(step) && Object.hasOwn(json, step)
}

/** As superjson reads it. Throws `ProtocolViolation`. */
export function splitPath(path: string): string[] {
  if (!path.includes('\\')) return path.split('.')
  const steps: string[] = []
  let step = ''
  for (let i = 0; i < path.length; i++) {
    const char = path[i]!
    if (char === '.') {
      steps.push(step)
      step = ''
    } else if (char === '\\') {
      const escaped = path[++i]
      if (escaped !== '\\' && escaped !== '.') throw violation('the path of an annotation is badly escaped')
      step += escaped
    } else step += char
  }
  steps.push(step)
  return steps
}
