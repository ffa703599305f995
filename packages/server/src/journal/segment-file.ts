/** The files that records are in, opened to be read through: whether they are what they should be, and where they end. */
import type { Disk, DiskFile } from './disk.js'
import { readFully, reading } from './files.js'
import { damaged, HEAD_BYTES, OLDEST_READ, readHead, readOwnHead, type Head } from './head.js'
import { segmentName } from './names.js'
import { markAfter, type Stretch } from './walk.js'
import type { Safe } from './witness.js'

export interface SegmentFacts {
  readonly head: Head
  readonly fileBytes: number
}

/** Throws `Damaged`; of an older version nothing but that it is one is looked at. */
export async function readSegmentFacts(disk: Disk, files: Uint8Array, number: number): Promise<SegmentFacts> {
  const name = segmentName(number)
  return await reading(disk, name, async (file) => {
    const bytes = await readFully(file, name, 0, Math.min(HEAD_BYTES, file.bytes))
    const head = readHead('segment', bytes, name)
    return { head: head.version < OLDEST_READ ? head : readOwnHead('segment', bytes, name, files, number), fileBytes: file.bytes }
  })
}

export async function headOf(file: DiskFile, files: Uint8Array, number: number): Promise<Head> {
  const name = segmentName(number)
  return readOwnHead('segment', await readFully(file, name, 0, Math.min(HEAD_BYTES, file.bytes)), name, files, number)
}

/**
 * The last segment has records that are whole up to `end`. What follows was being written when the process or the machine ended, and nobody was told that
 * it was safe: unless something proves that it was. A group is begun only when the one before is safe, so a mark behind proves it, as does the witness.
 * Throws `Damaged` then.
 */
export async function judgeTail(stretch: Stretch, end: number, segment: number, witness: Safe | 'unreadable' | undefined): Promise<void> {
  const { name } = stretch
  if (typeof witness === 'object' && witness.segment === segment && witness.offset > end)
    throw damaged(`${name} is not whole from ${end} on, and was up to ${witness.offset}`)
  const mark = await markAfter(stretch, end)
  if (mark !== undefined) throw damaged(`${name} is not whole at ${end}, and records that came later stand at ${mark}`)
}
