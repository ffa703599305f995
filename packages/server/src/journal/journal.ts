/**
 * The port to what the router remembers: records in the order in which they were appended, kept until they are released. The state of the router is a
 * fold of them. Appending takes effect at once in this order and is safe later; nobody may be told of anything before it is. Knows records only as
 * a kind and bytes.
 */
import type { Durability, WaybillError } from '@waybill/core'

/** Where a record stands; worth nothing to anybody but its journal. */
export interface Place {
  readonly segment: number
  readonly offset: number
  /** Of the record, without what the journal puts around it. */
  readonly bytes: number
}

export function isSame(left: Place | undefined, right: Place): boolean {
  return left !== undefined && left.segment === right.segment && left.offset === right.offset
}

export interface Journal {
  readonly durability: Durability
  /** Of this start of the router; each start of the same store has a higher one. */
  readonly epoch: number
  /** Of the store, minted with it: who remembers what one said need not believe another. Undefined where nothing outlives the process. */
  readonly store: string | undefined
  /** Why nothing can be appended any more, once a write or a sync has failed. */
  readonly failure: WaybillError | undefined
  /** Whether so many more bytes fit, beside what is kept free for records that must not fail. */
  hasRoom(bytes: number): boolean
  /** Takes the bytes over. Throws `failure`. */
  append(kind: number, record: readonly Uint8Array[]): Place
  /** Calls back in the order of asking, as soon as everything that was appended before is safe: at once where it is already. After a failure `failed` is
   * called instead: what was appended may be there at the next start, or not. */
  whenSafe(safe: () => void, failed?: (error: WaybillError) => void): void
  /** For a record that is longer than what should be in memory at once. Throws `failure`. */
  spool(): Spool
  /** Calls back with what was appended there, or with `Damaged`; at once where it is at hand. */
  read(place: Place, then: (record: Uint8Array | undefined, error?: WaybillError) => void): void
  /** The same with a part of it: `length` bytes from `offset` on, or as many as there are. Verified, though the rest is not. */
  readPart(place: Place, offset: number, length: number, then: (part: Uint8Array | undefined, error?: WaybillError) => void): void
  /** Nobody will read it again. */
  release(place: Place): void
  /** Makes safe what was appended, and ends. */
  close(): Promise<void>
}

/** One record that comes in pieces. What was not ended is aborted by the end of the journal, and nothing is left of it. */
export interface Spool {
  /** Of what was written. */
  readonly bytes: number
  /** Takes the bytes over; resolves when more may come, which must wait for it. Rejects with `Overloaded` where there is no room for them, with `failure`, and
   * with `Damaged`; then it is aborted. */
  write(bytes: Uint8Array): Promise<void>
  /** Appends the record, as `append` does, after everything written. A start tells of its head alone; what is read at its place, which never
   * changes, is what was written. Throws `failure`. */
  end(kind: number, head: readonly Uint8Array[]): Place
  /** Resolves when nothing is left of it. Does nothing once it was ended. */
  abort(): Promise<void>
}

/**
 * Whose state the records make up. Told of what there is when a journal is opened, asked for what there is when it writes a snapshot. Bytes that it is
 * given are the journal's again when it returns.
 */
export interface Fold {
  /** An entry of the snapshot, before any record after it. Throws `Damaged`. */
  restore(entry: Uint8Array): void
  /** A record, in order; of one that was spooled its head, and the place of what is behind it. What it says may be in the snapshot already; what it is about may be in none, where a later record ended it before the
   * snapshot came to it. Throws `Damaged`. */
  record(kind: number, record: Uint8Array, place: Place): void
  /** Tells where everything stands that may be read again: asked once, when all was told. What stands elsewhere is released by that. */
  places(tell: (place: Place) => void): void
  /** All there is, as entries; walked in pieces while records go on being appended. */
  entries(): Iterable<Uint8Array>
  /** Whether the record at this place is still needed. */
  needs(kind: number, record: Uint8Array, place: Place): boolean
  /** The same record stands here from now on: the journal has moved it, now or before this start. */
  moved(kind: number, record: Uint8Array, to: Place): void
}
