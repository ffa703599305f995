export type { Disk, DiskFile, DiskLock } from './disk.js'
export type { Fold, Journal, Place } from './journal.js'
export { MemoryJournal, type MemoryJournalOptions } from './memory.js'
