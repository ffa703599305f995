/** All that a router knows of earlier starts, and where it writes down what it promises: parts that write to one journal, whose records they tell apart. */
import { EventLog } from './event-log/index.js'
import { foldOf } from './folds.js'
import type { Fold, Journal } from './journal/journal.js'
import { Edges, Registrations } from './parcels/index.js'
import { Store } from './store.js'

export interface Kept {
  readonly store: Store
  readonly eventLog: EventLog
  readonly registrations: Registrations
  readonly edges: Edges
}

/** Nothing yet: a journal is opened with its fold, and then begun. */
export function emptyKept(): Kept {
  return { store: new Store(), eventLog: new EventLog(), registrations: new Registrations(), edges: new Edges() }
}

export function foldOfKept({ store, eventLog, registrations, edges }: Kept): Fold {
  return foldOf(store, eventLog, registrations, edges)
}

/** What comes is written behind what was told. Throws `Damaged`. */
export function beginKept({ store, eventLog, registrations, edges }: Kept, journal: Journal): void {
  for (const part of [store, eventLog, registrations, edges]) part.begin(journal)
}
