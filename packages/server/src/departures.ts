/** Stored calls that are about to leave, for each instance in the order in which they were leased to it: what is written down or read later leaves later. */
import type { Instance } from './model.js'

/** One of them. */
export interface Departure {
  /** It leaves no more: it has ended, or goes elsewhere. */
  isOver(): boolean
  /** Leaves. Set as soon as it can. */
  leave?: () => void
}

export class Departures {
  readonly #lines = new WeakMap<Instance, Departure[]>()

  /** The departure has its place in the line. */
  enter(instance: Instance, departure: Departure): void {
    const line = this.#lines.get(instance)
    if (line === undefined) this.#lines.set(instance, [departure])
    else line.push(departure)
  }

  /** The departure can leave, as soon as those before it have. */
  ready(instance: Instance, departure: Departure, leave: () => void): void {
    departure.leave = leave
    const line = this.#lines.get(instance)
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
    if (line.length === 0) this.#lines.delete(instance)
  }
}
