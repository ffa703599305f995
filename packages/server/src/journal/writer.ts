/**
 * Takes records to the disk: one group is written and synced, what is appended meanwhile is the next. Owns the segment that is written to and whom to call
 * back. A write or sync that fails ends it: what the disk has after that nobody knows, so nothing may be said or appended that rests on it.
 */
import { WaybillError, type Soon } from '@waybill/core'
import type { Disk, DiskFile } from './disk.js'
import { Group, type WaitingBlob } from './group.js'
import { errnoOf, isFull } from './files.js'
import { HEAD_BYTES, writeHead } from './head.js'
import type { Place } from './journal.js'
import { segmentName } from './names.js'
import { type Form, seedOf } from './record.js'
import { SafeQueue } from './safe-queue.js'
import { Witness } from './witness.js'

/** The syncs of several files cost little more than one. */
const BLOBS_AT_ONCE = 8

/** Between two segments: the one that comes next, and what its head says of the one before. */
export interface Boundary {
  readonly segment: number
  /** 0: there is none before. */
  readonly previousEnd: number
  /** The number of the last group before. */
  readonly group: number
}

export interface WriterOptions {
  readonly disk: Disk
  readonly soon: Soon
  readonly files: Uint8Array
  readonly segmentBytes: number
  readonly from: Boundary
  /** A segment is there, and nothing is in it: whatever must know of it before anything is. */
  begun(segment: number): Promise<void>
  /** So much is safe, with so many bytes of blobs. */
  written(segment: number, end: number, bytes: number): void
  failed(error: WaybillError): void
}

export class Writer {
  readonly #options: WriterOptions
  readonly #safe = new SafeQueue()
  readonly #witness: Witness
  #file: DiskFile | undefined
  /** Of the segment in `#file`. */
  #segment: number
  #end: number
  /** Where the group that is appended next begins, and where the segment before that ends. */
  #next: { segment: number; offset: number; previousEnd: number }
  #seed: number
  #group: number
  #open: Group | undefined
  /** Full, in order; the first may be on its way. */
  readonly #closed: Group[] = []
  #slab: Uint8Array | undefined
  #isWriting = false
  #running: Promise<void> = Promise.resolve()
  #failure: WaybillError | undefined

  constructor(options: WriterOptions) {
    this.#options = options
    const { segment, previousEnd, group } = options.from
    this.#witness = new Witness(options.disk, options.files)
    this.#segment = segment - 1
    this.#end = previousEnd
    this.#group = group
    this.#next = { segment, offset: HEAD_BYTES, previousEnd }
    this.#seed = seedOf(options.files, segment)
    this.#safe.reached(group)
  }

  get failure(): WaybillError | undefined {
    return this.#failure
  }

  /** The segment that the next record is in. */
  get segment(): number {
    return this.#next.segment
  }

