/** Who waits for what to be safe, in the order of asking. */
import type { WaybillError } from '@waybill/core'

interface Waiting {
  /** The last group that it waits for. */
  readonly group: number
  readonly safe: () => void
  readonly failed: ((error: WaybillError) => void) | undefined
}

export class SafeQueue {
  #waiting: Waiting[] = []
  /** Those before it were called. */
  #at = 0
  #reached = 0

  /** At once where nothing stands before it. */
  add(group: number, safe: () => void, failed: ((error: WaybillError) => void) | undefined, failure: WaybillError | undefined): void {
    if (group > this.#reached && failure !== undefined) failed?.(failure)
    else if (group <= this.#reached && this.#at === this.#waiting.length) safe()
    else this.#waiting.push({ group, safe, failed })
  }

  /** Everything up to this group is safe. Whoever asks from inside such a call waits for those who asked before. */
  reached(group: number): void {
    this.#reached = group
    while (this.#at < this.#waiting.length && this.#waiting[this.#at]!.group <= group) this.#waiting[this.#at++]!.safe()
    if (this.#at === this.#waiting.length) {
      this.#waiting = []
      this.#at = 0
    } else if (this.#at > this.#waiting.length / 2) {
      this.#waiting = this.#waiting.slice(this.#at)
      this.#at = 0
    }
  }

  fail(error: WaybillError): void {
    const waiting = this.#waiting.slice(this.#at)
    this.#waiting = []
    this.#at = 0
    for (const { failed } of waiting) failed?.(error)
  }
}
