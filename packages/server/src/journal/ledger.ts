/** How much of each segment, and of the blobs, is still of use. Knows what is on the disk only as numbers. */
import { blobFileBytes } from './blobs.js'
import { HEAD_BYTES } from './head.js'
import type { Place } from './journal.js'
import { RECORD_BYTES } from './record.js'

interface Row {
  end: number
  live: number
  /** It cannot be read through, so it stays. */
  isDamaged: boolean
}

export class Ledger {
  readonly #rows = new Map<number, Row>()
  /** Bytes by number, of those that are there. */
  readonly #blobs = new Map<number, number>()
  #blobBytes = 0
  #segmentBytes = 0

  /** Bytes of all there is. */
  get bytes(): number {
    return this.#segmentBytes + this.#blobBytes
  }

  /** In ascending order. */
  get segments(): readonly { readonly number: number; readonly end: number }[] {
    return Array.from(this.#rows, ([number, { end }]) => ({ number, end })).toSorted((one, other) => one.number - other.number)
  }

  /** So long is the segment now. */
  ends(segment: number, end: number): void {
    const row = this.#rows.get(segment) ?? { end: 0, live: 0, isDamaged: false }
    this.#segmentBytes += end - row.end
    row.end = end
    this.#rows.set(segment, row)
  }

  /** Undefined where there is no such segment. */
  endOf(segment: number): number | undefined {
    return this.#rows.get(segment)?.end
  }

  holds({ segment, offset, bytes }: Place): void {
    if (segment === 0) {
      this.#blobs.set(offset, blobFileBytes(bytes))
      this.#blobBytes += blobFileBytes(bytes)
      return
    }
    let row = this.#rows.get(segment)
    if (row === undefined) this.#rows.set(segment, (row = { end: 0, live: 0, isDamaged: false }))
    row.live += RECORD_BYTES + bytes
  }

  released({ segment, bytes }: Place): void {
    const row = this.#rows.get(segment)
    if (row !== undefined) row.live -= RECORD_BYTES + bytes
  }

  hasBlob(number: number): boolean {
    return this.#blobs.has(number)
  }

  blobGone(number: number): void {
    this.#blobBytes -= this.#blobs.get(number) ?? 0
    this.#blobs.delete(number)
  }

  gone(segment: number): void {
    this.#segmentBytes -= this.#rows.get(segment)?.end ?? 0
    this.#rows.delete(segment)
  }

  /** How much of the segment is of no use, from 0 to 1. */
  deadShareOf(segment: number): number {
    const row = this.#rows.get(segment)
    return row === undefined || row.isDamaged ? 0 : deadShareOf(row)
  }

  /** All of it was looked through, and what somebody needs of it stands elsewhere. */
  emptied(segment: number): void {
    const row = this.#rows.get(segment)
    if (row !== undefined) row.live = 0
  }

  damaged(segment: number): void {
    const row = this.#rows.get(segment)
    if (row !== undefined) row.isDamaged = true
  }

  /** Segments before this one that nobody needs. */
  deadBefore(segment: number): readonly number[] {
    return Array.from(this.#rows).flatMap(([number, { live }]) => (number < segment && live === 0 ? [number] : []))
  }

  /** The segment before this one of which the largest part is of no use, where that is at least this share of it. */
  worstBefore(segment: number, deadShare: number): number | undefined {
    let worst: number | undefined
    let most = deadShare
    for (const [number, row] of this.#rows) {
      if (number >= segment || row.isDamaged || row.live === 0) continue
      const dead = deadShareOf(row)
      if (dead >= most) {
        most = dead
        worst = number
      }
    }
    return worst
  }
}

function deadShareOf({ end, live }: Row): number {
  return end <= HEAD_BYTES ? 1 : 1 - live / (end - HEAD_BYTES)
}