  /** Bytes that are appended and not safe. */
  get pendingBytes(): number {
    let bytes = 0
    for (const group of [...this.#closed, ...(this.#open === undefined ? [] : [this.#open])]) bytes += group.bytes.byteLength
    return bytes
  }

  append(kind: number, form: Form, parts: readonly Uint8Array[], bytes: number): Place {
    const group = this.#openGroup()
    const offset = group.append(kind, form, parts, bytes)
    return { segment: group.segment, offset, bytes }
  }

  /** Its file is there before what is appended next. */
  attach(blob: WaitingBlob): void {
    this.#openGroup().blobs.push(blob)
  }

  whenSafe(safe: () => void, failed?: (error: WaybillError) => void): void {
    this.#safe.add(this.#group, safe, failed, this.#failure)
  }

  /** What was appended and is not written yet. */
  pending(place: Place): Uint8Array | undefined {
    for (const group of this.#closed) {
      const found = pendingIn(group, place)
      if (found !== undefined) return found
    }
    return this.#open && pendingIn(this.#open, place)
  }

  /** What is appended from now on is in another segment than all before. */
  roll(): Boundary {
    if (this.#open !== undefined) this.#close(this.#open)
    if (this.#next.offset > HEAD_BYTES) this.#nextSegment()
    const { segment, previousEnd } = this.#next
    return { segment, previousEnd, group: this.#group }
  }

  /** Writes all there is. Nothing may be appended any more. Returns where the last segment ends. */
  async end(): Promise<number> {
    this.#start()
    await this.#running
    await this.#witness.end()
    await this.#file?.close().catch(() => {})
    this.#file = undefined
    return this.#end
  }

  #openGroup(): Group {
    if (this.#open !== undefined) return this.#open
    if (this.#next.offset >= this.#options.segmentBytes) this.#nextSegment()
    const { segment, offset } = this.#next
    this.#open = new Group(++this.#group, segment, offset, this.#seed, this.#slab)
    this.#slab = undefined
    if (!this.#isWriting) this.#options.soon.afterInput(this.#start)
    return this.#open
  }

  #close(group: Group): void {
    this.#closed.push(group)
    this.#open = undefined
    this.#next = { ...this.#next, offset: group.end }
  }

  #nextSegment(): void {
    this.#next = { segment: this.#next.segment + 1, offset: HEAD_BYTES, previousEnd: this.#next.offset }
    this.#seed = seedOf(this.#options.files, this.#next.segment)
  }

  readonly #start = (): void => {
    if (this.#isWriting || this.#failure !== undefined) return
    this.#isWriting = true
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    for (;;) {
      if (this.#closed.length === 0) {
        if (this.#open === undefined) {
          this.#isWriting = false
          return
        }
        this.#close(this.#open)
      }
      const group = this.#closed[0]!
      let blobBytes: number
      try {
        blobBytes = await this.#write(group)
      } catch (thrown) {
        return this.#fail(thrown)
      }
      this.#closed.shift()
      this.#slab ??= group.slab
      this.#options.written(group.segment, group.end, group.end - group.offset + blobBytes)
      this.#safe.reached(group.number)
      if (this.#open === undefined && this.#closed.length === 0) void this.#witness.tell({ segment: this.#segment, offset: this.#end })
    }
  }

  async #write(group: Group): Promise<number> {
    const { disk } = this.#options
    let blobBytes = 0
    for (let at = 0; at < group.blobs.length; at += BLOBS_AT_ONCE) {
      const some = group.blobs.slice(at, at + BLOBS_AT_ONCE)
      for (const bytes of await Promise.all(some.map((blob) => blob.write()))) blobBytes += bytes
    }
    if (group.blobs.length > 0) await disk.sync()
    if (this.#file === undefined || group.segment !== this.#segment) await this.#begin(group.segment, group.number - 1)
    await this.#file!.write([group.bytes], group.offset)
    await this.#file!.sync()
    this.#end = group.end
    return blobBytes
  }

  async #begin(segment: number, group: number): Promise<void> {
    const { disk, files } = this.#options
    const before = this.#file
    this.#file = await disk.create(segmentName(segment))
    await before?.close()
    await this.#file.write([writeHead('segment', { files, number: segment, a: this.#end, b: group, c: 0 })], 0)
    await this.#file.sync()
    await disk.sync()
    await this.#options.begun(segment)
    this.#segment = segment
    this.#end = HEAD_BYTES
  }

  #fail(thrown: unknown): void {
    const why = errnoOf(thrown)
    const { name } = this.#options.disk
    this.#failure = new WaybillError(
      'Damaged',
      isFull(thrown)
        ? `the disk is full: nothing more can be stored in ${name} until there is room and the router is started again`
        : `${name} could not be written (${why ?? String(thrown)}): nothing more is stored there until the router is started again`,
      { details: { why }, cause: thrown },
    )
    this.#options.failed(this.#failure)
    this.#safe.fail(this.#failure)
  }
}

function pendingIn(group: Group, { segment, offset, bytes }: Place): Uint8Array | undefined {
  if (segment === 0) return group.readBlob(offset)
  return segment === group.segment && offset >= group.offset && offset < group.end ? group.read(offset, bytes) : undefined
}
