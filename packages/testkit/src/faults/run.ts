/** What each part of a run is given, and what it says in the end. */
import type { FaultOptions } from './options.js'

export interface Run {
  readonly options: FaultOptions
  /** All of this run, removed in the end where nothing was found. */
  readonly folder: string
  readonly signal: AbortSignal
  readonly say: (text: string) => void
}

/** How many violations were found. */
export type PartOf = (run: Run) => Promise<number>
