/**
 * The start of a journal: what is on the disk is read and judged first; only what is whole is then made ready for more. An empty store begins only where
 * there is nothing at all.
 */
import type { Random, Soon, WaybillError } from '@waybill/core'
import type { Disk, DiskLock } from './disk.js'
import { DiskJournal } from './disk-journal.js'
import { damaged, FORMAT_VERSION, HEAD_BYTES, OLDEST_READ } from './head.js'
import type { Fold } from './journal.js'
import { Ledger } from './ledger.js'
import { blobName, namesOf, segmentName, snapshotName, STORE, type Names } from './names.js'
import { Reads } from './reads.js'
import { RECORD_BYTES } from './record.js'
import { replay, type Replayed } from './replay.js'
import { readSegmentFacts } from './segment-file.js'
import { Space } from './space.js'
import { loadStore, StoreFile, type StoreState } from './store-file.js'
import { Upkeep } from './upkeep.js'
import { upgrade } from './upgrade.js'
import { Writer } from './writer.js'

export interface JournalOptions {
  readonly ports: { readonly soon: Soon; readonly random: Random }
  /** A segment is ended when it is this long. Default 64 MiB. */
  readonly segmentBytes?: number
  /** A snapshot is written when so much was appended since the last one, or as much as that one is long. Default 64 MiB. */
  readonly snapshotBytes?: number
  /** Of the disk; kept free for what must not fail. Default 64 MiB. */
  readonly reserveBytes?: number
  /** Of all files of the store. Default: no bound but the disk. */
  readonly maxBytes?: number
  /** What goes wrong beside the work, for the operator. */
  readonly notice?: (error: WaybillError) => void
}

/** What a start found. */
export interface RecoveryReport {
  /** There was nothing. */
  readonly isNew: boolean
  readonly epoch: number
  /** Of the format, where it was an older one. */
  readonly upgradedFrom: number | undefined
  /** Of the snapshot. */
  readonly entries: number
  /** After it. */
  readonly records: number
  readonly segments: number
  readonly bytes: number
  /** What was being written when the last process ended, and was not said to be safe. */
  readonly tornBytes: number
  /** Files that an interrupted piece of work had left; they are removed. */
  readonly leftovers: number
}

const MIB = 1024 * 1024
const MANY_SEGMENTS = 16

/** Rejects `Damaged`, `Incompatible` where there is a store that this one must not touch, and as `Disk.lock` does. */
export async function openJournal(
  disk: Disk,
  fold: Fold,
  options: JournalOptions,
): Promise<{ readonly journal: DiskJournal; readonly report: RecoveryReport }> {
  const lock = await disk.lock()
  try {
    return await start({ disk, lock, fold, options })
  } catch (thrown) {
    await lock.release()
    throw thrown
  }
}

interface Start {
  readonly disk: Disk
  readonly lock: DiskLock
  readonly fold: Fold
  readonly options: JournalOptions
}

async function start(from: Start): Promise<{ journal: DiskJournal; report: RecoveryReport }> {
  const { disk, fold, options } = from
  let names = namesOf(await disk.list())
  let state = names.hasStore ? await loadStore(disk) : mint(names, options.ports.random)
  const found = state.version
  if (found < OLDEST_READ) {
    state = await upgrade(disk, state, options.ports.soon)
    names = namesOf(await disk.list())
  }
  const replayed = await replay(disk, state, names, fold)
  const books = await bookkeeping(disk, state, names, fold, replayed)
  const { ledger } = books

  // What a process had not made safe that was killed was read all the same, and a power loss would still undo it.
  await disk.sync()
  const { lastGroupAt, boundary } = replayed
  if (lastGroupAt !== undefined) await disk.settle(segmentName(state.last), lastGroupAt, boundary.previousEnd)
  const leftovers = leftoversOf(names, state, ledger)
  for (const name of leftovers) await disk.remove(name)
  if (leftovers.length > 0) await disk.sync()
  const store = new StoreFile(disk, state)
  await store.put({ epoch: state.epoch + 1, lastEnd: state.last > 0 ? boundary.previousEnd : 0 })

  const journal = await assemble(from, store, books, replayed)
  const report = {
    isNew: !names.hasStore,
    epoch: journal.epoch,
    upgradedFrom: found < FORMAT_VERSION ? found : undefined,
    entries: replayed.entries,
    records: replayed.records,
    segments: ledger.segments.length,
    bytes: ledger.bytes + replayed.snapshotFileBytes,
    tornBytes: replayed.tornBytes,
    leftovers: leftovers.length,
  }
  return { journal, report }
}

