/**
 * JSON text cut into slices without building anything: the text is checked to the letter (RFC 8259, as `JSON.parse` takes it), and then the
 * members of an object are given as the bytes that stand there. So numbers of any size, the order of keys and the space between them survive.
 * Owns no meaning; refuses what no reader may take: bytes that are no UTF-8, a key twice where keys mean something, a key `__proto__`.
 */
import { readText, WaybillError } from '@waybill/core'

/** Lists and objects inside each other in one message: those of the longest body, and what a message puts around it. */
export const MAX_MESSAGE_DEPTH = 96

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const ESCAPE = 0x5c
const PROTO = '__proto__'

/** One value and nothing behind it; space around it is allowed. Throws `ProtocolViolation`, or `TooLarge` where it nests deeper. */
export function checkJson(bytes: Uint8Array, maxDepth: number = MAX_MESSAGE_DEPTH): void {
  readText(bytes, 0, bytes.byteLength)
  const end = space(bytes, value(bytes, space(bytes, 0), maxDepth))
  if (end !== bytes.byteLength) throw unexpected(bytes, end)
}

/** The members of an object, in the order in which they stand; undefined where the text is something else. It has been checked already. */
export function membersOf(bytes: Uint8Array): Map<string, Uint8Array> | undefined {
  let at = space(bytes, 0)
  if (bytes[at] !== 0x7b) return undefined
  const members = new Map<string, Uint8Array>()
  at = space(bytes, at + 1)
  while (bytes[at] === QUOTE || bytes[at] === COMMA) {
    if (bytes[at] === COMMA) at = space(bytes, at + 1)
    const keyEnd = skip(bytes, at)
    const key = keyOf(bytes, at, keyEnd)
    const start = space(bytes, space(bytes, keyEnd) + 1)
    const end = skip(bytes, start)
    if (members.has(key)) throw new WaybillError('ProtocolViolation', `the key ${JSON.stringify(key)} stands twice`, { executed: 'no' })
    members.set(key, bytes.subarray(start, end))
    at = space(bytes, end)
  }
  return members
}

/** What an object or a list holds, one after the other; `key` is where a member's key stands. Returns where the value after it ends, as `seen` does. */
export type Seen = (step: string | number, start: number, key: { readonly start: number; readonly end: number } | undefined) => number

/** Over text that has been checked. Gives the end of the value that begins at `start`. */
export function eachPlace(bytes: Uint8Array, start: number, seen: Seen): number {
  const isObject = bytes[start] === 0x7b
  if (!isObject && bytes[start] !== 0x5b) return skip(bytes, start)
  let at = space(bytes, start + 1)
  for (let index = 0; bytes[at] !== 0x7d && bytes[at] !== 0x5d; index++) {
    if (bytes[at] === COMMA) at = space(bytes, at + 1)
    if (isObject) {
      const key = { start: at, end: skip(bytes, at) }
      at = seen(keyOf(bytes, key.start, key.end), space(bytes, space(bytes, key.end) + 1), key)
    } else at = seen(index, at, undefined)
    at = space(bytes, at)
  }
  return at + 1
}

// ---- what is allowed; each returns the end of what it read

function value(bytes: Uint8Array, at: number, depth: number): number {
  switch (bytes[at]) {
    case QUOTE:
      return string(bytes, at)
    case 0x7b:
      return object(bytes, at, deeper(depth))
    case 0x5b:
      return list(bytes, at, deeper(depth))
    case 0x74:
      return word(bytes, at, 'true')
    case 0x66:
      return word(bytes, at, 'false')
    case 0x6e:
      return word(bytes, at, 'null')
    default:
      return number(bytes, at)
  }
}

function object(bytes: Uint8Array, start: number, depth: number): number {
  let at = space(bytes, start + 1)
  if (bytes[at] === 0x7d) return at + 1
  for (;;) {
    if (bytes[at] !== QUOTE) throw unexpected(bytes, at)
    const keyEnd = string(bytes, at)
    if (isProto(bytes, at, keyEnd)) {
      throw new WaybillError('ProtocolViolation', `a key ${PROTO} must not be written as it is`, { executed: 'no' })
    }
    at = space(bytes, keyEnd)
    if (bytes[at] !== COLON) throw unexpected(bytes, at)
    at = space(bytes, value(bytes, space(bytes, at + 1), depth))
    if (bytes[at] === 0x7d) return at + 1
    if (bytes[at] !== COMMA) throw unexpected(bytes, at)
    at = space(bytes, at + 1)
  }
}

