/**
 * The journal on a disk, once it is open: appends through the writer, reads what is not written yet from memory, and keeps the books of what is still of
 * use. Starts nothing by itself; see `open.ts`.
 */
import { WaybillError } from '@waybill/core'
import { checksum } from './checksum.js'
import type { DiskLock } from './disk.js'
import type { Journal, Place } from './journal.js'
import type { Ledger } from './ledger.js'
import { lengthOf } from './parts.js'
import type { Reads } from './reads.js'
import { Form, MAX_INLINE_BYTES, writeBlobReference } from './record.js'
import type { Space } from './space.js'
import type { StoreFile } from './store-file.js'
import type { Upkeep } from './upkeep.js'
import type { Writer } from './writer.js'

export interface DiskJournalParts {
  readonly writer: Writer
  readonly reads: Reads
  readonly ledger: Ledger
  readonly space: Space
  readonly store: StoreFile
  readonly upkeep: Upkeep
  readonly lock: DiskLock
  readonly nextBlob: number
  readonly blobSegments: Map<number, number>
}

export class DiskJournal implements Journal {
  readonly durability = 'disk'
  readonly epoch: number
  readonly store: string
  readonly #parts: DiskJournalParts
  #nextBlob: number
  #closing: Promise<void> | undefined

  constructor(parts: DiskJournalParts) {
    this.#parts = parts
    this.#nextBlob = parts.nextBlob
    this.epoch = parts.store.state.epoch
    this.store = Array.from(parts.store.state.store, (byte) => byte.toString(16).padStart(2, '0')).join('')
  }

  get failure(): WaybillError | undefined {
    return this.#parts.writer.failure ?? (this.#closing && closed())
  }

  /** No blob has this number or a later one. */
  get nextBlob(): number {
    return this.#nextBlob
  }

  hasRoom(bytes: number): boolean {
    const { space, ledger, upkeep, writer } = this.#parts
    const { pendingBytes } = writer
    return this.failure === undefined && space.has(bytes, ledger.bytes + upkeep.snapshotFileBytes + pendingBytes, pendingBytes)
  }

  append(kind: number, record: readonly Uint8Array[]): Place {
    const { failure } = this
    if (failure !== undefined) throw failure
    const { writer, ledger } = this.#parts
    const bytes = lengthOf(record)
    const place = bytes > MAX_INLINE_BYTES ? this.#appendBlob(kind, record, bytes) : writer.append(kind, Form.plain, record, bytes)
    ledger.holds(place)
    return place
  }

  whenSafe(safe: () => void, failed?: (error: WaybillError) => void): void {
    const { failure } = this
    if (failure === undefined) this.#parts.writer.whenSafe(safe, failed)
    else failed?.(failure)
  }

  read(place: Place, then: (record: Uint8Array | undefined, error?: WaybillError) => void): void {
    const pending = this.#parts.writer.pending(place)
    if (pending !== undefined) return then(pending)
    this.#parts.reads.read(place).then(
      (record) => then(record),
      (thrown: unknown) => then(undefined, unreadable(thrown)),
    )
  }

  release(place: Place): void {
    this.#parts.ledger.released(place)
    this.#parts.upkeep.released(place)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #appendBlob(kind: number, parts: readonly Uint8Array[], bytes: number): Place {
    const { writer, blobSegments } = this.#parts
    const number = this.#nextBlob++
    let sum = 0
    for (const part of parts) sum = checksum(part, 0, part.byteLength, sum)
    writer.attach({ number, bytes, sum, parts })
    const reference = writeBlobReference({ number, bytes, sum })
    blobSegments.set(number, writer.append(kind, Form.blob, [reference], reference.byteLength).segment)
    return { segment: 0, offset: number, bytes }
  }

  async #close(): Promise<void> {
    const { writer, reads, store, upkeep, lock } = this.#parts
    await upkeep.end()
    const end = await writer.end()
    reads.end()
    try {
      if (writer.failure === undefined) await store.put({ lastEnd: end })
    } finally {
      await lock.release()
    }
  }
}

function closed(): WaybillError {
  return new WaybillError('Closed', 'the journal was closed')
}

/** What a disk cannot give is as good as damaged. */
function unreadable(thrown: unknown): WaybillError {
  return thrown instanceof WaybillError ? thrown : new WaybillError('Damaged', 'a record could not be read', { cause: thrown })
}
