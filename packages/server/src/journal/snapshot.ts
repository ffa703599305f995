/**
 * A snapshot: all entries of the fold at some moment after the segment before `number` ended, in one file. Written beside the work and counted from its
 * rename on; a start reads it whole or not at all.
 *
 * ```
 * head: number, a = the next blob's number, b = where the segment before ends, c = the last group before
 * blocks: u32 bytes, u32 checksum, u32 entries, then entries of u32 length and bytes; the last block has no entry and says how many there were
 * ```
 */
import { checksum } from './checksum.js'
import type { Disk, DiskFile } from './disk.js'
import { readFully, reading } from './files.js'
import { damaged, HEAD_BYTES, readOwnHead, writeHead } from './head.js'
import { snapshotName } from './names.js'
import { readU32, readU64, writeU32, writeU64 } from './numbers.js'
import { seedOf } from './record.js'
import type { Boundary } from './writer.js'

/** As much as is gathered without letting anybody else run; an entry that is longer stands alone. */
const BLOCK_BYTES = 64 * 1024
const BLOCK_HEAD_BYTES = 12
/** So much is left to the system before it is told to take it to the disk, so that nobody else waits for all of it at once. */
const SYNC_BYTES = 8 * 1024 * 1024

export interface SnapshotFacts extends Boundary {
  readonly nextBlob: number
}

/** Asked before each piece whether so much may be written, and told when it is. */
export interface Allowance {
  may(bytes: number): boolean
  written(bytes: number): void
}

export const FREELY: Allowance = { may: () => true, written: () => {} }

/** Returns how long it became; undefined where it was not allowed to go on. The file is safe then, its name is not. */
export async function writeSnapshot(
  file: DiskFile,
  files: Uint8Array,
  facts: SnapshotFacts,
  entries: Iterable<Uint8Array>,
  allowance: Allowance,
): Promise<number | undefined> {
  const block = new Block(seedOf(files, facts.segment))
  let at = 0
  let synced = at
  const put = async (bytes: Uint8Array): Promise<boolean> => {
    if (!allowance.may(bytes.byteLength)) return false
    await file.write([bytes], at)
    allowance.written(bytes.byteLength)
    at += bytes.byteLength
    if (at - synced < SYNC_BYTES) return true
    await file.sync()
    synced = at
    return true
  }
  const head = writeHead('snapshot', { files, number: facts.segment, a: facts.nextBlob, b: facts.previousEnd, c: facts.group })
  if (!(await put(head))) return undefined
  for (const entry of entries) if (block.add(entry) >= BLOCK_BYTES && !(await put(block.take()))) return undefined
  if (block.entries > 0 && !(await put(block.take()))) return undefined
  if (!(await put(block.last()))) return undefined
  await file.sync()
  return at
}

/** Throws `Damaged` before anything is wrong that was told: what `restore` was given is worth nothing then. */
export async function readSnapshot(
  disk: Disk,
  files: Uint8Array,
  number: number,
  restore: (entry: Uint8Array) => void,
): Promise<SnapshotFacts & { readonly entries: number; readonly bytes: number }> {
  const name = snapshotName(number)
  return await reading(disk, name, async (file) => {
    const head = readOwnHead('snapshot', await readFully(file, name, 0, Math.min(HEAD_BYTES, file.bytes)), name, files, number)
    const entries = await new BlockReader(file, name, seedOf(files, number)).all(restore)
    return { segment: number, nextBlob: head.a, previousEnd: head.b, group: head.c, entries, bytes: file.bytes }
  })
}

class Block {
  entries = 0
  #bytes = new Uint8Array(BLOCK_BYTES * 2)
  #end = BLOCK_HEAD_BYTES
  #index = 0
  #total = 0

  constructor(private readonly seed: number) {}

  /** Returns how much there is now. */
  add(entry: Uint8Array): number {
    const next = this.#end + 4 + entry.byteLength
    if (next > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(next, this.#bytes.byteLength * 2))
      larger.set(this.#bytes.subarray(0, this.#end))
      this.#bytes = larger
    }
    writeU32(this.#bytes, this.#end, entry.byteLength)
    this.#bytes.set(entry, this.#end + 4)
    this.#end = next
    this.entries++
    return next
  }

  /** The block as it is written, until the next `add`. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#end)
    writeU32(bytes, 0, this.#end - BLOCK_HEAD_BYTES)
    writeU32(bytes, 8, this.entries)
    writeU32(bytes, 4, sumOf(bytes, this.seed, this.#index++))
    this.#total += this.entries
    this.entries = 0
    this.#end = BLOCK_HEAD_BYTES
    return bytes
  }

  last(): Uint8Array {
    writeU64(this.#bytes, BLOCK_HEAD_BYTES, this.#total)
    this.#end = BLOCK_HEAD_BYTES + 8
    return this.take()
  }
}

class BlockReader {
  #at = HEAD_BYTES
  #index = 0

  constructor(
    private readonly file: DiskFile,
    private readonly name: string,
    private readonly seed: number,
  ) {}

  /** Returns how many there were. */
  async all(restore: (entry: Uint8Array) => void): Promise<number> {
    let total = 0
    for (;;) {
      const { bytes, entries } = await this.#block()
      if (entries === 0) {
        if (bytes.byteLength !== BLOCK_HEAD_BYTES + 8 || readU64(bytes, BLOCK_HEAD_BYTES) !== total || this.#at !== this.file.bytes)
          throw damaged(`${this.name} does not end as it should`)
        return total
      }
      let at = BLOCK_HEAD_BYTES
      for (let entry = 0; entry < entries; entry++) {
        const length = readU32(bytes, at)
        restore(bytes.subarray(at + 4, at + 4 + length))
        at += 4 + length
      }
      total += entries
    }
  }

  async #block(): Promise<{ bytes: Uint8Array; entries: number }> {
    const left = this.file.bytes - this.#at
    // Most blocks are a little longer than this, so that one read is enough.
    const first = await readFully(this.file, this.name, this.#at, Math.min(left, BLOCK_BYTES + 1024))
    const span = first.byteLength < BLOCK_HEAD_BYTES ? undefined : BLOCK_HEAD_BYTES + readU32(first, 0)
    if (span === undefined || span > left) throw damaged(`${this.name} ends in the middle`)
    const bytes = span <= first.byteLength ? first.subarray(0, span) : await readFully(this.file, this.name, this.#at, span)
    if (readU32(bytes, 4) !== sumOf(bytes, this.seed, this.#index)) throw damaged(`a checksum of ${this.name} does not fit at ${this.#at}`)
    this.#at += span
    this.#index++
    return { bytes, entries: readU32(bytes, 8) }
  }
}

function sumOf(block: Uint8Array, seed: number, index: number): number {
  return checksum(block, 8, block.byteLength, checksum(block, 0, 4, (seed ^ index) >>> 0))
}
