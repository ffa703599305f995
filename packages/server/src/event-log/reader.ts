/**
 * One durable subscription: reads the log at the pace at which its program takes what it was given, and gets events as they are published once it has come to
 * the end. Owns where it is. Nothing is passed over silently: what is kept no longer, or cannot be read, is a gap.
 */
import { Queue, topicMatches, type Soon } from '@waybill/core'
import type { Limits } from '../limits.js'
import type { Session } from '../model.js'
import type { Cursor } from './cursors.js'
import { writeEventTo, writeGapTo } from './event-frames.js'
import type { LoggedEvent } from './event-records.js'
import type { EventLog } from './log.js'

/** Events that one reader is given ahead of its word that it has taken them. */
export const EVENTS_AHEAD = 1024
/** So much is read at once, and so many ids looked at, before anybody else runs. */
const BATCH_EVENTS = 32
const BATCH_BYTES = 256 * 1024
const SCAN_EVENTS = 8192
const GAP_BYTES = 64

export interface ReaderParts {
  readonly log: EventLog
  readonly limits: Limits
  readonly soon: Soon
}

interface Ahead {
  readonly id: number
  readonly bytes: number
}

export class Reader {
  readonly session: Session
  /** The number of the subscription. */
  readonly call: number
  readonly pattern: string
  /** Whose position it moves, where it has a name. */
  readonly cursor: Cursor | undefined
  readonly #parts: ReaderParts
  /** All up to this id is behind it: given, or not for it. */
  #position: number
  /** What it was given and has not taken. */
  readonly #ahead = new Queue<Ahead>()
  #aheadBytes = 0
  /** Nothing that is kept behind its position is for it; it is told of each further event that is. */
  #isAtEnd = false
  #isBusy = false
  #isOver = false

  constructor(where: { session: Session; call: number; pattern: string; after: number; cursor: Cursor | undefined }, parts: ReaderParts) {
    this.session = where.session
    this.call = where.call
    this.pattern = where.pattern
    this.cursor = where.cursor
    this.#position = where.after
    this.#parts = parts
  }

  /** It has taken all up to this id that is for it; 0 where it has not taken what it was given. */
  get done(): number {
    if (this.#ahead.size > 0) return 0
    return this.#isAtEnd ? this.#parts.log.last : this.#position
  }

  /** The program has taken all up to this id. Returns the last one of those that it was given, if there was any. */
  took(id: number): number | undefined {
    let last: number | undefined
    for (let next = this.#ahead.peek(); next !== undefined && next.id <= id; next = this.#ahead.peek()) {
      this.#ahead.shift()
      this.#aheadBytes -= next.bytes
      last = next.id
    }
    return last
  }

  /** An event that is for it and safe now, the next one of these. */
  published(event: LoggedEvent): void {
    // Who is not at the end finds it in the log.
    if (!this.#isAtEnd) return
    if (this.#hasRoom) return this.#give(event)
    this.#position = event.id - 1
    this.#isAtEnd = false
  }

  /** Goes on reading, as far as there is room. */
  advance(): void {
    if (this.#isBusy || this.#isAtEnd) return
    const { log, soon } = this.#parts
    while (this.#isOpen && this.#hasRoom) {
      if (this.#position + 1 < log.first) this.#gap(this.#position + 1, log.first - 1)
      if (this.#position >= log.last) {
        this.#isAtEnd = true
        return
      }
      const ids = this.#next()
      if (ids.length > 0) return this.#read(ids)
      if (this.#position >= log.last) continue
      this.#isBusy = true
      return soon.afterInput(() => {
        this.#isBusy = false
        this.advance()
      })
    }
  }

  /** Its session, or it alone, has ended. */
  end(): void {
    this.#isOver = true
  }

  get #isOpen(): boolean {
    return !this.#isOver && this.session.state !== 'ended'
  }

  get #hasRoom(): boolean {
    const { windowBytes, maxOutboundBytes } = this.#parts.limits
    if (this.#ahead.size >= EVENTS_AHEAD || this.#aheadBytes >= windowBytes) return false
    return this.session.channel.outboundBytes <= maxOutboundBytes / 2
  }

  /** The next ones that may be for it; the position moves over those that are not. */
  #next(): number[] {
    const { log } = this.#parts
    const most = Math.min(BATCH_EVENTS, EVENTS_AHEAD - this.#ahead.size)
    const end = Math.min(log.last, this.#position + SCAN_EVENTS)
    const ids: number[] = []
    let bytes = 0
    for (let id = this.#position + 1; id <= end && ids.length < most && bytes < BATCH_BYTES; id++) {
      const topic = log.topicOf(id)
      if (topic === undefined || topicMatches(this.pattern, topic)) {
        ids.push(id)
        bytes += log.bytesOf(id)
      } else if (ids.length === 0) this.#position = id
    }
    return ids
  }

  #read(ids: readonly number[]): void {
    const { log, soon } = this.#parts
    const events: (LoggedEvent | undefined)[] = Array.from(ids, () => undefined)
    let left = ids.length
    this.#isBusy = true
    for (const [at, id] of ids.entries()) {
      log.read(id, (event) => {
        events[at] = event
        if (--left > 0) return
        this.#isBusy = false
        if (!this.#isOpen) return
        for (const [place, one] of events.entries()) this.#given(ids[place]!, one)
        // The work of others comes between.
        this.#isBusy = true
        soon.afterInput(() => {
          this.#isBusy = false
          this.advance()
        })
      })
    }
  }

  #given(id: number, event: LoggedEvent | undefined): void {
    if (event === undefined) this.#gap(id, id)
    else if (topicMatches(this.pattern, event.topic)) this.#give(event)
    else this.#position = id
  }

  #give(event: LoggedEvent): void {
    this.#position = event.id
    this.#went(event.id, writeEventTo(this.session, this.call, event))
  }

  #gap(from: number, to: number): void {
    this.#position = to
    writeGapTo(this.session, this.call, { from, to })
    this.#went(to, GAP_BYTES)
  }

  #went(id: number, bytes: number): void {
    this.#ahead.push({ id, bytes })
    this.#aheadBytes += bytes
  }
}
