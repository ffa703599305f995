/** All that a store keeps, as one fold of two: stored calls, and the log of durable events. Each knows its own records by their kinds. */
import { isEventEntry, LEAST_KIND, type EventLog } from './event-log/index.js'
import type { Fold } from './journal/journal.js'
import type { Store } from './store.js'

export function foldOf(calls: Store, events: EventLog): Fold {
  const owner = (kind: number): Fold => (kind >= LEAST_KIND ? events : calls)
  return {
    restore: (entry) => (isEventEntry(entry) ? events : calls).restore(entry),
    record: (kind, record, place) => owner(kind).record(kind, record, place),
    *places() {
      yield* calls.places()
      yield* events.places()
    },
    *entries() {
      yield* calls.entries()
      yield* events.entries()
    },
    needs: (kind, record, place) => owner(kind).needs(kind, record, place),
    moved: (kind, record, to) => owner(kind).moved(kind, record, to),
  }
}
