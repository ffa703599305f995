/**
 * Looks through all that a store has, byte by byte, and changes nothing. The router may be running over it meanwhile: files that it removes are not missed,
 * and what it is writing is not taken for damage.
 */
import { WaybillError } from '@waybill/core'
import { Blob } from './blobs.js'
import type { Disk } from './disk.js'
import { isMissing, reading } from './files.js'
import { FORMAT_VERSION, HEAD_BYTES, OLDEST_READ } from './head.js'
import { blobName, namesOf, segmentName, type Names } from './names.js'
import { Form, groupOf, readBlobReference, seedOf } from './record.js'
import { headOf, judgeTail } from './segment-file.js'
import { readSnapshot } from './snapshot.js'
import { loadStore, type StoreState } from './store-file.js'
import { walkChunk, type Stretch } from './walk.js'
import { readWitness, type Safe } from './witness.js'

export interface CheckReport {
  readonly epoch: number
  readonly segments: number
  readonly records: number
  readonly blobs: number
  /** Of the snapshot. */
  readonly entries: number
  readonly bytes: number
  /** At the end of the last segment: being written, or what the last process left half written. No damage. */
  readonly tornBytes: number
  /** A sentence for each thing that is not as it was written. */
  readonly damaged: readonly string[]
}

/** As often as the router may write a snapshot meanwhile. */
const MOST_ATTEMPTS = 5
/** What was read while it was being written is whole when it is read again. */
const LOOKS_AT_A_TAIL = 3

/** Rejects `BadArguments` where there is no store, `Incompatible` where it has another version. */
export async function check(disk: Disk): Promise<CheckReport> {
  for (let attempt = 1; ; attempt++) {
    const before = await loadPresentStore(disk)
    const looked = new Look(disk, before)
    await looked.through(namesOf(await disk.list()))
    if (looked.damaged.length === 0 || attempt === MOST_ATTEMPTS) return looked.report
    // A snapshot, a new segment or a start that came meanwhile may explain it.
    const { epoch, snapshot, last } = await loadStore(disk)
    if (epoch === before.epoch && snapshot === before.snapshot && last === before.last) return looked.report
  }
}

/** What the file says, in the present version. Rejects as `check`. */
export async function loadPresentStore(disk: Disk): Promise<StoreState> {
  const names = namesOf(await disk.list())
  const isEmpty = !names.hasStore && [names.segments, names.snapshots, names.blobs].every(({ length }) => length === 0)
  if (isEmpty) throw new WaybillError('BadArguments', `there is no store in ${disk.name}`)
  const state = await loadStore(disk)
  if (state.version < OLDEST_READ)
    throw new WaybillError(
      'Incompatible',
      `${disk.name} has version ${state.version} of the format: start a router over it, which brings it to ${FORMAT_VERSION}`,
    )
  return state
}

class Look {
  readonly damaged: string[] = []
  #segments = 0
  #records = 0
  #blobs = 0
  #entries = 0
  #bytes = 0
  #tornBytes = 0
  /** Of the snapshot: what it tells of may rest on any blob before this one. */
  #nextBlob = 1
  /** Blobs that records after the snapshot speak of. */
  readonly #references = new Set<number>()

  constructor(
    private readonly disk: Disk,
    private readonly state: StoreState,
  ) {}

  get report(): CheckReport {
    return {
      epoch: this.state.epoch,
      segments: this.#segments,
      records: this.#records,
      blobs: this.#blobs,
      entries: this.#entries,
      bytes: this.#bytes,
      tornBytes: this.#tornBytes,
      damaged: this.damaged,
    }
  }