function list(bytes: Uint8Array, start: number, depth: number): number {
  let at = space(bytes, start + 1)
  if (bytes[at] === 0x5d) return at + 1
  for (;;) {
    at = space(bytes, value(bytes, at, depth))
    if (bytes[at] === 0x5d) return at + 1
    if (bytes[at] !== COMMA) throw unexpected(bytes, at)
    at = space(bytes, at + 1)
  }
}

/** Most of a long message is in here: `length` is read once, and is cheaper than `byteLength`. */
function string(bytes: Uint8Array, start: number): number {
  const { length } = bytes
  for (let at = start + 1; at < length; at++) {
    const byte = bytes[at]!
    if (byte === QUOTE) return at + 1
    if (byte < 0x20) throw unexpected(bytes, at)
    if (byte !== ESCAPE) continue
    const escaped = bytes[++at]
    if (escaped === 0x75) {
      for (let digit = 0; digit < 4; digit++) if (!isHex(bytes[++at])) throw unexpected(bytes, at)
    } else if (escaped === undefined || !ESCAPED.has(escaped)) throw unexpected(bytes, at)
  }
  throw unexpected(bytes, length)
}

/** `" \ / b f n r t` */
const ESCAPED = new Set([QUOTE, ESCAPE, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74])

function number(bytes: Uint8Array, start: number): number {
  let at = start
  if (bytes[at] === 0x2d) at++
  at = bytes[at] === 0x30 ? at + 1 : digits(bytes, at)
  if (bytes[at] === 0x2e) at = digits(bytes, at + 1)
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    at++
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++
    at = digits(bytes, at)
  }
  return at
}

/** At least one. */
function digits(bytes: Uint8Array, start: number): number {
  let at = start
  while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++
  if (at === start) throw unexpected(bytes, at)
  return at
}

function word(bytes: Uint8Array, start: number, letters: string): number {
  for (let at = 0; at < letters.length; at++) {
    if (bytes[start + at] !== letters.charCodeAt(at)) throw unexpected(bytes, start + at)
  }
  return start + letters.length
}

function space(bytes: Uint8Array, start: number): number {
  let at = start
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++
  return at
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
}

function deeper(depth: number): number {
  if (depth > 0) return depth - 1
  throw new WaybillError('TooLarge', 'the JSON text nests too deep', { executed: 'no', details: { limit: MAX_MESSAGE_DEPTH } })
}

// ---- over text that has been checked

/** The end of the value that begins at `start`. */
export function skip(bytes: Uint8Array, start: number): number {
  let depth = 0
  for (let at = start; at < bytes.byteLength; at++) {
    const byte = bytes[at]!
    if (byte === QUOTE) {
      for (at++; bytes[at] !== QUOTE; at++) if (bytes[at] === ESCAPE) at++
      if (depth === 0) return at + 1
    } else if (byte === 0x7b || byte === 0x5b) depth++
    else if (byte === 0x7d || byte === 0x5d) {
      // The end of what a bare number or word stands in.
      if (depth === 0) return at
      if (--depth === 0) return at + 1
    } else if (depth === 0 && (byte === COMMA || byte === COLON || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09))
      return at
  }
  return bytes.byteLength
}

function keyOf(bytes: Uint8Array, start: number, end: number): string {
  const inner = readText(bytes, start + 1, end - 1)
  return inner.includes('\\') ? (JSON.parse(readText(bytes, start, end)) as string) : inner
}

/** However it is written: no key of more than nine escapes is as short. */
function isProto(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start - 2
  if (length < PROTO.length || length > 6 * PROTO.length) return false
  if (bytes[start + 1] !== 0x5f && bytes[start + 1] !== ESCAPE) return false
  return keyOf(bytes, start, end) === PROTO
}

function unexpected(bytes: Uint8Array, at: number): WaybillError {
  const what = at < bytes.byteLength ? `is not JSON at byte ${at}` : 'ends too early'
  return new WaybillError('ProtocolViolation', `the text ${what}`, { executed: 'no' })
}
