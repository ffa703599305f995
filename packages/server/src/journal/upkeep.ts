/**
 * What a journal does beside the work, one thing after another: writes a snapshot when enough was appended since the last one, removes files that nobody
 * needs, and moves what is needed out of segments that are mostly of no use.
 *
 * Only what stands before the snapshot is removed: a start reads all that comes after. And only when everything that was appended before its release is
 * safe: else a start could find an entry again whose record is gone.
 */
import { WaybillError } from '@waybill/core'
import type { Disk, DiskFile } from './disk.js'
import { reading } from './files.js'
import { damaged, HEAD_BYTES } from './head.js'
import type { Fold, Place } from './journal.js'
import type { Ledger } from './ledger.js'
import { blobName, NEW, segmentName, snapshotName } from './names.js'
import type { Reads } from './reads.js'
import { Form, seedOf } from './record.js'
import { writeSnapshot } from './snapshot.js'
import type { Space } from './space.js'
import type { StoreFile } from './store-file.js'
import { walkChunk, type Stretch } from './walk.js'
import type { Writer } from './writer.js'

/** A segment of which this share is of no use is emptied, so what is before the snapshot takes at most twice what is needed of it. */
export const DEAD_SHARE = 0.5
/** From this share of what makes a snapshot due on, an orderly end writes one. */
const WORTHWHILE_SHARE = 1 / 2
/** So much is looked through before anybody else runs; longer than any record. */
const COMPACTION_CHUNK_BYTES = 128 * 1024
const UNFINISHED_SNAPSHOT = `snapshot${NEW}`

export interface UpkeepOptions {
  readonly disk: Disk
  readonly fold: Fold
  readonly writer: Writer
  readonly ledger: Ledger
  readonly reads: Reads
  readonly space: Space
  readonly store: StoreFile
  readonly snapshotBytes: number
  /** What the last snapshot and the records after it take. */
  readonly found: { readonly snapshotFileBytes: number; readonly sinceBytes: number }
  /** Those that records after the snapshot speak of, and in which segment. */
  readonly blobSegments: Map<number, number>
  readonly nextBlob: () => number
  /** Something went wrong that costs nobody anything yet. */
  readonly notice: (error: WaybillError) => void
}

export class Upkeep {
  readonly #options: UpkeepOptions
  readonly #releasedBlobs = new Set<number>()
  #snapshotFileBytes: number
  /** Of the one that is being written; and of the last one that had no room, with what was to come next. */
  #unfinishedBytes = 0
  #refusedBytes = 0
  #sinceBytes: number
  #running: Promise<void> | undefined
  /** Since it looked last whether there is anything to do. */
  #isAsked = false
  #isEnding = false

  constructor(options: UpkeepOptions) {
    this.#options = options
    this.#snapshotFileBytes = options.found.snapshotFileBytes
    this.#sinceBytes = options.found.sinceBytes
  }

  get snapshotFileBytes(): number {
    return this.#snapshotFileBytes
  }

