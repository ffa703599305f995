/**
 * One record in a segment: what it is made of, and how one that is whole is told from anything else. Its checksum begins from the files' id, the
 * segment and the offset, so a record is one only where it was written.
 *
 * ```
 * 0  u32  checksum of all that follows      8  u8  kind      10  the bytes
 * 4  u32  bytes after these ten             9  u8  form
 * ```
 */
import { checksum } from './checksum.js'
import { readU32, readU64, writeU32, writeU64 } from './numbers.js'

export const RECORD_BYTES = 10
/** A longer one has a file of its own; the segment says which. */
export const MAX_INLINE_BYTES = 64 * 1024

/** `mark` begins a group: everything before it was safe before it was written. `blob`: all of the record stands in a blob. `spooled`: what stands in one
 * came in pieces; the head of the record follows the reference, and a start looks at nothing else. */
export const Form = { plain: 1, moved: 2, blob: 3, mark: 4, spooled: 5 } as const
export type Form = (typeof Form)[keyof typeof Form]

export const MARK_BYTES = RECORD_BYTES + 16
export const BLOB_REFERENCE_BYTES = 20
const MARK_MAGIC = Uint8Array.of(0xf1, 0x77, 0xb1, 0x11, 0x67, 0x72, 0x6f, 0x75)

/** From which the checksum of a record begins, its offset aside. */
export function seedOf(files: Uint8Array, segment: number): number {
  const bytes = new Uint8Array(8)
  writeU64(bytes, 0, segment)
  return checksum(bytes, 0, 8, checksum(files, 0, files.byteLength, 0))
}

/** Writes what stands around the bytes, which are at `at + RECORD_BYTES` already. */
export function seal(into: Uint8Array, at: number, bytes: number, kind: number, form: Form, seed: number, offset: number): void {
  writeU32(into, at + 4, bytes)
  into[at + 8] = kind
  into[at + 9] = form
  writeU32(into, at, checksum(into, at + 4, at + RECORD_BYTES + bytes, (seed ^ offset) >>> 0))
}

/** How many bytes a record takes whose first ten are at `at`; undefined where no record begins so. */
export function spanOf(bytes: Uint8Array, at: number): number | undefined {
  const length = readU32(bytes, at + 4)
  const form = bytes[at + 9]!
  if (length > MAX_INLINE_BYTES || form < Form.plain || form > Form.spooled) return undefined
  return RECORD_BYTES + length
}

/** Whether the record of this span at `at`, which stands at `offset` of its segment, is as it was written. */
export function isWhole(bytes: Uint8Array, at: number, span: number, seed: number, offset: number): boolean {
  return readU32(bytes, at) === checksum(bytes, at + 4, at + span, (seed ^ offset) >>> 0)
}

export function writeMark(into: Uint8Array, at: number, group: number, seed: number, offset: number): void {
  into.set(MARK_MAGIC, at + RECORD_BYTES)
  writeU64(into, at + RECORD_BYTES + 8, group)
  seal(into, at, MARK_BYTES - RECORD_BYTES, 0, Form.mark, seed, offset)
}

export function groupOf(mark: Uint8Array): number {
  return readU64(mark, 8)
}

/** Where in these bytes, which stand at `offset` of their segment, a mark stands; undefined where none does. */
export function findMark(bytes: Uint8Array, seed: number, offset: number): number | undefined {
  for (let at = bytes.indexOf(MARK_MAGIC[0]!, RECORD_BYTES); at >= 0; at = bytes.indexOf(MARK_MAGIC[0]!, at + 1)) {
    const start = at - RECORD_BYTES
    if (start + MARK_BYTES > bytes.byteLength) return undefined
    if (MARK_MAGIC.some((byte, index) => bytes[at + index] !== byte)) continue
    if (spanOf(bytes, start) === MARK_BYTES && isWhole(bytes, start, MARK_BYTES, seed, offset + start)) return start
  }
  return undefined
}

/** What a segment says of a record that has a file of its own. */
export interface BlobReference {
  readonly number: number
  readonly bytes: number
  readonly sum: number
}

export function writeBlobReference({ number, bytes, sum }: BlobReference): Uint8Array {
  const reference = new Uint8Array(BLOB_REFERENCE_BYTES)
  writeU64(reference, 0, number)
  writeU64(reference, 8, bytes)
  writeU32(reference, 16, sum)
  return reference
}

/** Of a record of this form; undefined where it has none, or cannot have been written. */
export function readBlobReference(form: Form, bytes: Uint8Array): BlobReference | undefined {
  if (form !== Form.spooled && (form !== Form.blob || bytes.byteLength !== BLOB_REFERENCE_BYTES)) return undefined
  if (bytes.byteLength < BLOB_REFERENCE_BYTES) return undefined
  return { number: readU64(bytes, 0), bytes: readU64(bytes, 8), sum: readU32(bytes, 16) }
}
