/**
 * What a segment holds: text, or the bytes of one of the platform's byte containers. Multi-byte elements are little-endian on the wire.
 */

import { violation } from './limits.js'
import { readText } from './text.js'

export interface Segment {
  readonly kind: number
  /** Borrowed from the caller's value until it is written. */
  readonly content: string | Uint8Array
}

/** The kind is the index in this list. Append only. */
const kinds = [
  'text',
  'Uint8Array',
  'ArrayBuffer',
  'Int8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'DataView',
] as const

const numberOf: ReadonlyMap<string, number> = new Map(kinds.map((name, number) => [name, number]))
const textKind = 0

interface Elements {
  new (buffer: ArrayBuffer): ArrayBufferView
  readonly BYTES_PER_ELEMENT: number
}

const elements: Readonly<Record<string, Elements>> = Object.assign(Object.create(null) as object, {
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
})

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
/** Read off the prototype, because a value can carry a `Symbol.toStringTag` of its own. */
const tag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!
const byteShare = 1024

/** Strings that travel beside the JSON: long ones, unless they hold a lone surrogate, which only JSON's escapes can carry. */
export function travelsBeside(text: string): boolean {
  return text.length > byteShare && isWellFormed(text)
}

export function isBytes(value: object): boolean {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer
}

export function segmentOfText(text: string): Segment {
  return { kind: textKind, content: text }
}

/** `undefined` for a view of a kind that this version does not know. A subclass, Buffer too, travels as the array that it extends. */
export function segmentOfBytes(value: ArrayBufferView | ArrayBuffer): Segment | undefined {
  if (!ArrayBuffer.isView(value)) return { kind: numberOf.get('ArrayBuffer')!, content: new Uint8Array(value) }
  const name = value instanceof DataView ? 'DataView' : (tag.get!.call(value) as string)
  const kind = numberOf.get(name)
  if (kind === undefined) return undefined
  const content = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return { kind, content: inWireOrder(content, elements[name]?.BYTES_PER_ELEMENT ?? 1) }
}

/** Whether the bytes may stay where they are (`given`) or must be copied, because the caller will use them again (`lent`). */
export type Ownership = 'lent' | 'given'

/** The value in `bytes[start, end)`. Throws `ProtocolViolation` for an unknown kind or a length that does not fit it. */
export function readSegment(kind: number, bytes: Uint8Array, start: number, end: number, ownership: Ownership): unknown {
  if (kind === textKind) return readText(bytes, start, end)
  const name = kinds[kind]
  if (name === undefined) throw violation(`unknown kind of segment: ${kind}`)
  if (name === 'Uint8Array') return takeBytes(bytes, start, end, ownership)
  const Elements = elements[name]
  if (Elements !== undefined && (end - start) % Elements.BYTES_PER_ELEMENT !== 0) throw violation(`half an element in a segment of ${name}`)
  // A fresh buffer: elements need alignment, and an ArrayBuffer must not show its neighbours.
  const copy = inWireOrder(new Uint8Array(bytes.subarray(start, end)), Elements?.BYTES_PER_ELEMENT ?? 1)
  if (Elements !== undefined) return new Elements(copy.buffer as ArrayBuffer)
  return name === 'DataView' ? new DataView(copy.buffer) : copy.buffer
}

/** A Uint8Array, never a Buffer. Small pieces of a large packet are copied even when given: a view would keep the whole packet alive. */
export function takeBytes(bytes: Uint8Array, start: number, end: number, ownership: Ownership): Uint8Array {
  const share = ownership === 'given' && (end - start) * 2 >= bytes.buffer.byteLength
  return share ? new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start) : new Uint8Array(bytes.subarray(start, end))
}

function inWireOrder(bytes: Uint8Array, width: number): Uint8Array {
  if (littleEndian || width === 1) return bytes
  const swapped = new Uint8Array(bytes)
  for (let i = 0; i < swapped.length; i += width) swapped.subarray(i, i + width).reverse()
  return swapped
}

/** ES2024; Node 20 has it, older browsers do not. */
function isWellFormed(text: string): boolean {
  const modern = text as { isWellFormed?: () => boolean }
  return modern.isWellFormed === undefined ? !/\p{Surrogate}/u.test(text) : modern.isWellFormed()
}