  async through(names: Names): Promise<void> {
    const { snapshot, last, files } = this.state
    if (snapshot > 0) {
      await this.#noting(undefined, async () => {
        const { entries, bytes, nextBlob } = await readSnapshot(this.disk, files, snapshot, () => {})
        this.#entries = entries
        this.#nextBlob = nextBlob
        this.#bytes += bytes
      })
    }
    // Of those before the snapshot the ones that are there; of the others each.
    const older = names.segments.filter((number) => number < snapshot)
    const newer = Array.from({ length: Math.max(0, last - Math.max(snapshot, 1) + 1) }, (_, index) => Math.max(snapshot, 1) + index)
    for (const number of older) await this.#noting(segmentName(number), () => this.#segment(number, false))
    for (const number of newer) await this.#noting(undefined, () => this.#segment(number, true))
    // One that no record speaks of is being written, or is left over from what was not.
    for (const number of names.blobs)
      if (number < this.#nextBlob || this.#references.has(number)) await this.#noting(blobName(number), () => this.#blob(number))
  }

  /** Takes note of what is damaged; of nothing where a file that may go has gone. */
  async #noting(mayGo: string | undefined, look: () => Promise<void>): Promise<void> {
    try {
      await look()
    } catch (thrown) {
      if (mayGo !== undefined && !(await this.disk.list()).includes(mayGo)) return
      if (!(thrown instanceof WaybillError) || thrown.code !== 'Damaged') throw thrown
      this.damaged.push(thrown.message)
    }
  }

  async #segment(number: number, isReplayed: boolean): Promise<void> {
    const { disk, state } = this
    const { files } = state
    const name = segmentName(number)
    // Before the file, which grows: what the witness then knows stands in it.
    const witness = await readWitness(disk, files)
    await reading(disk, name, async (file) => {
      const head = await headOf(file, files, number)
      const stretch: Stretch = { file, name, seed: seedOf(files, number), end: file.bytes }
      const { end, references } = await this.#walk(stretch, head.b)
      this.#segments++
      this.#bytes += end
      await this.#end(stretch, number, end, witness)
      if (!isReplayed) return
      const there = new Set(namesOf(await disk.list()).blobs)
      for (const blob of references) this.#references.add(blob)
      for (const blob of references) if (!there.has(blob)) this.damaged.push(`the store is damaged: ${blobName(blob)} is missing`)
    })
  }

  /** Until the first record that is not whole, however often it is looked at. */
  async #walk(stretch: Stretch, groupBefore: number): Promise<{ end: number; references: readonly number[] }> {
    const references: number[] = []
    let group = groupBefore
    let at = HEAD_BYTES
    for (let look = 0; at < stretch.end && look < LOOKS_AT_A_TAIL;) {
      const next = await walkChunk(stretch, at, (form, _kind, bytes, offset) => {
        if (form === Form.mark && groupOf(bytes) !== ++group)
          this.damaged.push(`the store is damaged: a group is missing in ${stretch.name} at ${offset}`)
        if (form !== Form.mark) this.#records++
        const reference = readBlobReference(form, bytes)
        if (reference !== undefined) references.push(reference.number)
        return true
      })
      look = next === at ? look + 1 : 0
      at = next
    }
    return { end: at, references }
  }

  /** Whether a segment may end so. */
  async #end(stretch: Stretch, number: number, end: number, witness: Safe | 'unreadable' | undefined): Promise<void> {
    const { state } = this
    if (number === state.last && state.lastEnd === 0) {
      this.#tornBytes = stretch.end - end
      return judgeTail(stretch, end, number, witness)
    }
    const known = number === state.last ? state.lastEnd : await this.#endByNext(number)
    if (end !== stretch.end || (known !== undefined && known !== end))
      this.damaged.push(`the store is damaged: ${stretch.name} is not whole at ${end}`)
  }

  /** As the segment after it says, where that is still there. */
  async #endByNext(number: number): Promise<number | undefined> {
    try {
      const file = await this.disk.open(segmentName(number + 1))
      try {
        return (await headOf(file, this.state.files, number + 1)).a
      } finally {
        await file.close()
      }
    } catch (thrown) {
      if (isMissing(thrown)) return undefined
      throw thrown
    }
  }

  async #blob(number: number): Promise<void> {
    await reading(this.disk, blobName(number), async (file) => {
      const blob = await Blob.of(file, this.state.files, number)
      await blob.verify()
      this.#blobs++
      this.#bytes += file.bytes
    })
  }
}
