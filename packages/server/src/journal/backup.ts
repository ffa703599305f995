/**
 * A copy of a store that opens, made while the router may be running over it. It is the state of one moment: records up to some point, and all that they rest
 * on. To clients it is another store, as it does not know what was stored after that moment.
 *
 * What could be missing in it decides the order. Blobs are copied before records and again after: one that a copied record speaks of was there at one of
 * the two times, or a snapshot was written between them, and then what is missing is copied anew. The same where another segment was begun: records of a
 * segment that went before it was copied stand in the last one by then, which is copied after it.
 */
import { WaybillError, type Random } from '@waybill/core'
import { Blob } from './blobs.js'
import { check, loadPresentStore } from './check.js'
import type { Disk, DiskFile } from './disk.js'
import { CHUNK_BYTES, isMissing, readFully, reading } from './files.js'
import { damaged, HEAD_BYTES, readOwnHead } from './head.js'
import { blobName, namesOf, segmentName, snapshotName } from './names.js'
import { seedOf } from './record.js'
import { judgeTail } from './segment-file.js'
import { loadStore, saveStore, type StoreState } from './store-file.js'
import { walkChunk, type Stretch } from './walk.js'
import { readWitness } from './witness.js'

export interface BackupReport {
  readonly files: number
  readonly bytes: number
}

const MOST_ATTEMPTS = 10

/** Rejects `BadArguments` where there is no store or `to` has something in it, `Damaged` where the copy would not be whole. */
export async function backup(disk: Disk, to: Disk, random: Random): Promise<BackupReport> {
  await loadPresentStore(disk)
  const lock = await to.lock()
  try {
    if ((await to.list()).length > 0)
      throw new WaybillError('BadArguments', `there is something in ${to.name}: a backup needs an empty folder`)
    const copy = new Copy(disk, to)
    const state = await copy.state()
    await to.sync()
    // Before this file nobody takes what is there for a store.
    await saveStore(to, { ...state, store: random.fill(new Uint8Array(16)) })
    const { damaged: found } = await check(to)
    if (found.length > 0)
      throw new WaybillError('Damaged', `what was copied is damaged: ${found.join('; ')}`, { details: { damaged: found } })
    return copy.report
  } finally {
    await lock.release()
  }
}

/** How much of it is whole. */
async function wholeBytes(stretch: Stretch): Promise<number> {
  for (let at = HEAD_BYTES; ;) {
    const next = at < stretch.end ? await walkChunk(stretch, at, () => true) : at
    if (next === at) return at
    at = next
  }
}

class Copy {
  /** Those that never change, by name. */
  readonly #done = new Map<string, number>()
  readonly #unreadable = new Map<number, WaybillError>()
  /** The last segment, as far as it was copied. */
  #last: { readonly name: string; readonly bytes: number } | undefined

  constructor(
    private readonly disk: Disk,
    private readonly to: Disk,
  ) {}

  get report(): BackupReport {
    const lengths = new Map(this.#done)
    if (this.#last !== undefined) lengths.set(this.#last.name, this.#last.bytes)
    let bytes = 0
    for (const length of lengths.values()) bytes += length
    return { files: lengths.size, bytes }
  }

  /** Copies all, and returns what it is. */
  async state(): Promise<StoreState> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const state = await loadStore(this.disk)
      const end = await this.#files(state)
      const { snapshot, last } = await loadStore(this.disk)
      if (end === undefined || snapshot !== state.snapshot || last !== state.last) continue
      await this.#judgeUnreadable(state)
      return { ...state, lastEnd: end }
    }
    throw new WaybillError('Overloaded', `${this.disk.name} changes faster than it can be copied`)
  }

