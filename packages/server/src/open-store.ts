/** A store in a folder, opened for one router: what earlier starts have written is known, and what comes is written behind it. */
import type { Ports, WaybillError } from '@waybill/core'
import { nodeDisk, openJournal, type JournalOptions, type RecoveryReport } from './journal/index.js'
import { beginKept, emptyKept, foldOfKept, type Kept } from './kept.js'

export interface OpenedStore {
  readonly kept: Kept
  readonly report: RecoveryReport
}

/** `notice` is told what goes wrong beside the work. Rejects as `openJournal`: a store that is damaged or somebody else's is not touched. */
export async function openStore(folder: string, ports: Ports, notice: (error: WaybillError) => void): Promise<OpenedStore> {
  const kept = emptyKept()
  const options: JournalOptions = { ports, notice }
  const { journal, report } = await openJournal(nodeDisk(folder), foldOfKept(kept), options)
  try {
    beginKept(kept, journal)
  } catch (thrown) {
    await journal.close()
    throw thrown
  }
  return { kept, report }
}
