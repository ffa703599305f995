/**
 * Records that become safe together: one stretch of a segment, gathered in memory until one write and one sync take it to the disk. It begins with a mark,
 * which says that everything before it was safe.
 */
import { joined } from './parts.js'
import { type Form, MARK_BYTES, RECORD_BYTES, seal, writeMark } from './record.js'

const FIRST_BYTES = 64 * 1024
/** A slab that one burst has made larger is not kept. */
const MOST_KEPT_BYTES = 1024 * 1024

/** A record that gets a file of its own before the group is written. */
export interface WaitingBlob {
  readonly number: number
  readonly bytes: number
  /** What is in it, where that is still in memory. */
  readonly parts: readonly Uint8Array[] | undefined
  /** It is there once that resolves, and synced; its name is safe when the folder is synced. Resolves to how many bytes that wrote. */
  write(): Promise<number>
}

export class Group {
  readonly blobs: WaitingBlob[] = []
  #slab: Uint8Array
  #end = 0

  constructor(
    readonly number: number,
    readonly segment: number,
    /** Where it begins in its segment. */
    readonly offset: number,
    private readonly seed: number,
    slab: Uint8Array | undefined,
  ) {
    this.#slab = slab ?? new Uint8Array(FIRST_BYTES)
    writeMark(this.#slab, 0, number, seed, offset)
    this.#end = MARK_BYTES
  }

  /** Where the next record will stand. */
  get end(): number {
    return this.offset + this.#end
  }

  get bytes(): Uint8Array {
    return this.#slab.subarray(0, this.#end)
  }

  /** Returns where it stands. */
  append(kind: number, form: Form, parts: readonly Uint8Array[], bytes: number): number {
    const at = this.#end
    const next = at + RECORD_BYTES + bytes
    if (next > this.#slab.byteLength) this.#grow(next)
    let to = at + RECORD_BYTES
    for (const part of parts) {
      this.#slab.set(part, to)
      to += part.byteLength
    }
    seal(this.#slab, at, bytes, kind, form, this.seed, this.offset + at)
    this.#end = next
    return this.offset + at
  }

  /** A copy of the bytes of the record that stands there. */
  read(offset: number, bytes: number): Uint8Array {
    const at = offset - this.offset + RECORD_BYTES
    return this.#slab.slice(at, at + bytes)
  }

  readBlob(number: number): Uint8Array | undefined {
    const blob = this.blobs.find((one) => one.number === number)
    return blob?.parts && joined(blob.parts, blob.bytes)
  }

  /** For another group, once nobody looks into this one. */
  get slab(): Uint8Array | undefined {
    return this.#slab.byteLength <= MOST_KEPT_BYTES ? this.#slab : undefined
  }

  #grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, this.#slab.byteLength * 2))
    larger.set(this.bytes)
    this.#slab = larger
  }
}