  written(bytes: number): void {
    this.#sinceBytes += bytes
    if (this.#isSnapshotDue) this.start()
  }

  released({ segment, offset }: Place): void {
    if (segment === 0) {
      this.#releasedBlobs.add(offset)
      if (this.#isOld(this.#options.blobSegments.get(offset))) this.start()
    } else if (this.#isOld(segment) && this.#options.ledger.deadShareOf(segment) >= DEAD_SHARE) this.start()
  }

  /** Looks whether there is anything to do. */
  start(): void {
    this.#isAsked = this.#running !== undefined
    if (this.#isEnding || this.#isAsked) return
    // Whoever released something is in the middle of its work.
    this.#run(Promise.resolve().then(() => this.#work()))
  }

  #run(work: Promise<void>): void {
    this.#running = work
      .catch((thrown: unknown) => this.#options.notice(WaybillError.from(thrown)))
      .finally(() => {
        this.#running = undefined
        // Asked when it had looked and was about to end.
        if (this.#isAsked) this.start()
      })
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Nothing is appended any more. What a start would have to read record by record goes into a last snapshot, where that is much. */
  async end(): Promise<void> {
    this.#isEnding = true
    await this.idle()
    const sinceBytes = this.#sinceBytes + this.#options.writer.pendingBytes
    if (sinceBytes < this.#dueBytes * WORTHWHILE_SHARE || !this.#hasRoom) return
    this.#isEnding = false
    this.#run(this.#takeSnapshot().finally(() => (this.#isEnding = true)))
    await this.idle()
  }

  get #isSnapshotDue(): boolean {
    return this.#sinceBytes >= this.#dueBytes
  }

  get #dueBytes(): number {
    return Math.max(this.#options.snapshotBytes, this.#snapshotFileBytes)
  }

  /** What is kept free for ends of calls is not taken for it: it is hardly shorter than the last one. */
  get #hasRoom(): boolean {
    return this.#leavesReserve(Math.max(this.#snapshotFileBytes, this.#refusedBytes))
  }

  #leavesReserve(bytes: number): boolean {
    const { space, writer } = this.#options
    return space.leavesReserve(bytes, writer.pendingBytes)
  }

  get #isWanted(): boolean {
    return !this.#isEnding && this.#options.writer.failure === undefined
  }

  /** Whether no start reads it again. */
  #isOld(segment: number | undefined): boolean {
    return segment === undefined || segment < this.#options.store.state.snapshot
  }

  async #work(): Promise<void> {
    while (this.#isWanted) {
      this.#isAsked = false
      if (this.#isSnapshotDue && this.#hasRoom) await this.#takeSnapshot()
      else if (!(await this.#removeDead()) && !(await this.#compact())) return
    }
  }

  async #takeSnapshot(): Promise<void> {
    const { disk, fold, writer, store, nextBlob, notice } = this.#options
    const sinceBytes = this.#sinceBytes
    this.#sinceBytes = 0
    this.#unfinishedBytes = 0
    this.#refusedBytes = 0
    const before = store.state.snapshot
    let bytes: number | undefined
    const allowance = { may: (more: number) => this.#mayWrite(more), written: (more: number) => this.#written(more) }
    const boundary = writer.roll()
    // Nothing was appended since: what was only written since is in the last one.
    if (boundary.segment === before) return
    let file: DiskFile | undefined
    try {
      file = await disk.create(UNFINISHED_SNAPSHOT)
      bytes = await writeSnapshot(file, store.state.files, { ...boundary, nextBlob: nextBlob() }, fold.entries(), allowance)
    } catch (thrown) {
      notice(new WaybillError('Damaged', `no snapshot could be written in ${disk.name}`, { cause: thrown }))
    } finally {
      await file?.close()
    }
    if (bytes === undefined) {
      if (file !== undefined) await disk.remove(UNFINISHED_SNAPSHOT)
      // It is still due: as soon as there is more room than it found, or at the end that broke it off.
      if (this.#refusedBytes > 0 || this.#isEnding) this.#sinceBytes += sinceBytes
      return
    }
    // What it tells of must not be known to a start that does not know what led to it.
    await this.#safe()
    await disk.rename(UNFINISHED_SNAPSHOT, snapshotName(boundary.segment))
    await disk.sync()
    await store.put({ snapshot: boundary.segment })
    this.#snapshotFileBytes = bytes
    for (const [blob, segment] of this.#options.blobSegments) if (this.#isOld(segment)) this.#options.blobSegments.delete(blob)
    if (before > 0) await disk.remove(snapshotName(before))
  }

  #mayWrite(bytes: number): boolean {
    if (!this.#isWanted) return false
    if (this.#leavesReserve(bytes)) return true
    this.#refusedBytes = this.#unfinishedBytes + bytes
    return false
  }

  #written(bytes: number): void {
    this.#options.space.written(bytes)
    this.#unfinishedBytes += bytes
  }

  /** Whether there was anything. */
  async #removeDead(): Promise<boolean> {
    const { disk, ledger, reads, store, blobSegments } = this.#options
    const segments = ledger.deadBefore(store.state.snapshot).filter((segment) => !reads.isReadingSegment(segment))
    const blobs = [...this.#releasedBlobs].filter((blob) => this.#isOld(blobSegments.get(blob)) && !reads.isReadingBlob(blob))
    if (segments.length === 0 && blobs.length === 0) return false
    await this.#safe()
    for (const segment of segments) {
      reads.forget(segment)
      ledger.gone(segment)
      await disk.remove(segmentName(segment))
    }
    for (const blob of blobs) {
      this.#releasedBlobs.delete(blob)
      ledger.blobGone(blob)
      await disk.remove(blobName(blob))
    }
    return true
  }

  /** Whether there was anything. */
  async #compact(): Promise<boolean> {
    const { disk, ledger, store } = this.#options
    const segment = ledger.worstBefore(store.state.snapshot, DEAD_SHARE)
    if (segment === undefined) return false
    const name = segmentName(segment)
    const end = ledger.endOf(segment)!
    const isRead = await reading(disk, name, (file) => this.#move(segment, { file, name, seed: seedOf(store.state.files, segment), end }))
    if (isRead) ledger.emptied(segment)
    else if (this.#isWanted) {
      ledger.damaged(segment)
      this.#options.notice(damaged(`${name} cannot be read through; what is needed of it stays where it is`))
    }
    return true
  }

  /** Whether all of it was looked through. */
  async #move(segment: number, stretch: Stretch): Promise<boolean> {
    const { fold, writer, ledger } = this.#options
    let at = HEAD_BYTES
    while (at < stretch.end) {
      if (!this.#isWanted) return false
      const next = await walkChunk(
        stretch,
        at,
        (form, kind, bytes, offset) => {
          if (!this.#isWanted) return false
          if (form !== Form.plain && form !== Form.moved) return true
          const from = { segment, offset, bytes: bytes.byteLength }
          if (!fold.needs(kind, bytes, from)) return true
          const to = writer.append(kind, Form.moved, [bytes], bytes.byteLength)
          ledger.holds(to)
          ledger.released(from)
          fold.moved(kind, bytes, to)
          return true
        },
        COMPACTION_CHUNK_BYTES,
      )
      if (next === at) return false
      at = next
      await this.#safe()
    }
    return true
  }

  #safe(): Promise<void> {
    return new Promise((resolve, reject) => this.#options.writer.whenSafe(resolve, reject))
  }
}
