/**
 * A small fold for tests of journals: things that are put in under a number, replaced, and taken out. Knows of each where its bytes stand and when it was put,
 * so that what is told twice counts once.
 */
import { WaybillError } from '@waybill/core'
import type { Fold, Journal, Place } from '@waybill/server/store'

const PUT = 1
const TAKE = 2
const HEAD_BYTES = 16
/** The number in an entry that only tells the last sequence: whoever was taken out last has none of its own. */
const NOTHING = -1

interface Thing {
  readonly sequence: number
  place: Place
}

export class Cupboard implements Fold {
  readonly things = new Map<number, Thing>()
  journal!: Journal
  /** How often a journal said so. */
  moves = 0
  #sequence = 0

  /** Bytes of the thing are made from its number and sequence, so anybody can tell whether they are right. */
  put(id: number, bytes: number): number {
    const sequence = ++this.#sequence
    const place = this.journal.append(PUT, [headOf(id, sequence), bodyOf(sequence, bytes)])
    const before = this.things.get(id)
    this.things.set(id, { sequence, place })
    if (before !== undefined) this.journal.release(before.place)
    return sequence
  }

  take(id: number): number {
    const sequence = ++this.#sequence
    // Nobody reads it again: a start is told of it, and that is all.
    this.journal.release(this.journal.append(TAKE, [headOf(id, sequence)]))
    const thing = this.things.get(id)
    this.things.delete(id)
    if (thing !== undefined) this.journal.release(thing.place)
    return sequence
  }

  /** The last one that was put or taken. */
  get sequence(): number {
    return this.#sequence
  }

  restore(entry: Uint8Array): void {
    const [id, sequence, segment, offset, bytes] = new Float64Array(entry.slice().buffer) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ]
    if (id !== NOTHING) this.things.set(id, { sequence, place: { segment, offset, bytes } })
    this.#sequence = Math.max(this.#sequence, sequence)
  }

  record(kind: number, record: Uint8Array, place: Place): void {
    const { id, sequence } = readThing(record)
    this.#sequence = Math.max(this.#sequence, sequence)
    const thing = this.things.get(id)
    if (thing !== undefined && thing.sequence >= sequence) return
    if (kind === PUT) this.things.set(id, { sequence, place })
    else this.things.delete(id)
  }

  *places(): Iterable<Place> {
    for (const { place } of this.things.values()) yield place
  }

  *entries(): Iterable<Uint8Array> {
    yield new Uint8Array(Float64Array.of(NOTHING, this.#sequence, 0, 0, 0).buffer)
    for (const [id, { sequence, place }] of this.things)
      yield new Uint8Array(Float64Array.of(id, sequence, place.segment, place.offset, place.bytes).buffer)
  }

  needs(kind: number, record: Uint8Array, place: Place): boolean {
    const thing = kind === PUT ? this.things.get(readThing(record).id) : undefined
    return thing !== undefined && thing.place.segment === place.segment && thing.place.offset === place.offset
  }

  moved(kind: number, record: Uint8Array, to: Place): void {
    this.moves++
    const { id, sequence } = readThing(record)
    this.#sequence = Math.max(this.#sequence, sequence)
    const thing = kind === PUT ? this.things.get(id) : undefined
    if (thing?.sequence === sequence) thing.place = to
  }

  /** What there is: number and sequence of each, ordered. */
  get summary(): string {
    return [...this.things]
      .map(([id, { sequence }]) => `${id}:${sequence}`)
      .toSorted()
      .join(' ')
  }

  /** Reads everything; rejects where anything is not what was put. */
  async verify(): Promise<void> {
    for (const [id, { sequence, place }] of this.things) {
      const record = await new Promise<Uint8Array>((resolve, reject) =>
        this.journal.read(place, (bytes, error) => (bytes === undefined ? reject(error!) : resolve(bytes))),
      )
      const found = readThing(record)
      if (found.id !== id || found.sequence !== sequence) throw new Error(`thing ${id}:${sequence} reads as ${found.id}:${found.sequence}`)
    }
  }
}

function headOf(id: number, sequence: number): Uint8Array {
  return new Uint8Array(Float64Array.of(id, sequence).buffer)
}

function bodyOf(sequence: number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(sequence)
}

/** Throws `Damaged` where the bytes are not those of a thing. */
function readThing(record: Uint8Array): { readonly id: number; readonly sequence: number } {
  const [id, sequence] = new Float64Array(record.slice(0, HEAD_BYTES).buffer) as unknown as [number, number]
  for (let at = HEAD_BYTES; at < record.byteLength; at++)
    if (record[at] !== (sequence & 0xff)) throw new WaybillError('Damaged', `thing ${id} has wrong bytes`)
  return { id, sequence }
}
