export { crashRuns, type CrashOptions, type CrashTally } from './crashes.js'
export { Cupboard } from './cupboard.js'
export { bytesOf, journalSuite, read, safe, textOf, type JournalStage } from './journal.js'
