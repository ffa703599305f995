/** When the router is told what arrived, where nothing else goes to it: within a moment. Owns its one timer. */
import type { Clock, Timer } from '@waybill/core'

export class Acknowledging {
  readonly #clock: Clock
  readonly #afterMs: number
  readonly #tell: () => void
  #timer: Timer | undefined

  constructor(clock: Clock, afterMs: number, tell: () => void) {
    this.#clock = clock
    this.#afterMs = afterMs
    this.#tell = tell
  }

  /** So many bytes wait to be acknowledged; the router goes on at once where a quarter of the window does. */
  due(bytes: number, windowBytes: number): void {
    if (bytes >= windowBytes / 4) this.#now()
    else if (bytes > 0) this.#timer ??= this.#clock.timer(this.#afterMs, this.#now)
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #now = (): void => {
    this.cancel()
    this.#tell()
  }
}
