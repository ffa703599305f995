/**
 * What waits for one receiver to come for it: in order, each lent to who asks, and there again when nobody has acknowledged it in time. Owns the order and the
 * loans, in memory alone.
 */
import type { Clock, Timer } from '@waybill/core'

interface Place<T> {
  readonly item: T
  /** Lent, until then. */
  loan: Timer | undefined
}

/** An item, lent to who asked. */
export interface Loan<T> {
  readonly item: T
  /** It was acknowledged, given back, or not in time. */
  readonly isOver: boolean
  /** The next who asks has it, unless the loan is over already. */
  giveBack(): void
}

export class Waiting<T extends { readonly id: string }> {
  readonly #clock: Clock
  readonly #places = new Map<string, Place<T>>()
  readonly #asking = new Set<() => void>()
  #isClosed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(item: T): void {
    this.remove(item.id)
    this.#places.set(item.id, { item, loan: undefined })
    this.#wake()
  }

  find(id: string): T | undefined {
    return this.#places.get(id)?.item
  }

  /** It was acknowledged, or is to be had no more. False where it was not here. */
  remove(id: string): boolean {
    const place = this.#places.get(id)
    place?.loan?.cancel()
    if (place !== undefined) place.loan = undefined
    return this.#places.delete(id)
  }

  /** As `lend`, for good. */
  async next(waitMs: number, loanMs: number, signal: AbortSignal): Promise<T | undefined> {
    return (await this.lend(waitMs, loanMs, signal))?.item
  }

  /** The first that is not lent, lent for so long; undefined when there is none in time, `signal` aborts, or this closes. */
  async lend(waitMs: number, loanMs: number, signal: AbortSignal): Promise<Loan<T> | undefined> {
    const endMs = this.#clock.nowMs() + waitMs
    for (;;) {
      const place = signal.aborted ? undefined : this.#free()
      if (place !== undefined) {
        const loan = this.#clock.timer(loanMs, () => this.#returned(place))
        place.loan = loan
        const isOver = (): boolean => place.loan !== loan
        return {
          item: place.item,
          get isOver() {
            return isOver()
          },
          giveBack: () => {
            if (isOver()) return
            loan.cancel()
            this.#returned(place)
          },
        }
      }
      const leftMs = endMs - this.#clock.nowMs()
      if (leftMs <= 0 || signal.aborted || this.#isClosed) return undefined
      await this.#change(leftMs, signal)
    }
  }

  /** All that is here, which is here no more. */
  drain(): readonly T[] {
    const items = Array.from(this.#places.values(), ({ item }) => item)
    for (const { id } of items) this.remove(id)
    return items
  }

  /** Who asks gets nothing more. */
  close(): void {
    this.#isClosed = true
    for (const { loan } of this.#places.values()) loan?.cancel()
    this.#places.clear()
    this.#wake()
  }

  #returned(place: Place<T>): void {
    place.loan = undefined
    this.#wake()
  }

  #free(): Place<T> | undefined {
    for (const place of this.#places.values()) if (place.loan === undefined) return place
    return undefined
  }

  #wake(): void {
    for (const wake of [...this.#asking]) wake()
  }

  #change(leftMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', done)
        this.#asking.delete(done)
        resolve()
      }
      const timer = this.#clock.timer(leftMs, done)
      signal.addEventListener('abort', done)
      this.#asking.add(done)
    })
  }
}
