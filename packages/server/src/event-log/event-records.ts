/** What the router writes down of durable events, as bytes: records as those of stored calls, and entries of a snapshot. Knows no journal and changes nothing. */
import { WaybillError } from '@waybill/core'
import type { Place } from '../journal/journal.js'
import { bodyOf, readHead, writeRecord } from '../records.js'

/** Stored in files, so a number keeps its meaning; those below 32 are of stored calls. */
export const EventRecordKind = {
  /** `id, topic, sender, ms, encoding`, then the value. */
  published: 32,
  /** `id`: all events before it are kept no longer. */
  dropped: 33,
  /** `principal, name, id, ms`: the cursor's reader has taken all up to there. */
  cursorMoved: 34,
  /** `principal, name`. */
  cursorForgotten: 35,
} as const

export interface LoggedEvent {
  readonly id: number
  readonly topic: string
  /** The name of the client that published it. */
  readonly sender: string
  /** When the router took it, by the wall clock. */
  readonly ms: number
  readonly encoding: number
  readonly value: Uint8Array
}

export function writeEvent({ id, topic, sender, ms, encoding, value }: LoggedEvent): Uint8Array[] {
  return writeRecord([id, topic, sender, ms, encoding], [value])
}

/** All but the value, which nobody needs at a start. */
export function readEventHead(record: Uint8Array): Omit<LoggedEvent, 'value'> {
  const [id, topic, sender, ms, encoding] = readHead(record)
  if (typeof id !== 'number' || typeof topic !== 'string' || typeof sender !== 'string' || typeof ms !== 'number')
    throw new WaybillError('Damaged', 'a record of the store is not the event that it should be')
  return { id, topic, sender, ms, encoding: encoding as number }
}

/** Copies the value, as what is read may be written over. */
export function readEvent(record: Uint8Array): LoggedEvent {
  return { ...readEventHead(record), value: bodyOf(record).slice() }
}

// ---- of a snapshot

const ROW_BYTES = 28

/** One event of an entry that has many: which of the entry's topics, when, and where it stands. */
export interface EventRow {
  readonly topic: number
  readonly ms: number
  readonly place: Place
}

export function writeRows(rows: readonly EventRow[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(rows.length * ROW_BYTES))
  for (const [row, { topic, ms, place }] of rows.entries()) {
    const at = row * ROW_BYTES
    view.setUint32(at, topic, true)
    view.setUint32(at + 4, place.segment, true)
    view.setFloat64(at + 8, place.offset, true)
    view.setUint32(at + 16, place.bytes, true)
    view.setFloat64(at + 20, ms, true)
  }
  return new Uint8Array(view.buffer)
}

/** Throws `Damaged`. */
export function* readRows(bytes: Uint8Array): Iterable<EventRow> {
  if (bytes.byteLength % ROW_BYTES !== 0) throw new WaybillError('Damaged', 'an entry of the snapshot is not one of this router')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.byteLength; at += ROW_BYTES) {
    const place = { segment: view.getUint32(at + 4, true), offset: view.getFloat64(at + 8, true), bytes: view.getUint32(at + 16, true) }
    yield { topic: view.getUint32(at, true), ms: view.getFloat64(at + 20, true), place }
  }
}
