/**
 * The durable events, and the cursors of those who read them, as a fold of their records: what is said here is appended to the journal in the same step, and a
 * later start reads it back to the same state. Owns the index; values stay in the journal. Tells nobody, and decides nothing.
 */
import { WaybillError } from '@waybill/core'
import type { Principal } from '../access.js'
import type { Journal, Place } from '../journal/journal.js'
import { writeRecord, readHead } from '../records.js'
import { readMarked, writeMarked, type Section } from '../sections.js'
import { Cursors } from './cursors.js'
import { CHUNK_EVENTS, EventIndex } from './event-index.js'
import {
  EventRecordKind,
  readEvent,
  readEventHead,
  readRows,
  writeEvent,
  writeRows,
  type EventRow,
  type LoggedEvent,
} from './event-records.js'

/** That no entry of a stored call begins with. */
const MARK = 0

export class EventLog implements Section {
  readonly kinds = [EventRecordKind.published, EventRecordKind.cursorForgotten] as const
  readonly mark = MARK
  readonly cursors = new Cursors()
  readonly #index = new EventIndex()
  #safe = 0
  #latestMs = 0
  #journal: Journal | undefined

  /** Where records go from now on. What it was opened with has been restored by then. */
  begin(journal: Journal): void {
    this.#journal = journal
    this.#safe = this.#index.next - 1
  }

  get journal(): Journal {
    return this.#journal!
  }

  /** Of the oldest event that is kept; where there is none, of the next one. */
  get first(): number {
    return this.#index.first
  }

  /** Of the last event that anybody may know of. */
  get last(): number {
    return this.#safe
  }

  /** Events that are kept, and bytes of their records. */
  get size(): number {
    return this.#index.size
  }

  get bytes(): number {
    return this.#index.bytes
  }

  /** The last time by the wall clock that anything was written down with. */
  get latestMs(): number {
    return this.#latestMs
  }

  // ---- what happens

