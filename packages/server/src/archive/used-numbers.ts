/**
 * The serial numbers of stored calls whose receipts are forgotten: a call that comes once more must not run once more, however long its caller slept. Each is
 * known as long as its call could come again in time; then, or where that many are not to be kept, only as one of the numbers that its process has used.
 */
import type { ReceiptState } from '@waybill/core'
import type { Receipt } from '../model.js'
import { FIRST_FREE, PRINCIPAL, SerialRows } from './serial-rows.js'
import { serialWords } from './serials.js'
import { UsedUpTo } from './used-up-to.js'

/** What is known of a call whose receipt is not. */
export interface Former {
  /** How it ended; undefined where it need not even have been stored. */
  readonly state: ReceiptState | undefined
}

const STATE = FIRST_FREE
const UNTIL_MS = 0
const SHAPE = { mark: 17, words: FIRST_FREE + 1, numbers: 1, texts: [PRINCIPAL] } as const
/** Written down, so an index keeps its meaning. */
const STATES: readonly ReceiptState[] = ['succeeded', 'failed', 'rejected', 'expired', 'cancelled', 'indeterminate', 'dead']
/** How much later than its time a call may come again: clocks differ, and ways are long. */
const LATE_MS = 10 * 60_000

export class UsedNumbers {
  readonly #table = new SerialRows(SHAPE)
  readonly #rows = this.#table.rows
  readonly #upTo = new UsedUpTo()

  /** Those that are known one by one. */
  get size(): number {
    return this.#table.size
  }

  /** Its receipt is forgotten. `nowMs` by the wall clock. */
  add({ principal, sn, state, terms }: Receipt, nowMs: number): void {
    // Such a number is the router's own, and nobody sends it.
    if (terms.redriveOf !== undefined) return
    for (let oldest = this.#table.oldest; oldest !== undefined && this.#untilMs(oldest) <= nowMs; oldest = this.#table.oldest)
      this.removeOldest()
    const serial = serialWords(sn)
    const untilMs = terms.deadlineMs + LATE_MS
    if (serial === undefined || untilMs <= nowMs) return this.#upTo.raise(principal, sn)
    // The snapshot may have had it before the record that says so.
    if (this.#table.find(principal, sn) !== undefined) return
    const slot = this.#table.begin(serial, [principal])
    this.#rows.setWord(slot, STATE, STATES.indexOf(state))
    this.#rows.setNumber(slot, UNTIL_MS, untilMs)
    this.#table.entered(slot)
  }

  /** It is known only as one of its process from now on. False where there is none. */
  removeOldest(): boolean {
    const { oldest } = this.#table
    if (oldest === undefined) return false
    this.#upTo.raise(this.#table.text(oldest, PRINCIPAL), this.#table.serial(oldest))
    this.#table.remove(oldest)
    return true
  }

  /** Undefined for a call that has never come. */
  find(principal: string, sn: string): Former | undefined {
    const slot = this.#table.find(principal, sn)
    if (slot !== undefined) return { state: STATES[this.#rows.word(slot, STATE)] }
    return this.#upTo.has(principal, sn) ? { state: undefined } : undefined
  }

  /** Behind receipts, and those of the processes last: what goes meanwhile has to be in one of them. */
  *entries(): Iterable<Uint8Array> {
    yield* this.#table.entries()
    yield* this.#upTo.entries()
  }

  /** False where the entry is of something else. Throws `Damaged`. */
  restore(entry: Uint8Array): boolean {
    if (this.#upTo.restore(entry)) return true
    if (!this.#table.isEntry(entry)) return false
    this.#table.restore(entry, () => {})
    return true
  }

  #untilMs(slot: number): number {
    return this.#rows.number(slot, UNTIL_MS)
  }
}
