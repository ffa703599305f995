export { Cupboard } from './cupboard.js'
export { bytesOf, journalSuite, read, safe, textOf, type JournalStage } from './journal.js'
