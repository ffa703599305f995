/** Records of a segment file, one after another, as far as they are whole. Decides nothing about what is not. */
import type { DiskFile } from './disk.js'
import { CHUNK_BYTES, readFully } from './files.js'
import { findMark, isWhole, MARK_BYTES, RECORD_BYTES, spanOf, type Form } from './record.js'

/** A file, and what its records are told by. */
export interface Stretch {
  readonly file: DiskFile
  readonly name: string
  readonly seed: number
  /** No record goes beyond it. */
  readonly end: number
}

/** The bytes are valid until it returns; false: no further for now. */
export type Visit = (form: Form, kind: number, bytes: Uint8Array, offset: number) => boolean

/** The records from `offset` on that are whole, as far as one chunk reaches; returns where the next one begins, or the first that is not whole. */
export async function walkChunk(stretch: Stretch, offset: number, visit: Visit, chunkBytes = CHUNK_BYTES): Promise<number> {
  const { file, name, seed, end } = stretch
  const chunk = await readFully(file, name, offset, Math.min(chunkBytes, end - offset))
  let at = 0
  while (at + RECORD_BYTES <= chunk.byteLength) {
    const span = spanOf(chunk, at)
    if (span === undefined || at + span > chunk.byteLength || !isWhole(chunk, at, span, seed, offset + at)) break
    const more = visit(chunk[at + 9]! as Form, chunk[at + 8]!, chunk.subarray(at + RECORD_BYTES, at + span), offset + at)
    at += span
    if (!more) break
  }
  return offset + at
}

/** Where the first mark stands after `offset`; undefined where there is none. */
export async function markAfter({ file, name, seed, end }: Stretch, offset: number): Promise<number | undefined> {
  for (let from = offset + 1; from < end; from += CHUNK_BYTES - MARK_BYTES) {
    const chunk = await readFully(file, name, from, Math.min(CHUNK_BYTES, end - from))
    const found = findMark(chunk, seed, from)
    if (found !== undefined) return from + found
  }
  return undefined
}
