/**
 * The journal of a router that keeps nothing beyond its process: everything is safe at once, and records stay where they are until they are
 * released. Callers run the same code over it as over a disk; only that nothing is ever replayed.
 */
import { WaybillError } from '@waybill/core'
import type { Journal, Place, Spool } from './journal.js'
import { joined, lengthOf, partOf, slicesOf } from './parts.js'
import { noRoom, spoolEnded } from './spool-words.js'

export interface MemoryJournalOptions {
  /** Default: no bound of its own. */
  readonly maxBytes?: number
}

export class MemoryJournal implements Journal {
  readonly durability = 'memory'
  readonly epoch = 1
  readonly store = undefined
  #failure: WaybillError | undefined
  readonly #records = new Map<number, readonly Uint8Array[]>()
  readonly #maxBytes: number
  #offset = 0
  #bytes = 0

  constructor({ maxBytes = Number.POSITIVE_INFINITY }: MemoryJournalOptions = {}) {
    this.#maxBytes = maxBytes
  }

  get failure(): WaybillError | undefined {
    return this.#failure
  }

  hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.#maxBytes
  }

  append(_kind: number, record: readonly Uint8Array[]): Place {
    if (this.#failure !== undefined) throw this.#failure
    const bytes = lengthOf(record)
    this.#bytes += bytes
    return this.#put(record, bytes)
  }

  spool(): Spool {
    if (this.#failure !== undefined) throw this.#failure
    return new MemorySpool({
      grows: (bytes, all) => {
        if (this.#failure !== undefined) throw this.#failure
        if (!this.hasRoom(bytes)) throw noRoom('memory', all)
        this.#bytes += bytes
      },
      ends: (parts, bytes) => {
        if (this.#failure !== undefined) throw this.#failure
        return this.#put(parts, bytes)
      },
      aborted: (bytes) => (this.#bytes -= bytes),
    })
  }

  whenSafe(safe: () => void, failed?: (error: WaybillError) => void): void {
    if (this.#failure === undefined) safe()
    else failed?.(this.#failure)
  }

  read(place: Place, then: (record: Uint8Array | undefined, error?: WaybillError) => void): void {
    this.readPart(place, 0, place.bytes, then)
  }

  readPart(place: Place, offset: number, length: number, then: (part: Uint8Array | undefined, error?: WaybillError) => void): void {
    const parts = this.#records.get(place.offset)
    if (parts === undefined) return then(undefined, new WaybillError('Damaged', `there is no record at ${place.offset}`))
    const { from, bytes } = partOf(place.bytes, offset, length)
    const slices = slicesOf(parts, from, bytes)
    then(slices.length === 1 ? slices[0]! : joined(slices, bytes))
  }

  release(place: Place): void {
    if (this.#records.delete(place.offset)) this.#bytes -= place.bytes
  }

  close(): Promise<void> {
    this.#failure ??= new WaybillError('Closed', 'the journal was closed')
    this.#records.clear()
    return Promise.resolve()
  }

  #put(record: readonly Uint8Array[], bytes: number): Place {
    const place = { segment: 1, offset: this.#offset, bytes }
    // An empty record has a place of its own too.
    this.#offset += bytes + 1
    this.#records.set(place.offset, record)
    return place
  }
}

interface MemorySpoolOptions {
  /** `all`: how long it is then. Throws where it must not become so. */
  grows(bytes: number, all: number): void
  ends(parts: readonly Uint8Array[], bytes: number): Place
  aborted(bytes: number): void
}

class MemorySpool implements Spool {
  readonly #parts: Uint8Array[] = []
  readonly #options: MemorySpoolOptions
  #isOpen = true
  #bytes = 0

  constructor(options: MemorySpoolOptions) {
    this.#options = options
  }

  get bytes(): number {
    return this.#bytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#isOpen) throw spoolEnded()
    try {
      this.#options.grows(bytes.byteLength, this.#bytes + bytes.byteLength)
    } catch (thrown) {
      await this.abort()
      throw thrown
    }
    this.#parts.push(bytes)
    this.#bytes += bytes.byteLength
  }

  end(): Place {
    if (!this.#isOpen) throw spoolEnded()
    const place = this.#options.ends(this.#parts, this.#bytes)
    this.#isOpen = false
    return place
  }

  abort(): Promise<void> {
    if (this.#isOpen) {
      this.#isOpen = false
      this.#parts.length = 0
      this.#options.aborted(this.#bytes)
    }
    return Promise.resolve()
  }
}
