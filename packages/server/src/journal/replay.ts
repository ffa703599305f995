/**
 * Tells a fold all that a store knows: the snapshot, then each record after it. Only reads: whatever is wrong is found before anything is changed.
 */
import type { Disk } from './disk.js'
import { withBlob } from './blobs.js'
import { reading } from './files.js'
import { damaged, HEAD_BYTES } from './head.js'
import type { Fold } from './journal.js'
import { segmentName, type Names } from './names.js'
import { BLOB_REFERENCE_BYTES, Form, groupOf, readBlobReference, seedOf, type BlobReference } from './record.js'
import { headOf, judgeTail, readSegmentFacts } from './segment-file.js'
import { readSnapshot } from './snapshot.js'
import type { StoreState } from './store-file.js'
import { walkChunk, type Stretch } from './walk.js'
import { readWitness } from './witness.js'
import type { Boundary } from './writer.js'

export interface Replayed {
  readonly entries: number
  readonly snapshotFileBytes: number
  readonly records: number
  /** Each segment that was read, and where it ends. */
  readonly ends: ReadonlyMap<number, number>
  /** Where the last group stands in the last segment, or would; undefined where that segment was not read. */
  readonly lastGroupAt: number | undefined
  /** Of the last segment: what was being written when the process ended. */
  readonly tornBytes: number
  /** Which blobs the records speak of, and how long they are. */
  readonly blobs: ReadonlyMap<number, { readonly segment: number; readonly bytes: number }>
  readonly nextBlob: number
  /** What comes next. */
  readonly boundary: Boundary
}

/** Throws `Damaged`. */
export async function replay(disk: Disk, state: StoreState, names: Names, fold: Fold): Promise<Replayed> {
  const { files, last } = state
  const witness = await readWitness(disk, files)
  if (typeof witness === 'object' && witness.segment > last)
    throw damaged(`${segmentName(witness.segment)} was written, and the store knows none after ${last}`)
  const snapshot = state.snapshot > 0 ? await readSnapshot(disk, files, state.snapshot, (entry) => fold.restore(entry)) : undefined
  for (const number of names.segments) await checkUnknown(disk, number, last)
  const first = snapshot?.segment ?? 1
  const teller = new Teller(disk, files, fold, snapshot?.group ?? 0, snapshot?.nextBlob ?? 1)
  const ends = new Map<number, number>()
  let previousEnd = snapshot?.previousEnd ?? 0
  let tornBytes = 0
  for (let number = first; number <= last; number++) {
    // What a segment says of itself nobody believes of its end: the next one knows it, of the last one the store where it was closed.
    const known = number < last ? (await readSegmentFacts(disk, files, number + 1)).head.a : state.lastEnd
    const name = segmentName(number)
    await reading(disk, name, async (file) => {
      const head = await headOf(file, files, number)
      if (head.a !== previousEnd || head.b !== teller.group) throw damaged(`${name} does not follow the one before it`)
      if (known > 0 && file.bytes !== known) throw damaged(`${name} has ${file.bytes} bytes instead of ${known}`)
      const stretch: Stretch = { file, name, seed: seedOf(files, number), end: file.bytes }
      const end = await teller.tell(stretch, number)
      if (known > 0 && end !== known) throw damaged(`${name} is not whole at ${end}`)
      if (known === 0) await judgeTail(stretch, end, number, witness)
      tornBytes = file.bytes - end
      ends.set(number, end)
      previousEnd = end
    })
  }
  return {
    entries: snapshot?.entries ?? 0,
    snapshotFileBytes: snapshot?.bytes ?? 0,
    records: teller.records,
    ends,
    lastGroupAt: ends.has(last) ? teller.groupAt : undefined,
    tornBytes,
    blobs: teller.blobs,
    nextBlob: Math.max(teller.nextBlob, (names.blobs.at(-1) ?? 0) + 1),
    boundary: { segment: last + 1, previousEnd, group: teller.group },
  }
}

/** A segment that the store does not know was being begun, and nothing is in it. */
async function checkUnknown(disk: Disk, number: number, last: number): Promise<void> {
  if (number <= last) return
  const bytes = await reading(disk, segmentName(number), (file) => Promise.resolve(file.bytes))
  if (number > last + 1 || bytes > HEAD_BYTES) throw damaged(`${segmentName(number)} has records, and the store knows none after ${last}`)
}

/** Tells a fold the records of segments, in order. */
class Teller {
  records = 0
  /** Where the last group stands in its segment. */
  groupAt = HEAD_BYTES
  readonly blobs = new Map<number, { segment: number; bytes: number }>()
  #found: { readonly kind: number; readonly reference: BlobReference; readonly head: Uint8Array | undefined } | undefined

  constructor(
    private readonly disk: Disk,
    private readonly files: Uint8Array,
    private readonly fold: Fold,
    /** The last one that was begun. */
    public group: number,
    public nextBlob: number,
  ) {}

  /** Returns where the records end that are whole. */
  async tell(stretch: Stretch, segment: number): Promise<number> {
    let at = HEAD_BYTES
    this.groupAt = at
    while (at < stretch.end) {
      const next = await walkChunk(stretch, at, (form, kind, bytes, offset) => this.#record(stretch, segment, form, kind, bytes, offset))
      if (next === at) break
      at = next
      await this.#blob(segment)
    }
    return at
  }

  #record({ name }: Stretch, segment: number, form: Form, kind: number, bytes: Uint8Array, offset: number): boolean {
    if (form === Form.mark) {
      if (groupOf(bytes) !== this.group + 1) throw damaged(`a group is missing in ${name} at ${offset}`)
      this.group++
      this.groupAt = offset
      return true
    }
    this.records++
    if (form === Form.blob || form === Form.spooled) {
      const reference = readBlobReference(form, bytes)
      if (reference === undefined) throw damaged(`the record at ${offset} of ${name} cannot be understood`)
      this.#found = { kind, reference, head: form === Form.spooled ? bytes.subarray(BLOB_REFERENCE_BYTES) : undefined }
      return false
    }
    const place = { segment, offset, bytes: bytes.byteLength }
    if (form === Form.plain) this.fold.record(kind, bytes, place)
    else this.fold.moved(kind, bytes, place)
    return true
  }

  /** Of the last record, where it has one. */
  async #blob(segment: number): Promise<void> {
    if (this.#found === undefined) return
    const { kind, reference, head } = this.#found
    this.#found = undefined
    const { number, bytes } = reference
    // Of what was spooled only that it is there is looked at, as it may be longer than there is memory.
    const record = await withBlob(this.disk, this.files, reference, (blob) =>
      head === undefined ? blob.read(0, bytes) : Promise.resolve(head),
    )
    this.blobs.set(number, { segment, bytes })
    this.nextBlob = Math.max(this.nextBlob, number + 1)
    this.fold.record(kind, record, { segment: 0, offset: number, bytes })
  }
}
