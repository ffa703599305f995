/**
 * The segmented body: long strings and byte arrays beside the JSON that holds the rest. Owns this layout (all numbers little-endian):
 *
 *     offset          size        what
 *     0               4           jsonLength, u32: bytes of the JSON text
 *     4               2           count, u16: number of segments
 *     6               5 × count   for each segment: kind, u8 (see `kinds.ts`), then length in bytes, u32
 *     6 + 5 × count   jsonLength  JSON text in UTF-8: [document, path, path, …] with exactly `count` paths
 *     then            Σ length    the bytes of the segments, in order; nothing follows
 *
 * `document` is the value itself (encoding json) or the superjson document (encoding rich). The k-th path says where the k-th segment
 * belongs: an array of indices (numbers) and keys (strings) that leads through own properties of arrays and objects, starting at the value
 * or at the document's `json`. The place holds an empty array until it is filled, so no place can be filled twice. `[]` is the root.
 */

import type { Ownership, Segment } from './beside.js'
import { readSegment } from './kinds.js'
import { violation } from './limits.js'
import type { Step } from './paths.js'
import { textBound, writeText } from './text.js'

const fixedBytes = 6
const entryBytes = 5

export function segmentedBound(text: string, segments: readonly Segment[]): number {
  let bound = fixedBytes + entryBytes * segments.length + textBound(text)
  for (const { content } of segments) bound += typeof content === 'string' ? textBound(content) : content.length
  return bound
}

/** Returns the end. The lengths are written last, because a text knows its bytes only once it is written. */
export function writeSegmented(text: string, segments: readonly Segment[], target: Uint8Array, offset: number): number {
  const textStart = offset + fixedBytes + entryBytes * segments.length
  let end = writeText(text, target, textStart)
  writeU32(target, offset, end - textStart)
  target[offset + 4] = segments.length & 0xff
  target[offset + 5] = segments.length >>> 8
  let entry = offset + fixedBytes
  for (const { kind, content } of segments) {
    const start = end
    if (typeof content === 'string') end = writeText(content, target, start)
    else {
      target.set(content, start)
      end = start + content.length
    }
    target[entry] = kind
    writeU32(target, entry + 1, end - start)
    entry += entryBytes
  }
  return end
}

/** Where things are in a segmented body whose lengths add up. */
export interface Outline {
  readonly textStart: number
  readonly textEnd: number
  readonly count: number
}

export function outline(bytes: Uint8Array): Outline {
  if (bytes.length < fixedBytes) throw violation('the segmented body ends within its head')
  const count = bytes[4]! | (bytes[5]! << 8)
  const textStart = fixedBytes + entryBytes * count
  if (bytes.length < textStart) throw violation('the segmented body ends within its table')
  const textEnd = textStart + readU32(bytes, 0)
  let end = textEnd
  for (let k = 0; k < count; k++) end += readU32(bytes, fixedBytes + entryBytes * k + 1)
  if (end !== bytes.length) throw violation(`the parts of the segmented body take ${end} bytes, not ${bytes.length}`)
  return { textStart, textEnd, count }
}

/** Puts every segment into its place in `json` and returns the result, which is another value only where a path is `[]`. */
export function fillSegments(json: unknown, paths: readonly unknown[], bytes: Uint8Array, at: Outline, ownership: Ownership): unknown {
  if (paths.length !== at.count) throw violation(`${paths.length} paths for ${at.count} segments`)
  let root = json
  let start = at.textEnd
  for (let k = 0; k < at.count; k++) {
    const entry = fixedBytes + entryBytes * k
    const end = start + readU32(bytes, entry + 1)
    root = place(root, paths[k], readSegment(bytes[entry]!, bytes, start, end, ownership))
    start = end
  }
  return root
}

function place(root: unknown, path: unknown, content: unknown): unknown {
  if (!Array.isArray(path)) throw violation('the path of a segment is not an array')
  let holder: Record<Step, unknown> | undefined
  let last: Step = 0
  let found = root
  for (const step of path as unknown[]) {
    holder = holderOf(found, step)
    last = step as Step
    found = holder[last]
  }
  if (!Array.isArray(found) || found.length !== 0) throw violation('the path of a segment does not lead to an empty place')
  if (holder === undefined) return content
  holder[last] = content
  return root
}

/** The array or object itself, where `step` is one of its own indices or keys: never a filled segment, never a prototype. */
function holderOf(value: unknown, step: unknown): Record<Step, unknown> {
  const leads = Array.isArray(value)
    ? Number.isInteger(step) && (step as number) >= 0 && (step as number) < value.length
    : typeof step === 'string' &&
      typeof value === 'object' &&
      value !== null &&
      Object.getPrototypeOf(value) === Object.prototype &&
      Object.hasOwn(value, step)
  if (!leads) throw violation('the path of a segment leads nowhere')
  return value as Record<Step, unknown>
}

function writeU32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value
  target[offset + 1] = value >>> 8
  target[offset + 2] = value >>> 16
  target[offset + 3] = value >>> 24
}

function readU32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0
}
