/**
 * A record that comes in pieces, on a disk: in a file that counts for nothing until its record is appended and the group of that is written, which makes a
 * blob of it. Owns the file until then. Where it fails before, only the one who writes it hears of that: nothing rests on it.
 */
import { WaybillError } from '@waybill/core'
import { blobHead, PieceSums, type NewBlob } from './blobs.js'
import type { Disk, DiskFile } from './disk.js'
import { isFull, errnoOf } from './files.js'
import { HEAD_BYTES } from './head.js'
import type { Place, Spool } from './journal.js'
import { blobName } from './names.js'
import { noRoom, spoolEnded } from './spool-words.js'

/** So much is left to the system before it is told to take it to the disk, so that the group of its record need not wait for all of it. */
const SYNC_BYTES = 8 * 1024 * 1024

export interface SpoolFileOptions {
  readonly disk: Disk
  readonly files: Uint8Array
  readonly name: string
  /** Rejects where it must not become so much longer. */
  room(bytes: number): Promise<void>
  /** It is about to be. */
  grows(bytes: number): void
  /** It is, or has failed to be. */
  grew(bytes: number): void
  /** Nothing is written to it any more: its record is to be appended. */
  ends(kind: number, head: readonly Uint8Array[]): Place
  /** Nothing is left of it. */
  aborted(): void
}

export class SpoolFile implements Spool {
  readonly #options: SpoolFileOptions
  readonly #sums = new PieceSums()
  #file: DiskFile | undefined
  #isOpen = true
  #isBusy = false
  #running: Promise<void> = Promise.resolve()
  #aborting: Promise<void> | undefined
  #syncedBytes = 0

  constructor(options: SpoolFileOptions) {
    this.#options = options
  }

  get bytes(): number {
    return this.#sums.bytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#assertReady()
    this.#isBusy = true
    this.#running = this.#put(bytes)
    try {
      await this.#running
    } catch (thrown) {
      await this.abort()
      throw this.#failureOf(thrown)
    }
    this.#isBusy = false
  }

  end(kind: number, head: readonly Uint8Array[]): Place {
    this.#assertReady()
    const place = this.#options.ends(kind, head)
    this.#isOpen = false
    return place
  }

  abort(): Promise<void> {
    if (this.#isOpen) {
      this.#isOpen = false
      this.#aborting = this.#abort()
    }
    return this.#aborting ?? Promise.resolve()
  }

  /** What its record says of it. */
  blob(number: number): NewBlob {
    return { number, bytes: this.bytes, ...this.#sums.end() }
  }

  /** It is that blob from now on; its name is safe when the folder is synced. Returns how much was written for that. */
  async become(blob: NewBlob): Promise<number> {
    const { disk, files, name } = this.#options
    const file = await this.#begun()
    try {
      await file.write([blob.tail], HEAD_BYTES + blob.bytes)
      await file.write([blobHead(files, blob)], 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await disk.rename(name, blobName(blob.number))
    return HEAD_BYTES + blob.tail.byteLength
  }

  async #put(bytes: Uint8Array): Promise<void> {
    const { room, grows, grew } = this.#options
    await room(bytes.byteLength)
    if (!this.#isOpen) throw spoolEnded()
    const offset = HEAD_BYTES + this.bytes
    grows(bytes.byteLength)
    this.#sums.add(bytes)
    try {
      const file = await this.#begun()
      await file.write([bytes], offset)
      const end = offset + bytes.byteLength
      if (end - this.#syncedBytes < SYNC_BYTES) return
      await file.sync()
      this.#syncedBytes = end
    } finally {
      grew(bytes.byteLength)
    }
  }

  /** Room for the head is left before anything comes: a file has no holes. */
  async #begun(): Promise<DiskFile> {
    if (this.#file !== undefined) return this.#file
    const { disk, name } = this.#options
    this.#file = await disk.create(name)
    await this.#file.write([new Uint8Array(HEAD_BYTES)], 0)
    return this.#file
  }

  async #abort(): Promise<void> {
    const { disk, name, aborted } = this.#options
    await this.#running.catch(() => {})
    if (this.#file !== undefined) {
      await this.#file.close().catch(() => {})
      // What cannot be removed now a start removes.
      await disk.remove(name).catch(() => {})
    }
    aborted()
  }

  #assertReady(): void {
    if (!this.#isOpen) throw spoolEnded()
    if (this.#isBusy) throw new WaybillError('Overloaded', 'the spool is still being written to: one piece waits for the one before')
  }

  #failureOf(thrown: unknown): WaybillError {
    if (thrown instanceof WaybillError) return thrown
    const { name } = this.#options.disk
    if (isFull(thrown)) return noRoom(name, this.bytes, thrown)
    return new WaybillError(
      'Damaged',
      `${name} could not be written (${errnoOf(thrown) ?? String(thrown)}): nothing is kept of what came`,
      {
        cause: thrown,
      },
    )
  }
}
