/**
 * Events that the router stores before anybody gets them, and the subscriptions that read them: each at its own pace, from where it says, and under a name from
 * where its last reader stopped. Owns the readers. A cursor has one at a time, and the newest takes it: one that hangs must not lock its successor out.
 */
import { FrameType, HEADER_BYTES, prepareBody, quoted, isName, WaybillError, type Clock, type Durability, type Soon } from '@waybill/core'
import type { Principal } from '../access.js'
import { except, reject } from '../answers.js'
import type { Limits } from '../limits.js'
import type { Session } from '../model.js'
import { Topics } from '../topics.js'
import type { Cursor } from './cursors.js'
import { extensionOf, writeGapTo } from './event-frames.js'
import type { LoggedEvent } from './event-records.js'
import type { EventLog } from './log.js'
import { Reader } from './reader.js'
import { EventRetention } from './retention.js'
import { UnsafeBytes } from './unsafe-bytes.js'

export interface DurableEventsParts {
  readonly log: EventLog
  readonly limits: Limits
  /** Its wall time is that of the store. */
  readonly clock: Clock
  readonly soon: Soon
}

/** Where a durable subscription begins. */
export interface Beginning {
  readonly after: number | undefined
  readonly cursorName: string | undefined
}

export interface CursorInfo {
  readonly name: string
  /** Its reader has taken all events up to this id. */
  readonly after: number
  /** Events behind that which are kept, of all topics. */
  readonly behind: number
  readonly movedAt: string
  /** The client that reads it now. */
  readonly reader?: string
}

export class DurableEvents {
  readonly #parts: DurableEventsParts
  readonly #retention: EventRetention
  readonly #unsafe: UnsafeBytes
  readonly #topics = new Topics<Reader>()
  readonly #bySession = new Map<Session, Map<number, Reader>>()
  readonly #byCursor = new Map<Cursor, Reader>()
  /** A subscription is over, which was not asked for; `leave` is to follow. */
  ended: (session: Session, call: number) => void = () => {}

  constructor(parts: DurableEventsParts) {
    this.#parts = parts
    this.#retention = new EventRetention(parts.log, parts.limits, parts.clock)
    this.#unsafe = new UnsafeBytes(parts.limits.windowBytes)
  }

  /** Nothing of earlier starts is kept longer than it may be. */
  begin(): void {
    this.#retention.enforce()
  }

  get durability(): Durability {
    return this.#parts.log.journal.durability
  }

  /** Durable events that are kept, and bytes of them. */
  get kept(): { readonly events: number; readonly bytes: number } {
    return { events: this.#parts.log.size, bytes: this.#parts.log.bytes }
  }

  // ---- what is published

  /**
   * Stores it, and says so when that is safe; `live` is called then, for those who do not read the log. Throws `Overloaded` where there is no room, `TooLarge`,
   * or why nothing can be stored any more: then it is not.
   */
  publish(session: Session, call: number, given: Omit<LoggedEvent, 'id' | 'ms'>, live: (event: LoggedEvent) => void): void {
    const { log, limits, clock } = this.#parts
    const event = { ...given, ms: clock.wallMs() }
    const bytes = HEADER_BYTES + extensionOf({ ...event, id: Number.MAX_SAFE_INTEGER }).byteLength + event.value.byteLength
    if (bytes > limits.maxFrameBytes) {
      const details = { limit: limits.maxFrameBytes, size: bytes }
      throw new WaybillError('TooLarge', `an event fits in one frame of at most ${limits.maxFrameBytes} bytes`, { executed: 'no', details })
    }
    // Who does not take its answers gets no further ones.
    if (session.channel.outboundBytes > limits.maxOutboundBytes)
      throw new WaybillError('Overloaded', 'you have not taken what the router said before', { executed: 'no' })
    if (log.journal.failure === undefined && (bytes > limits.maxLoggedBytes || !log.journal.hasRoom(bytes)))
      throw new WaybillError('Overloaded', 'the router has no room for another durable event', {
        executed: 'no',
        details: { retryAfterMs: 1000 },
      })
    // The bytes of the packet are not ours to keep.
    const logged = log.add({ ...event, value: event.value.slice() })
    this.#unsafe.add(session, bytes)
    log.journal.whenSafe(
      () => {
        this.#unsafe.remove(session, bytes)
        this.#stored(session, call, logged, live)
      },
      (error) => {
        this.#unsafe.remove(session, bytes)
        if (session.state !== 'ended') except(session, call, error, 'maybe')
      },
    )
  }

  #stored(session: Session, call: number, event: LoggedEvent, live: (event: LoggedEvent) => void): void {
    const { id } = event
    this.#parts.log.reached(id)
    if (session.state !== 'ended') {
      const { symbol, channel } = session
      const body = prepareBody({ id, durability: this.durability })
      channel.write({ type: FrameType.stored, destination: symbol, call }, undefined, body)
    }
    live(event)
    this.#topics.match(event.topic, (reader) => reader.published(event))
    this.#retention.enforce()
  }

