/**
 * Which process had a name before which: a second process that takes a name has it for good, also where the first did not hear of it
 * because its link was dead, and comes back later as if nothing had happened. Remembers incarnations, not sessions; decides only who may
 * not come back.
 */

interface Incumbent {
  incarnation: string
  /** Those that had the name before, oldest first. */
  readonly former: string[]
}

/** Bounds, as names and incarnations come from the wire: what was forgotten may fight for a name once more, nothing worse. */
const MAX_FORMER = 16
const MAX_NAMES = 16_384

export class Incumbents {
  /** Least recently taken first. */
  readonly #byName = new Map<string, Incumbent>()

  /** Another process has taken the name from this one. */
  isFormer(name: string, incarnation: string): boolean {
    return this.#byName.get(name)?.former.includes(incarnation) === true
  }

  /** The process has the name now. */
  take(name: string, incarnation: string): void {
    const incumbent = this.#byName.get(name) ?? { incarnation, former: [] }
    this.#byName.delete(name)
    this.#byName.set(name, incumbent)
    if (incumbent.incarnation !== incarnation) {
      incumbent.former.push(incumbent.incarnation)
      if (incumbent.former.length > MAX_FORMER) incumbent.former.shift()
      incumbent.incarnation = incarnation
    }
    if (this.#byName.size <= MAX_NAMES) return
    const [oldest] = this.#byName.keys()
    this.#byName.delete(oldest!)
  }
}
