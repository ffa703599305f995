/**
 * What a segment holds: text, or the bytes of one of the platform's byte containers. Multi-byte elements are little-endian on the wire.
 */

import { takeBytes, type Ownership, type Segment } from './beside.js'
import { violation } from './limits.js'
import { readText } from './text.js'

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

function inWireOrder(bytes: Uint8Array, width: number): Uint8Array {
  if (littleEndian || width === 1) return bytes
  const swapped = new Uint8Array(bytes)
  for (let i = 0; i < swapped.length; i += width) swapped.subarray(i, i + width).reverse()
  return swapped
}
