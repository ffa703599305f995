/** Owns how a value is shown: readable text for people, and the nearest plain JSON for programs. Pure. */
import { inspect } from 'node:util'
import { printable } from './paint.js'

/** Text as it is; plain JSON as JSON; anything with dates, maps, bytes and the like as Node shows it. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value
  if (isPlainJson(value)) return JSON.stringify(value, null, 2)
  return printable(inspect(value, { depth: null, maxArrayLength: 200, maxStringLength: 10_000, breakLength: 80, sorted: false }))
}

/** In one line, which nothing in it can break: text as it is where it has no control characters, everything else as JSON. */
export function lineText(value: unknown): string {
  if (typeof value !== 'string') return value === undefined ? '' : printable(JSON.stringify(jsonForm(value)))
  return /[\n\t]/.test(value) || printable(value) !== value ? printable(JSON.stringify(value)) : value
}

/**
 * Plain JSON of any value: dates as ISO text, maps as a list of pairs, sets as a list, bytes as base64 and bigints as text; numbers that JSON
 * has not as text too. What it has already passed on the way down is `null`.
 */
export function jsonForm(value: unknown, above: readonly object[] = []): unknown {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) return String(value)
  if (typeof value !== 'object' || value === null) return value ?? null
  if (above.includes(value)) return null
  const path = [...above, value]
  const inner = (one: unknown): unknown => jsonForm(one, path)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Map) return Array.from(value, ([key, one]) => [inner(key), inner(one)])
  if (value instanceof Set) return Array.from(value, inner)
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('base64')
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (value instanceof URL || value instanceof RegExp) return String(value)
  if (value instanceof Error) return { name: value.name, message: value.message }
  if (Array.isArray(value)) return value.map(inner)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inner(one)]))
}

function isPlainJson(value: unknown, depth = 0): boolean {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return true
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object' || depth > 100) return false
  if (Array.isArray(value)) return value.every((one) => isPlainJson(one, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every((one) => isPlainJson(one, depth + 1))
}