  // ---- who reads

  /** `accepted` is called before anything is given. Throws `BadAddress` or `Overloaded`. */
  subscribe(session: Session, call: number, pattern: string, { after, cursorName }: Beginning, accepted: () => void): void {
    const { log } = this.#parts
    const cursor = cursorName === undefined ? undefined : this.#cursor(session.principal, cursorName, after ?? 0)
    const wanted = cursor?.id ?? after ?? log.last
    // It speaks of a log that was another one, and of which nobody knows what was read.
    const isElsewhere = wanted > log.last
    const begin = isElsewhere ? log.first - 1 : wanted
    const reader = new Reader({ session, call, pattern, after: begin, cursor }, this.#parts)
    if (cursor !== undefined) this.#take(cursor, reader)
    this.#topics.add(pattern, reader)
    const readers = this.#bySession.get(session) ?? new Map<number, Reader>()
    this.#bySession.set(session, readers.set(call, reader))
    accepted()
    if (isElsewhere) writeGapTo(session, call, {})
    reader.advance()
  }

  has(session: Session, call: number): boolean {
    return this.#bySession.get(session)?.has(call) === true
  }

  /** What is not there has ended already. */
  took(session: Session, call: number, id: number): void {
    const reader = this.#bySession.get(session)?.get(call)
    if (reader === undefined) return
    const last = reader.took(id)
    if (last === undefined) return
    if (reader.cursor !== undefined) this.#move(reader.cursor, last)
    reader.advance()
  }

  /** There is more room in the session's channel. */
  caughtUp(session: Session): void {
    for (const reader of this.#bySession.get(session)?.values() ?? []) reader.advance()
  }

  leave(session: Session, call: number): void {
    const readers = this.#bySession.get(session)
    const reader = readers?.get(call)
    if (reader === undefined) return
    readers!.delete(call)
    if (readers!.size === 0) this.#bySession.delete(session)
    this.#topics.remove(reader.pattern, reader)
    const { cursor } = reader
    if (cursor !== undefined && this.#byCursor.get(cursor) === reader) {
      this.#byCursor.delete(cursor)
      // What it was not given was not for it.
      if (reader.done > cursor.id) this.#move(cursor, reader.done)
    }
    reader.end()
  }

  lost(session: Session): void {
    for (const call of this.#bySession.get(session)?.keys() ?? []) this.leave(session, call)
  }

  // ---- cursors

  cursors(principal: Principal): readonly CursorInfo[] {
    const { log } = this.#parts
    return [...log.cursors.all()]
      .filter((cursor) => cursor.principal === principal)
      .map((cursor) => {
        const reader = this.#byCursor.get(cursor)?.session.name
        return {
          name: cursor.name,
          after: cursor.id,
          behind: Math.max(0, log.last - Math.max(cursor.id, log.first - 1)),
          movedAt: new Date(cursor.ms).toISOString(),
          ...(reader !== undefined && { reader }),
        }
      })
  }

  /** Its reader is told `Closed`. False where there is no such cursor. */
  forget(principal: Principal, name: string): boolean {
    const cursor = this.#parts.log.cursors.find(principal, name)
    if (cursor === undefined) return false
    this.#end(cursor, new WaybillError('Closed', `the cursor ${name} was deleted`, { executed: 'no' }))
    this.#parts.log.forget(principal, name)
    return true
  }

  stop(): void {
    this.#retention.stop()
  }

  #cursor(principal: Principal, name: string, after: number): Cursor {
    if (!isName(name)) throw new WaybillError('BadAddress', `${quoted(name)} is not a name for a cursor`)
    const { log, limits, clock } = this.#parts
    const known = log.cursors.find(principal, name)
    if (known !== undefined) return known
    if (log.cursors.size >= limits.maxCursors) {
      const details = { limit: limits.maxCursors, size: log.cursors.size + 1 }
      throw new WaybillError('TooLarge', `the router keeps at most ${limits.maxCursors} cursors`, { executed: 'no', details })
    }
    log.move(principal, name, Math.min(after, log.last), clock.wallMs())
    return log.cursors.find(principal, name)!
  }

  #take(cursor: Cursor, reader: Reader): void {
    this.#end(cursor, new WaybillError('Superseded', `another reader has taken the cursor ${cursor.name}`, { executed: 'no' }))
    this.#byCursor.set(cursor, reader)
  }

  #end(cursor: Cursor, error: WaybillError): void {
    const reader = this.#byCursor.get(cursor)
    if (reader === undefined) return
    this.ended(reader.session, reader.call)
    reject(reader.session, reader.call, error)
  }

  #move({ principal, name }: Cursor, id: number): void {
    const { log, clock } = this.#parts
    if (log.journal.failure === undefined) log.move(principal, name, id, clock.wallMs())
  }
}
