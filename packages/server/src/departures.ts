/**
 * What is about to leave, for each destination in the order in which that was decided: stored calls for an instance as they were leased to it, outcomes for a
 * client as they came about. What is written down or read later leaves later.
 */

/** One of them. */
export interface Departure {
  /** It leaves no more: it has ended, or goes elsewhere. */
  isOver(): boolean
  /** Leaves. Set as soon as it can. */
  leave?: () => void
}

export class Departures<Destination extends object> {
  readonly #lines = new WeakMap<Destination, Departure[]>()

  /** The departure has its place in the line. */
  enter(destination: Destination, departure: Departure): void {
    const line = this.#lines.get(destination)
    if (line === undefined) this.#lines.set(destination, [departure])
    else line.push(departure)
  }

  /** The departure can leave, as soon as those before it have. */
  ready(destination: Destination, departure: Departure, leave: () => void): void {
    departure.leave = leave
    const line = this.#lines.get(destination)
    if (line === undefined) return
    let gone = 0
    for (const next of line) {
      if (!next.isOver()) {
        if (next.leave === undefined) break
        next.leave()
      }
      gone++
    }
    line.splice(0, gone)
    if (line.length === 0) this.#lines.delete(destination)
  }
}
