/** Reads what is on the disk, verified; knows who is reading, so that nobody takes the file away meanwhile. */
import type { Disk } from './disk.js'
import { readBlob } from './blobs.js'
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

  async read(place: Place): Promise<Uint8Array> {
    const { segment, offset, bytes } = place
    const key = segment === 0 ? -offset : segment
    this.#readers.set(key, (this.#readers.get(key) ?? 0) + 1)
    try {
      return segment === 0 ? await readBlob(this.disk, this.files, offset, bytes) : await this.#record(place)
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
