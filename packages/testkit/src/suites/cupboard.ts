/**
 * A small fold for tests of journals: things that are put in under a number, replaced, and taken out. Knows of each where its bytes stand and when it was put,
 * so that what is told twice counts once.
 */
import { WaybillError } from '@waybill/core'
import type { Fold, Journal, Place } from '@waybill/server/store'

const PUT = 1
const TAKE = 2
/** Its head is the record's, and its bytes were spooled. */
const SPOOL = 3
const HEAD_BYTES = 16
/** The number in an entry that only tells the last sequence: whoever was taken out last has none of its own. */
const NOTHING = -1

interface Thing {
  readonly sequence: number
  /** It has no head where it stands. */
  readonly isSpooled: boolean
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
    return this.#stands(id, {
      sequence,
      isSpooled: false,
      place: this.journal.append(PUT, [headOf(id, sequence), bodyOf(sequence, bytes)]),
    })
  }

  /** The same with what a spool takes, in pieces; `then` is told the sequence before anybody else runs. Rejects as the spool does. */
  async spool(id: number, pieces: readonly number[], then: (sequence: number) => void): Promise<void> {
    const spool = this.journal.spool()
    let at = 0
    // The bytes of a spooled thing say where they stand: its sequence is known only at its end.
    for (const bytes of pieces) {
      await spool.write(spooled(at, bytes))
      at += bytes
    }
    const sequence = this.#sequence + 1
    const place = spool.end(SPOOL, [headOf(id, sequence)])
    this.#sequence = sequence
    then(this.#stands(id, { sequence, isSpooled: true, place }))
  }

  #stands(id: number, thing: Thing): number {
    const before = this.things.get(id)
    this.things.set(id, thing)
    if (before !== undefined) this.journal.release(before.place)
    return thing.sequence
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
    const [id, sequence, segment, offset, bytes, isSpooled] = new Float64Array(entry.slice().buffer) as unknown as Numbers
    if (id !== NOTHING) this.things.set(id, { sequence, isSpooled: isSpooled === 1, place: { segment, offset, bytes } })
    this.#sequence = Math.max(this.#sequence, sequence)
  }

  record(kind: number, record: Uint8Array, place: Place): void {
    const { id, sequence } = readThing(record)
    this.#sequence = Math.max(this.#sequence, sequence)
    const thing = this.things.get(id)
    if (thing !== undefined && thing.sequence >= sequence) return
    if (kind === TAKE) this.things.delete(id)
    else this.things.set(id, { sequence, isSpooled: kind === SPOOL, place })
  }

  places(tell: (place: Place) => void): void {
    for (const { place } of this.things.values()) tell(place)
  }

  *entries(): Iterable<Uint8Array> {
    yield new Uint8Array(Float64Array.of(NOTHING, this.#sequence, 0, 0, 0, 0).buffer)
    for (const [id, { sequence, isSpooled, place }] of this.things)
      yield new Uint8Array(Float64Array.of(id, sequence, place.segment, place.offset, place.bytes, isSpooled ? 1 : 0).buffer)
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
    for (const [id, { sequence, isSpooled: hasNoHead, place }] of this.things) {
      const record = await this.#read(place, 0, place.bytes)
      if (hasNoHead) {
        if (!isSpooled(record, 0, place.bytes)) throw new WaybillError('Damaged', `thing ${id} has wrong bytes`)
        const middle = Math.floor(place.bytes / 2)
        const length = Math.min(100, place.bytes - middle)
        if (!isSpooled(await this.#read(place, middle, length), middle, length))
          throw new WaybillError('Damaged', `a part of thing ${id} is another`)
        continue
      }
      const found = readThing(record)
      if (found.id !== id || found.sequence !== sequence) throw new Error(`thing ${id}:${sequence} reads as ${found.id}:${found.sequence}`)
    }
  }

  #read(place: Place, offset: number, length: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) =>
      this.journal.readPart(place, offset, length, (bytes, error) => (bytes === undefined ? reject(error!) : resolve(bytes))),
    )
  }
}

type Numbers = readonly [id: number, sequence: number, segment: number, offset: number, bytes: number, isSpooled: number]

/** What stands from `at` on in anything that was spooled, so that a part which is not the one asked for is found out. */
export function spooled(at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) bytes[index] = spooledByte(at + index)
  return bytes
}

/** Whether that is what they are. */
export function isSpooled(bytes: Uint8Array, at: number, length: number): boolean {
  return Buffer.compare(bytes, spooled(at, length)) === 0
}

function spooledByte(at: number): number {
  return (at * 31 + (at >>> 8) * 7 + (at >>> 16)) & 0xff
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
