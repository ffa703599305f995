/** A store in a folder, opened for one router: what earlier starts have written is known, and what comes is written behind it. */
import type { Ports, WaybillError } from '@waybill/core'
import { EventLog } from './event-log/index.js'
import { Edges, Registrations } from './parcels/index.js'
import { foldOf } from './folds.js'
import { nodeDisk, openJournal, type JournalOptions, type RecoveryReport } from './journal/index.js'
import { Store } from './store.js'

export interface OpenedStore {
  readonly store: Store
  readonly eventLog: EventLog
  readonly registrations: Registrations
  readonly edges: Edges
  readonly report: RecoveryReport
}

/** `notice` is told what goes wrong beside the work. Rejects as `openJournal`: a store that is damaged or somebody else's is not touched. */
export async function openStore(folder: string, ports: Ports, notice: (error: WaybillError) => void): Promise<OpenedStore> {
  const store = new Store()
  const eventLog = new EventLog()
  const registrations = new Registrations()
  const edges = new Edges()
  const options: JournalOptions = { ports, notice }
  const { journal, report } = await openJournal(nodeDisk(folder), foldOf(store, eventLog, registrations, edges), options)
  try {
    store.begin(journal)
    eventLog.begin(journal)
    registrations.begin(journal)
    edges.begin(journal)
  } catch (thrown) {
    await journal.close()
    throw thrown
  }
  return { store, eventLog, registrations, edges, report }
}
