/**
 * Records that have a file of their own: whole and synced before any record says that they are there. Each piece has a checksum, so that a part is read
 * and verified alone; the checksums stand behind the bytes, and the head has one of them.
 *
 * ```
 * head: number, a = bytes, b = checksum of what stands behind them, c = bytes of a piece      then the bytes      u32 × pieces  checksums
 * ```
 *
 * Where c is 0, as in version 2, all of it is one piece, b is its checksum, and nothing stands behind.
 */
import { checksum } from './checksum.js'
import type { Disk, DiskFile } from './disk.js'
import { readFully, reading } from './files.js'
import { damaged, HEAD_BYTES, readOwnHead, writeHead } from './head.js'
import { blobName } from './names.js'
import { readU32, writeU32 } from './numbers.js'

export const PIECE_BYTES = 256 * 1024
const SUM_BYTES = 4

/** How long the file is of a blob of so many bytes. */
export function blobFileBytes(bytes: number): number {
  return HEAD_BYTES + bytes + SUM_BYTES * Math.ceil(bytes / PIECE_BYTES)
}

/** The checksums of pieces, of bytes as they come. */
export class PieceSums {
  readonly #whole: number[] = []
  #bytes = 0
  #sum = 0

  get bytes(): number {
    return this.#bytes
  }

  add(part: Uint8Array): void {
    for (let at = 0; at < part.byteLength;) {
      const filled = this.#bytes % PIECE_BYTES
      const to = Math.min(part.byteLength, at + PIECE_BYTES - filled)
      // Begun from its number, so that no two pieces can change places.
      this.#sum = checksum(part, at, to, filled === 0 ? this.#whole.length : this.#sum)
      this.#bytes += to - at
      at = to
      if (this.#bytes % PIECE_BYTES === 0) this.#whole.push(this.#sum)
    }
  }

  /** What stands behind the bytes, and the checksum of that. */
  end(): { readonly tail: Uint8Array; readonly sum: number } {
    const sums = this.#bytes % PIECE_BYTES === 0 ? this.#whole : [...this.#whole, this.#sum]
    const tail = new Uint8Array(sums.length * SUM_BYTES)
    for (const [at, sum] of sums.entries()) writeU32(tail, at * SUM_BYTES, sum)
    return { tail, sum: checksum(tail, 0, tail.byteLength, 0) }
  }
}

export interface NewBlob {
  readonly number: number
  readonly bytes: number
  readonly sum: number
  readonly tail: Uint8Array
}

export function blobHead(files: Uint8Array, { number, bytes, sum }: Omit<NewBlob, 'tail'>): Uint8Array {
  return writeHead('blob', { files, number, a: bytes, b: sum, c: PIECE_BYTES })
}

/** Its name is safe once the folder is synced. Returns how long the file is. */
export async function writeBlob(disk: Disk, files: Uint8Array, blob: NewBlob, parts: readonly Uint8Array[]): Promise<number> {
  const file = await disk.create(blobName(blob.number))
  try {
    await file.write([blobHead(files, blob), ...parts, blob.tail], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  return blobFileBytes(blob.bytes)
}

interface BlobFacts {
  readonly name: string
  readonly bytes: number
  /** As the record says it that speaks of it. */
  readonly sum: number
  readonly pieceBytes: number
  /** Of its pieces. */
  readonly sums: readonly number[]
}

/** One that is there, as far as its head and its checksums say. */
export class Blob {
  private constructor(
    private readonly file: DiskFile,
    readonly facts: BlobFacts,
  ) {}

  /** Throws `Damaged` where it is not as it was written, or not written yet; of the bytes nothing is looked at. */
  static async of(file: DiskFile, files: Uint8Array, number: number): Promise<Blob> {
    const name = blobName(number)
    const head = await readFully(file, name, 0, Math.min(HEAD_BYTES, file.bytes))
    const { a: bytes, b: sum, c: pieceBytes } = readOwnHead('blob', head, name, files, number)
    const pieces = pieceBytes === 0 ? 0 : Math.ceil(bytes / pieceBytes)
    const end = HEAD_BYTES + bytes + pieces * SUM_BYTES
    if (file.bytes !== end) throw damaged(`${name} has ${file.bytes} bytes instead of ${end}`)
    if (pieceBytes === 0) return new Blob(file, { name, bytes, sum, pieceBytes: bytes, sums: [sum] })
    const tail = await readFully(file, name, HEAD_BYTES + bytes, pieces * SUM_BYTES)
    if (checksum(tail, 0, tail.byteLength, 0) !== sum) throw damaged(`what stands behind the bytes of ${name} is not as it was written`)
    const sums = Array.from({ length: pieces }, (_, piece) => readU32(tail, piece * SUM_BYTES))
    return new Blob(file, { name, bytes, sum, pieceBytes, sums })
  }

  /** So much of it from there on, which it must have: reads the pieces that this touches, and no others. Throws `Damaged`. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0)
    const { name, bytes, pieceBytes, sums } = this.facts
    const first = Math.floor(offset / pieceBytes)
    const from = first * pieceBytes
    const to = Math.min(bytes, Math.ceil((offset + length) / pieceBytes) * pieceBytes)
    const pieces = await readFully(this.file, name, HEAD_BYTES + from, to - from)
    for (let at = 0, piece = first; at < pieces.byteLength; at += pieceBytes, piece++)
      if (checksum(pieces, at, Math.min(at + pieceBytes, pieces.byteLength), piece) !== sums[piece])
        throw damaged(`the checksum of ${name} does not fit at ${from + at}`)
    return pieces.subarray(offset - from, offset - from + length)
  }

  /** Reads all of it, one piece after the other. Throws `Damaged`. */
  async verify(): Promise<void> {
    const { bytes, pieceBytes } = this.facts
    for (let at = 0; at < bytes; at += pieceBytes) await this.read(at, Math.min(pieceBytes, bytes - at))
  }
}

/** Of the blob that a place or a record speaks of. Throws `Damaged` also where it is not that one. */
export async function withBlob<T>(
  disk: Disk,
  files: Uint8Array,
  { number, bytes, sum }: { readonly number: number; readonly bytes: number; readonly sum?: number },
  use: (blob: Blob) => Promise<T>,
): Promise<T> {
  return await reading(disk, blobName(number), async (file) => {
    const blob = await Blob.of(file, files, number)
    const { facts } = blob
    if (facts.bytes !== bytes || (sum ?? facts.sum) !== facts.sum) throw damaged(`${facts.name} is not the one that was written there`)
    return await use(blob)
  })
}