/** Throws `Damaged` where anything says that there was a store. */
function mint(names: Names, random: Random): StoreState {
  if (names.hasWitness || [names.segments, names.snapshots, names.blobs].some(({ length }) => length > 0))
    throw damaged(`there are files of a store, and ${STORE}, which says what must be there, is missing`)
  const [files, store] = [random.fill(new Uint8Array(16)), random.fill(new Uint8Array(16))]
  return { version: FORMAT_VERSION, files, store, epoch: 0, snapshot: 0, last: 0, lastEnd: 0 }
}

interface Books {
  readonly ledger: Ledger
  /** Blobs that are there, are spoken of after the snapshot, and that nobody needs. */
  readonly unneeded: readonly number[]
}

/** What there is and what of it is needed. Throws `Damaged` where something is needed that is not there. */
async function bookkeeping(disk: Disk, state: StoreState, names: Names, fold: Fold, replayed: Replayed): Promise<Books> {
  const ledger = new Ledger()
  for (const segment of names.segments) {
    const end = segment > state.last ? undefined : (replayed.ends.get(segment) ?? (await olderEnd(disk, state, segment)))
    if (end !== undefined) ledger.ends(segment, end)
  }
  const blobs = new Set(names.blobs)
  fold.places((place) => {
    const { segment, offset, bytes } = place
    if (segment === 0) {
      if (!blobs.has(offset)) throw damaged(`${blobName(offset)} is missing`)
    } else {
      const end = ledger.endOf(segment)
      if (end === undefined) throw damaged(`${segmentName(segment)} is missing`)
      if (offset < HEAD_BYTES || offset + RECORD_BYTES + bytes > end) throw damaged(`${segmentName(segment)} ends before ${offset + bytes}`)
    }
    ledger.holds(place)
  })
  const unneeded = [...replayed.blobs.keys()].filter((number) => !ledger.hasBlob(number))
  for (const number of unneeded) ledger.holds({ segment: 0, offset: number, bytes: replayed.blobs.get(number)!.bytes })
  return { ledger, unneeded }
}

/** Where a segment before the snapshot ends; undefined where an upgrade has left it. */
async function olderEnd(disk: Disk, { files }: StoreState, segment: number): Promise<number | undefined> {
  const { head, fileBytes } = await readSegmentFacts(disk, files, segment)
  return head.version < OLDEST_READ ? undefined : fileBytes
}

function leftoversOf(names: Names, state: StoreState, ledger: Ledger): readonly string[] {
  return [
    ...names.unfinished,
    ...names.snapshots.filter((number) => number !== state.snapshot).map(snapshotName),
    ...names.segments.filter((number) => ledger.endOf(number) === undefined).map(segmentName),
    ...names.blobs.filter((number) => !ledger.hasBlob(number)).map(blobName),
  ]
}

/** From what a start has found to a journal that works. */
async function assemble(
  { disk, lock, fold, options }: Start,
  store: StoreFile,
  { ledger, unneeded }: Books,
  replayed: Replayed,
): Promise<DiskJournal> {
  const { ports, segmentBytes = 64 * MIB, snapshotBytes = 64 * MIB, reserveBytes = 64 * MIB, maxBytes = Infinity } = options
  const { notice = () => {} } = options
  const { files } = store.state
  const reads = new Reads(disk, files)
  const space = new Space(disk, { reserveBytes, maxBytes })
  await space.ask()
  const blobSegments = new Map(Array.from(replayed.blobs, ([number, { segment }]) => [number, segment]))
  const writer = new Writer({
    disk,
    soon: ports.soon,
    files,
    segmentBytes,
    from: replayed.boundary,
    begun: (segment) => store.put({ last: segment, lastEnd: 0 }),
    written: (segment, end, bytes) => {
      ledger.ends(segment, end)
      space.written(bytes)
      upkeep.written(bytes)
    },
    failed: notice,
  })
  const upkeep = new Upkeep({
    disk,
    fold,
    writer,
    ledger,
    reads,
    space,
    store,
    snapshotBytes,
    found: { snapshotFileBytes: replayed.snapshotFileBytes, sinceBytes: sinceBytesOf(replayed) },
    blobSegments,
    nextBlob: () => journal.nextBlob,
    notice,
  })
  for (const blob of unneeded) upkeep.released({ segment: 0, offset: blob, bytes: 0 })
  const journal = new DiskJournal({ disk, writer, reads, ledger, space, store, upkeep, lock, nextBlob: replayed.nextBlob, blobSegments })
  upkeep.start()
  return journal
}

/** Many starts leave many short segments, which would all be read by each start to come. */
function sinceBytesOf({ ends, blobs }: Replayed): number {
  if (ends.size >= MANY_SEGMENTS) return Number.POSITIVE_INFINITY
  let bytes = 0
  for (const end of ends.values()) bytes += end
  for (const blob of blobs.values()) bytes += blob.bytes
  return bytes
}
