/**
 * The sentences that say why a value cannot travel and what to do instead. They follow a path: `arguments[0].meow is a function …`.
 */

import { refusalOf } from './plain.js'
import { streamKind } from './streams.js'

/** The language's own error classes, by the name under which they travel. Null prototype: names from the wire are looked up here. */
export const errorClasses: Readonly<Record<string, ErrorConstructor>> = Object.assign(Object.create(null) as object, {
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
})

const errorPrototypes: ReadonlySet<unknown> = new Set(Object.values(errorClasses).map((each) => each.prototype))

export function ownErrorClass(prototype: unknown): boolean {
  return errorPrototypes.has(prototype)
}

export function reasonAgainst(value: unknown): string {
  if (typeof value === 'symbol') return 'is a symbol: symbols mean nothing elsewhere; send a string'
  if (typeof value === 'function') return refusalOf(value) ?? 'is a function: it cannot travel as data'
  const object = value as object
  const own = refusalOf(object)
  if (own !== undefined) return own
  if (object instanceof Promise) return 'is a promise: await it first'
  if (object instanceof RegExp) return 'is a regular expression: send its source as a string; a foreign pattern can take for ever to match'
  if (object instanceof WeakMap || object instanceof WeakSet || object instanceof WeakRef) return 'is weak: what it holds cannot be listed'
  if (typeof SharedArrayBuffer !== 'undefined' && object instanceof SharedArrayBuffer) return 'is shared memory: send a copy'
  if (streamKind(object) !== undefined)
    return 'is a stream: streams travel in the arguments and in the result of a live call, and nowhere else'
  if (object instanceof Error) return `is an instance of the error class ${className(object)}: throw it, or send its fields as plain data`
  return `is an instance of ${className(object)}: send plain data, or let the class extend RemoteObject to send a reference`
}

function className(value: object): string {
  const { constructor } = value as { constructor?: unknown }
  const name = typeof constructor === 'function' ? constructor.name : ''
  return name === '' ? 'a class without a name' : name
}