  /** The id of the event, which nobody may know of before `reached` was said of it. Throws what the journal throws. */
  add(event: Omit<LoggedEvent, 'id'>): LoggedEvent {
    const logged = { ...event, id: this.#index.next }
    const place = this.journal.append(EventRecordKind.published, writeEvent(logged))
    this.#index.add(event.topic, event.ms, place)
    this.#passed(event.ms)
    return logged
  }

  /** It is safe, and all before it. */
  reached(id: number): void {
    this.#safe = id
  }

  /** Keeps no event before this id any longer. What is not safe yet stays. */
  dropBefore(id: number): void {
    const end = Math.min(id, this.#safe + 1)
    if (end <= this.#index.first) return
    // First the record: a start must not find an event again whose own record is gone.
    this.#append(EventRecordKind.dropped, [end])
    for (let at = this.#index.first; at < end; at++) this.journal.release(this.#index.placeOf(at))
    this.#index.dropBefore(end)
  }

  move(principal: Principal, name: string, id: number, ms: number): void {
    this.#append(EventRecordKind.cursorMoved, [principal, name, id, ms])
    this.cursors.put(principal, name, id, ms)
    this.#passed(ms)
  }

  forget(principal: Principal, name: string): void {
    this.#append(EventRecordKind.cursorForgotten, [principal, name])
    this.cursors.remove(principal, name)
  }

  // ---- what there is; ids must be of events that are kept

  /** Undefined where only the event itself tells. */
  topicOf(id: number): string | undefined {
    return this.#index.topicOf(id)
  }

  bytesOf(id: number): number {
    return this.#index.bytesOf(id)
  }

  msOf(id: number): number {
    return this.#index.msOf(id)
  }

  /** `Damaged` where it cannot be read. */
  read(id: number, then: (event: LoggedEvent | undefined, error?: WaybillError) => void): void {
    this.journal.read(this.#index.placeOf(id), (record, error) => {
      let event: LoggedEvent | undefined
      try {
        event = record && readEvent(record)
      } catch (thrown) {
        return then(undefined, WaybillError.from(thrown))
      }
      then(event, error)
    })
  }

  // ---- the same, read back

  restore(entry: Uint8Array): void {
    const { head, rest } = readMarked(entry)
    const [what, ...said] = head
    switch (what) {
      case 'log': {
        const [next, latestMs] = said as [number, number]
        this.#index.begin(next)
        return this.#passed(latestMs)
      }
      case 'events': {
        const [first, topics] = said as [number, readonly string[]]
        // What was kept between was dropped while the snapshot was written.
        if (this.#index.size === 0 || first > this.#index.next) this.#restart(first)
        for (const { topic, ms, place } of readRows(rest)) {
          this.#index.add(topics[topic]!, ms, place)
          this.#passed(ms)
        }
        return
      }
      case 'cursor':
        return this.cursors.put(...(said as [Principal, string, number, number]))
      default:
        throw new WaybillError('Damaged', 'an entry of the snapshot is not one of this router')
    }
  }

  record(kind: number, record: Uint8Array, place: Place): void {
    switch (kind) {
      case EventRecordKind.published: {
        const { id, topic, ms } = readEventHead(record)
        if (id < this.#index.next) return
        if (id > this.#index.next) throw new WaybillError('Damaged', `the store has no event ${this.#index.next}, but ${id}`)
        this.#index.add(topic, ms, place)
        return this.#passed(ms)
      }
      case EventRecordKind.dropped: {
        const [id] = readHead(record) as [number]
        if (id > this.#index.next) throw new WaybillError('Damaged', `the store has dropped an event ${id - 1}, which it does not know`)
        return this.#index.dropBefore(id)
      }
      case EventRecordKind.cursorMoved: {
        const [principal, name, id, ms] = readHead(record) as [Principal, string, number, number]
        this.#passed(ms)
        return this.cursors.put(principal, name, id, ms)
      }
      case EventRecordKind.cursorForgotten:
        return this.cursors.remove(...(readHead(record) as [Principal, string]))
      default:
        throw new WaybillError('Damaged', `the store has a record of kind ${kind}, which this router does not know`)
    }
  }

  places(tell: (place: Place) => void): void {
    for (let id = this.#index.first; id < this.#index.next; id++) tell(this.#index.placeOf(id))
  }

  *entries(): Iterable<Uint8Array> {
    if (this.#index.next > 1) yield writeMarked(MARK, ['log', this.#index.first, this.#latestMs])
    for (let id = this.#index.first; id < this.#index.next;) {
      const first = Math.max(id, this.#index.first)
      const end = Math.min(this.#index.next, first + CHUNK_EVENTS)
      yield this.#entry(first, end)
      id = end
    }
    for (const { principal, name, id, ms } of this.cursors.all()) yield writeMarked(MARK, ['cursor', principal, name, id, ms])
  }

  needs(kind: number, record: Uint8Array, place: Place): boolean {
    if (kind !== EventRecordKind.published) return false
    const { id } = readEventHead(record)
    return this.#index.has(id) && this.#index.isAt(id, place)
  }

  moved(kind: number, record: Uint8Array, to: Place): void {
    if (kind !== EventRecordKind.published) return
    const { id } = readEventHead(record)
    if (this.#index.has(id)) this.#index.move(id, to)
  }

  /** Events of ids that follow each other, their topics beside them. */
  #entry(first: number, end: number): Uint8Array {
    const topics = new Map<string, number>()
    const rows: EventRow[] = []
    for (let id = first; id < end; id++) {
      const name = this.#index.topicOf(id) ?? ''
      const topic = topics.get(name) ?? topics.size
      topics.set(name, topic)
      rows.push({ topic, ms: this.#index.msOf(id), place: this.#index.placeOf(id) })
    }
    return writeMarked(MARK, ['events', first, [...topics.keys()]], writeRows(rows))
  }

  #restart(id: number): void {
    this.#index.dropBefore(this.#index.next)
    this.#index.begin(id)
  }

  #append(kind: number, head: readonly unknown[]): void {
    const place = this.journal.append(kind, writeRecord(head))
    // It is read at a start and never otherwise.
    this.journal.release(place)
  }

  #passed(ms: number): void {
    if (ms > this.#latestMs) this.#latestMs = ms
  }
}
