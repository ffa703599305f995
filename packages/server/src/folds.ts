/** All that a store keeps, as one fold of several: stored calls, and sections beside them. Each knows its own records by their kinds. */
import type { Fold } from './journal/journal.js'
import type { Section } from './sections.js'
import type { Store } from './store.js'

export function foldOf(calls: Store, ...sections: readonly Section[]): Fold {
  const owner = (kind: number): Fold => sections.find(({ kinds: [first, last] }) => first <= kind && kind <= last) ?? calls
  const all: readonly Fold[] = [calls, ...sections]
  return {
    restore: (entry) => (sections.find(({ mark }) => mark === entry[0]) ?? calls).restore(entry),
    record: (kind, record, place) => owner(kind).record(kind, record, place),
    places: (tell) => all.forEach((one) => one.places(tell)),
    *entries() {
      for (const one of all) yield* one.entries()
    },
    needs: (kind, record, place) => owner(kind).needs(kind, record, place),
    moved: (kind, record, to) => owner(kind).moved(kind, record, to),
  }
}