  /** The snapshot may rest on any blob that was there when it began; on one that came later a record may, and then the copy is found out to lack it. */
  async #judgeUnreadable({ files, snapshot }: StoreState): Promise<void> {
    if (this.#unreadable.size === 0 || snapshot === 0) return
    const nextBlob = await reading(this.to, snapshotName(snapshot), async (file) => {
      const name = snapshotName(snapshot)
      return readOwnHead('snapshot', await readFully(file, name, 0, Math.min(HEAD_BYTES, file.bytes)), name, files, snapshot).a
    })
    const there = new Set(namesOf(await this.disk.list()).blobs)
    for (const [number, error] of this.#unreadable) if (number < nextBlob && there.has(number)) throw error
  }

  /** Returns where the last segment ends in the copy; undefined where the store has changed too much. */
  async #files(state: StoreState): Promise<number | undefined> {
    const { files, snapshot, last, lastEnd } = state
    // It may be whole by now, or gone.
    if (this.#last !== undefined) await this.to.remove(this.#last.name)
    this.#last = undefined
    await this.#blobs(files)
    if (snapshot > 0 && !(await this.#whole(snapshotName(snapshot)))) return undefined
    for (const number of namesOf(await this.disk.list()).segments)
      if (number < last && !(await this.#whole(segmentName(number))) && number >= snapshot) return undefined
    let end: number | undefined = lastEnd
    if (last > 0 && (last >= snapshot || lastEnd > 0)) end = await this.#upToWhole(state, last >= snapshot)
    await this.#blobs(files)
    return end
  }

  /** Those that are whole: no record speaks of one that is being written. */
  async #blobs(files: Uint8Array): Promise<void> {
    for (const number of namesOf(await this.disk.list()).blobs) {
      const name = blobName(number)
      if (this.#done.has(name)) continue
      const bytes = await this.#copied(name, async (file) => {
        try {
          await (await Blob.of(file, files, number)).verify()
          return file.bytes
        } catch (thrown) {
          this.#unreadable.set(number, WaybillError.from(thrown))
          return undefined
        }
      })
      if (bytes === undefined) continue
      this.#unreadable.delete(number)
      this.#done.set(name, bytes)
    }
  }

  /** Whether it was there. */
  async #whole(name: string): Promise<boolean> {
    if (this.#done.has(name)) return true
    const bytes = await this.#copied(name, (file) => Promise.resolve(file.bytes))
    if (bytes !== undefined) this.#done.set(name, bytes)
    return bytes !== undefined
  }

  /**
   * The last segment may still be written to: as far as its records are whole, in the copy too, as what is read beside a write need not be. Throws `Damaged`
   * where it should be whole for longer.
   */
  async #upToWhole({ files, last, lastEnd }: StoreState, isNeeded: boolean): Promise<number | undefined> {
    const name = segmentName(last)
    const stretchOf = (file: DiskFile): Stretch => ({ file, name, seed: seedOf(files, last), end: file.bytes })
    const witness = await readWitness(this.disk, files)
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const bytes = await this.#copied(name, async (file) => {
        const stretch = stretchOf(file)
        const end = await wholeBytes(stretch)
        if (lastEnd > 0 && end !== lastEnd) throw damaged(`${name} is not whole at ${end}`)
        if (lastEnd === 0) await judgeTail(stretch, end, last, witness)
        return end
      })
      this.#last = bytes === undefined ? undefined : { name, bytes }
      if (bytes === undefined) return isNeeded ? undefined : 0
      if ((await reading(this.to, name, (file) => wholeBytes(stretchOf(file)))) === bytes) return bytes
    }
    return undefined
  }

  /** Returns how much it was; undefined where there is no such file, or nothing of it is to be copied. */
  async #copied(name: string, lengthOf: (file: DiskFile) => Promise<number | undefined>): Promise<number | undefined> {
    let from: DiskFile
    try {
      from = await this.disk.open(name)
    } catch (thrown) {
      if (isMissing(thrown)) return undefined
      throw thrown
    }
    try {
      const bytes = await lengthOf(from)
      if (bytes === undefined) return undefined
      const file = await this.to.create(name)
      try {
        for (let at = 0; at < bytes; at += CHUNK_BYTES)
          await file.write([await readFully(from, name, at, Math.min(CHUNK_BYTES, bytes - at))], at)
        await file.sync()
      } finally {
        await file.close()
      }
      return bytes
    } finally {
      await from.close()
    }
  }
}
