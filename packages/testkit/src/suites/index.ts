export { crashRuns, type CrashOptions, type CrashTally } from './crashes.js'
export { ENDS, KINDS, mutate, OUTCOMES, richStore, type End, type Kind, type Mutated, type Outcome, type RichStore } from './mutations.js'
export { Cupboard } from './cupboard.js'
export { bytesOf, journalSuite, read, safe, textOf, type JournalStage } from './journal.js'
