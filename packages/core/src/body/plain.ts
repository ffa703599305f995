/**
 * The check that decides how a value travels, and that nearly every call pays. It must be cheap, so it only sorts; naming what is wrong
 * with a value is left to `lift.ts`.
 */

import { isBytes, travelsBeside } from './beside.js'
import { isInstalled } from './port.js'

/** JSON as it is; JSON with segments beside it; or more than JSON can say (or cannot travel at all). */
export type Verdict = 'plain' | 'segmented' | 'rich'

/**
 * Says why a value may not travel although it looks like an empty plain object, as a `remote()` proxy does. The sentence follows the
 * path: `is a remote proxy; …`. `undefined` lets it travel.
 */
export type Refusal = (value: object) => string | undefined

let refusal: Refusal | undefined

/** One for the process; the client installs it beside its proxies. Asked only about functions and objects without own keys. */
export function installRefusal(refuse: Refusal | undefined): void {
  refusal = refuse
}

export function refusalOf(value: object): string | undefined {
  return refusal?.(value)
}

/**
 * A value that is met twice is shared or cyclic: only a rich document says so. The first objects of a value are kept in a standing list,
 * where comparing is cheaper than hashing and nothing is allocated; the rest in a Set. `first` is where the list of the running check
 * begins: a getter or a proxy in the value may start another check within this one.
 */
const listed: (object | undefined)[] = Array.from({ length: 256 }, () => undefined)
const listLength = 16
let first = 0
let end = 0
let rest: Set<object> | undefined

/** Whether `value` was met before in this check. */
function metAgain(value: object): boolean {
  for (let i = first; i < end; i++) if (listed[i] === value) return true
  if (end - first < listLength && end < listed.length) {
    listed[end++] = value
    return false
  }
  if (rest === undefined) rest = new Set()
  else if (rest.has(value)) return true
  rest.add(value)
  return false
}

/** Objects and arrays below `maxDepth` levels are not looked at: the verdict is then `rich` and `lift` finds the fault. */
export function inspect(value: unknown, maxDepth: number): Verdict {
  if (typeof value === 'string') return leaves(value) ? 'segmented' : 'plain'
  if (typeof value !== 'object') return isPlainScalar(value) ? 'plain' : 'rich'
  if (value === null) return 'plain'
  const outerFirst = first
  const outerRest = rest
  first = end
  rest = undefined
  try {
    return inspectObject(value, maxDepth)
  } finally {
    // Nothing of the caller's stays behind.
    while (end > first) listed[--end] = undefined
    first = outerFirst
    rest = outerRest
  }
}

function inspectObject(value: object, depth: number): Verdict {
  if (depth === 0 || metAgain(value)) return 'rich'
  if (Array.isArray(value)) return inspectArray(value, depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return isBytes(value) ? 'segmented' : 'rich'
  return inspectRecord(value as Record<string, unknown>, depth)
}

function inspectArray(array: unknown[], depth: number): Verdict {
  if (Object.getPrototypeOf(array) !== Array.prototype) return 'rich'
  let verdict: Verdict = 'plain'
  for (let i = 0; i < array.length; i++) {
    const inner = inspectItem(array[i], depth)
    if (inner === 'rich') return inner
    if (inner === 'segmented') verdict = inner
  }
  return verdict
}

function inspectRecord(record: Record<string, unknown>, depth: number): Verdict {
  let verdict: Verdict = 'plain'
  let empty = true
  // for-in reads the engine's cache of keys and allocates nothing; an enumerable property of Object.prototype would only be looked at.
  for (const key in record) {
    empty = false
    if (key === '__proto__') return 'rich'
    const inner = inspectItem(record[key], depth)
    if (inner === 'rich') return inner
    if (inner === 'segmented') verdict = inner
  }
  return empty && (Symbol.asyncIterator in record || refusal?.(record) !== undefined) ? 'rich' : verdict
}

function inspectItem(item: unknown, depth: number): Verdict {
  if (typeof item === 'string') return leaves(item) ? 'segmented' : 'plain'
  if (typeof item === 'object') return item === null ? 'plain' : inspectObject(item, depth - 1)
  return isPlainScalar(item) ? 'plain' : 'rich'
}

/** Finite numbers but -0, and booleans. JSON writes -0 as 0, and NaN and the infinities as null. */
function isPlainScalar(value: unknown): boolean {
  if (typeof value === 'number') return value - value === 0 && (value !== 0 || 1 / value > 0)
  return typeof value === 'boolean'
}

/** Where nothing is there to write it beside the JSON, a long string is JSON like any other. */
function leaves(text: string): boolean {
  return travelsBeside(text) && isInstalled()
}
