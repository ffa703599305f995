/**
 * The journal of a router that keeps nothing beyond its process: everything is safe at once, and records stay where they are until they are
 * released. Callers run the same code over it as over a disk; only that nothing is ever replayed.
 */
import { WaybillError } from '@waybill/core'
import type { Journal, Place } from './journal.js'

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
    let bytes = 0
    for (const part of record) bytes += part.byteLength
    const place = { segment: 1, offset: this.#offset, bytes }
    // An empty record has a place of its own too.
    this.#offset += bytes + 1
    this.#bytes += bytes
    this.#records.set(place.offset, record)
    return place
  }

  whenSafe(safe: () => void, failed?: (error: WaybillError) => void): void {
    if (this.#failure === undefined) safe()
    else failed?.(this.#failure)
  }

  read(place: Place, then: (record: Uint8Array | undefined, error?: WaybillError) => void): void {
    const parts = this.#records.get(place.offset)
    if (parts === undefined) then(undefined, new WaybillError('Damaged', `there is no record at ${place.offset}`))
    else then(parts.length === 1 ? parts[0]! : joined(parts, place.bytes))
  }

  release(place: Place): void {
    if (this.#records.delete(place.offset)) this.#bytes -= place.bytes
  }

  close(): Promise<void> {
    this.#failure ??= new WaybillError('Closed', 'the journal was closed')
    this.#records.clear()
    return Promise.resolve()
  }
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
