/**
 * The journal on a disk, once it is open: appends through the writer, reads what is not written yet from memory, and keeps the books of what is still of
 * use. Starts nothing by itself; see `open.ts`.
 */
import { WaybillError } from '@waybill/core'
import { PieceSums, writeBlob } from './blobs.js'
import type { Disk, DiskLock } from './disk.js'
import type { WaitingBlob } from './group.js'
import type { Journal, Place, Spool } from './journal.js'
import type { Ledger } from './ledger.js'
import { spoolName } from './names.js'
import { lengthOf, partOf } from './parts.js'
import type { Reads } from './reads.js'
import { Form, MAX_INLINE_BYTES, writeBlobReference } from './record.js'
import type { Space } from './space.js'
import { SpoolFile } from './spool-file.js'
import { noRoom } from './spool-words.js'
import type { StoreFile } from './store-file.js'
import type { Upkeep } from './upkeep.js'
import type { Writer } from './writer.js'

export interface DiskJournalParts {
  readonly disk: Disk
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
  /** Those that are written to, and how much of them there is in all. */
  readonly #spools = new Set<SpoolFile>()
  #spooledBytes = 0
  /** Of that, what is on its way: the disk does not know of it yet. */
  #arrivingBytes = 0
  #nextSpool = 1
  /** Blobs that were spooled and whose record is not safe: they are nowhere to be read yet. */
  readonly #unsafe = new Set<number>()
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
    if (this.failure !== undefined) return false
    const pendingBytes = writer.pendingBytes
    const usedBytes = ledger.bytes + upkeep.snapshotFileBytes + pendingBytes + this.#spooledBytes
    return space.has(bytes, usedBytes, pendingBytes + this.#arrivingBytes)
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

  spool(): Spool {
    const { failure } = this
    if (failure !== undefined) throw failure
    const { disk, space, store } = this.#parts
    const spool: SpoolFile = new SpoolFile({
      disk,
      files: store.state.files,
      name: spoolName(this.#nextSpool++),
      room: async (bytes) => {
        // What was begun is not given up for an old answer.
        if (!this.hasRoom(bytes)) await space.ask()
        if (this.failure !== undefined) throw this.failure
        if (!this.hasRoom(bytes)) throw noRoom(disk.name, spool.bytes + bytes)
      },
      grows: (bytes) => {
        this.#spooledBytes += bytes
        this.#arrivingBytes += bytes
      },
      grew: (bytes) => {
        this.#arrivingBytes -= bytes
        space.written(bytes)
      },
      ends: (kind, head) => this.#appendSpool(spool, kind, head),
      aborted: () => this.#ended(spool),
    })
    this.#spools.add(spool)
    return spool
  }

  read(place: Place, then: (record: Uint8Array | undefined, error?: WaybillError) => void): void {
    this.readPart(place, 0, place.bytes, then)
  }

  readPart(place: Place, offset: number, length: number, then: (part: Uint8Array | undefined, error?: WaybillError) => void): void {
    const { writer, reads } = this.#parts
    const { from, bytes } = partOf(place.bytes, offset, length)
    const pending = writer.pending(place)
    if (pending !== undefined) return then(pending.subarray(from, from + bytes))
    const look = (): void => {
      reads.read(place, from, bytes).then(
        (part) => then(part),
        (thrown: unknown) => then(undefined, unreadable(thrown)),
      )
    }
    if (place.segment !== 0 || !this.#unsafe.has(place.offset)) return look()
    this.whenSafe(look, (error) => then(undefined, error))
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
    const { disk, store } = this.#parts
    const sums = new PieceSums()
    for (const part of parts) sums.add(part)
    const blob = { number: this.#nextBlob++, bytes, ...sums.end() }
    return this.#appendReference(kind, Form.blob, [writeBlobReference(blob)], {
      ...blob,
      parts,
      write: () => writeBlob(disk, store.state.files, blob, parts),
    })
  }

  #appendSpool(spool: SpoolFile, kind: number, head: readonly Uint8Array[]): Place {
    const { failure } = this
    if (failure !== undefined) throw failure
    const { writer, ledger, upkeep } = this.#parts
    const blob = spool.blob(this.#nextBlob++)
    const { number, bytes } = blob
    this.#unsafe.add(number)
    const place = this.#appendReference(kind, Form.spooled, [writeBlobReference(blob), ...head], {
      number,
      bytes,
      parts: undefined,
      write: () => spool.become(blob),
    })
    writer.whenSafe(() => this.#unsafe.delete(number))
    this.#ended(spool)
    ledger.holds(place)
    // As with any record, it is what a start has to look at until there is a snapshot.
    upkeep.written(bytes)
    return place
  }

  #appendReference(kind: number, form: Form, parts: readonly Uint8Array[], blob: WaitingBlob): Place {
    const { writer, blobSegments } = this.#parts
    const { number, bytes } = blob
    writer.attach(blob)
    blobSegments.set(number, writer.append(kind, form, parts, lengthOf(parts)).segment)
    return { segment: 0, offset: number, bytes }
  }

  /** It is written to no more. */
  #ended(spool: SpoolFile): void {
    if (this.#spools.delete(spool)) this.#spooledBytes -= spool.bytes
  }

  async #close(): Promise<void> {
    const { writer, reads, store, upkeep, lock } = this.#parts
    await Promise.all(Array.from(this.#spools, (spool) => spool.abort()))
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
