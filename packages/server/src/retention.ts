/**
 * How long receipts are kept once they have their outcome: those of the archive go in the order in which they came, all others have a time of their own.
 * Owns these times. By the wall clock, as they may be of an earlier start.
 */
import { Timed, Wheel, type Clock } from '@waybill/core'
import type { Limits } from './limits.js'
import type { Receipt } from './model.js'
import { isDeadLetter } from './receipt-states.js'
import type { Store } from './store.js'

/** Receipts that go in one turn. */
const MOST_SWEPT = 1000

/** When the oldest of the archive goes. */
class Sweep extends Timed {
  constructor(readonly over: () => void) {
    super()
  }

  override due(): void {
    this.over()
  }
}

export class Retention {
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #store: Store
  readonly #wheel: Wheel
  readonly #forget: (receipt: Receipt) => void
  readonly #sweep = new Sweep(() => this.#swept())

  /** `forget` is told of each whose time is over. */
  constructor(parts: { clock: Clock; limits: Limits; store: Store; forget: (receipt: Receipt) => void }) {
    this.#clock = parts.clock
    this.#limits = parts.limits
    this.#store = parts.store
    this.#forget = parts.forget
    this.#wheel = new Wheel(parts.clock)
    this.#store.forget = parts.forget
  }

  /** It has its outcome, and whoever waited was told: from now on it is kept for a while, in the archive where that has a place for it. */
  keep(receipt: Receipt): void {
    if (this.#store.archive(receipt)) return this.sweepLater()
    const { receiptRetentionMs, postbackRetentionMs, deadRetentionMs } = this.#limits
    const owedMs = receipt.isOwed ? postbackRetentionMs : 0
    const keptMs = Math.max(receiptRetentionMs, owedMs, isDeadLetter(receipt.state) ? deadRetentionMs : 0)
    this.#wheel.add(receipt, this.#overMs(receipt.endedMs!, keptMs))
  }

  /** It goes before its time. */
  remove(receipt: Receipt): void {
    this.#wheel.remove(receipt)
  }

  /** For what is in the archive since an earlier start. */
  sweepLater(): void {
    const { oldestArchivedMs } = this.#store
    if (oldestArchivedMs !== undefined && this.#sweep.slot < 0)
      this.#wheel.add(this.#sweep, this.#overMs(oldestArchivedMs, this.#limits.receiptRetentionMs))
  }

  stop(): void {
    this.#wheel.stop()
  }

  #swept(): void {
    const { receiptRetentionMs } = this.#limits
    for (let count = 0; count < MOST_SWEPT; count++) {
      const { oldestArchivedMs, journal } = this.#store
      if (journal.failure !== undefined) return
      if (oldestArchivedMs === undefined || this.#overMs(oldestArchivedMs, receiptRetentionMs) > this.#clock.nowMs()) break
      this.#forget(this.#store.oldestArchived!)
    }
    this.sweepLater()
  }

  #overMs(endedMs: number, keptMs: number): number {
    const agoMs = Math.max(0, this.#clock.wallMs() - endedMs)
    return this.#clock.nowMs() + Math.max(0, keptMs - agoMs)
  }
}
