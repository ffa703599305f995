/** How long durable events are kept: by age, number and bytes, the oldest dropped first. Owns the timer for those that nothing else would drop. */
import type { Clock, Timer } from '@waybill/core'
import type { Limits } from '../limits.js'
import type { EventLog } from './log.js'

/** So much of a limit is dropped at once, as each time costs a record: of number and bytes below the limit, of the time beyond it. */
const STEP = 1 / 64
const MOST_WAIT_MS = 3600 * 1000

export class EventRetention {
  readonly #log: EventLog
  readonly #limits: Limits
  readonly #clock: Clock
  #timer: Timer | undefined
  #isOver = false

  /** `clock`: its wall time is that of the log. */
  constructor(log: EventLog, limits: Limits, clock: Clock) {
    this.#log = log
    this.#limits = limits
    this.#clock = clock
  }

  /** Drops what is too old, and more than may be kept. */
  enforce(): void {
    // What becomes safe while the router closes must not begin anything.
    if (this.#isOver || this.#log.journal.failure !== undefined) return
    this.#log.dropBefore(this.#firstKept())
    if (this.#log.size === 0) return
    this.#timer ??= this.#clock.timer(Math.min(Math.max(this.#dueMs(this.#log.first), 1), MOST_WAIT_MS), () => {
      this.#timer = undefined
      this.enforce()
    })
  }

  stop(): void {
    this.#isOver = true
    this.#timer?.cancel()
  }

  #firstKept(): number {
    const { maxLoggedEvents, maxLoggedBytes, eventRetentionMs } = this.#limits
    const log = this.#log
    const end = log.first + log.size
    let { first, bytes } = log
    const isOver = end - first > maxLoggedEvents || bytes > maxLoggedBytes
    const mostEvents = isOver ? Math.ceil(maxLoggedEvents * (1 - STEP)) : maxLoggedEvents
    const mostBytes = isOver ? maxLoggedBytes * (1 - STEP) : maxLoggedBytes
    while (first < end && (end - first > mostEvents || bytes > mostBytes)) bytes -= log.bytesOf(first++)
    if (first === end || this.#dueMs(first) > 0) return first
    const sinceMs = this.#clock.wallMs() - eventRetentionMs
    while (first < end && log.msOf(first) <= sinceMs) first++
    return first
  }

  /** In how long the event is kept no longer. */
  #dueMs(id: number): number {
    return this.#log.msOf(id) + this.#limits.eventRetentionMs * (1 + STEP) - this.#clock.wallMs()
  }
}
