/** Reads what is on the disk, verified; knows who is reading, so that nobody takes the file away meanwhile. */
import type { Disk } from './disk.js'
import { withBlob } from './blobs.js'
import { damaged } from './head.js'
import type { Place } from './journal.js'
import { segmentName } from './names.js'
import { isWhole, RECORD_BYTES, seedOf, spanOf } from './record.js'
import { Shelf } from './shelf.js'

export class Reads {
  readonly #shelf: Shelf
  /** How many read in it, by segment; blobs as negative numbers. */
  readonly #readers = new Map<number, number>()

  constructor(
    private readonly disk: Disk,
    private readonly files: Uint8Array,
  ) {
    this.#shelf = new Shelf(disk)
  }

  /** So many bytes from there on, which the record must have. */
  async read(place: Place, from: number, length: number): Promise<Uint8Array> {
    const { segment, offset, bytes } = place
    const key = segment === 0 ? -offset : segment
    this.#readers.set(key, (this.#readers.get(key) ?? 0) + 1)
    try {
      if (segment !== 0) return (await this.#record(place)).subarray(from, from + length)
      return await withBlob(this.disk, this.files, { number: offset, bytes }, (blob) => blob.read(from, length))
    } finally {
      const left = this.#readers.get(key)! - 1
      if (left === 0) this.#readers.delete(key)
      else this.#readers.set(key, left)
    }
  }

  isReadingSegment(segment: number): boolean {
    return this.#readers.has(segment)
  }

  isReadingBlob(number: number): boolean {
    return this.#readers.has(-number)
  }

  forget(segment: number): void {
    this.#shelf.forget(segment)
  }

  end(): void {
    this.#shelf.end()
  }

  async #record({ segment, offset, bytes }: Place): Promise<Uint8Array> {
    const span = RECORD_BYTES + bytes
    const record = await this.#shelf.read(segment, offset, span)
    if (spanOf(record, 0) !== span || !isWhole(record, 0, span, seedOf(this.files, segment), offset))
      throw damaged(`the record at ${offset} of ${segmentName(segment)} is not as it was written`)
    return record.subarray(RECORD_BYTES)
  }
}
