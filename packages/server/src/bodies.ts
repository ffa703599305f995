/**
 * Bodies that have a record of their own, as a frame has no room for them. Calls name them by their places: each is kept as long as some call does, and more
 * than one may, as another try of a dead letter has the same body. Knows no journal: who lets the last one go releases it.
 */
import type { Place, Spool } from './journal/journal.js'

/** A body as it comes. */
export interface BodySpool extends Pick<Spool, 'bytes' | 'write' | 'abort'> {
  /** Its place is the caller's to give to a call, or to drop. Throws as `Spool.end`. */
  end(): Place
}

export class Bodies {
  /** By offset, which no two of them share. */
  readonly #held = new Map<number, { readonly place: Place; holders: number }>()

  hold(place: Place | undefined): void {
    if (place === undefined) return
    const held = this.#held.get(place.offset)
    if (held === undefined) this.#held.set(place.offset, { place, holders: 1 })
    else held.holders++
  }

  /** Whether nobody holds it any more. */
  letGo({ offset }: Place): boolean {
    const held = this.#held.get(offset)
    if (held === undefined || --held.holders > 0) return false
    return this.#held.delete(offset)
  }

  places(tell: (place: Place) => void): void {
    for (const { place } of this.#held.values()) tell(place)
  }
}
