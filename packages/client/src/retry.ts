/** When the router is looked for again: ever later, until a link has lasted. Owns its one timer. */
import type { Ports, Timer } from '@waybill/core'
import { atFirst, delayOf, type Backoff } from './backoff.js'

export class Retry {
  readonly #ports: Pick<Ports, 'clock' | 'random'>
  readonly #backoff: Backoff
  #failures = 0
  #reachedMs = 0
  #timer: Timer | undefined

  constructor(ports: Pick<Ports, 'clock' | 'random'>, backoff: Backoff) {
    this.#ports = ports
    this.#backoff = backoff
  }

  /** `isFirst`: it has never been reached yet. */
  later(isFirst: boolean, knock: () => void): void {
    const bounds = isFirst ? atFirst(this.#backoff) : this.#backoff
    this.#timer = this.#ports.clock.timer(delayOf(this.#failures++, bounds, this.#ports.random), knock)
  }

  reached(): void {
    this.#reachedMs = this.#ports.clock.nowMs()
  }

  /** A router that welcomes and then drops us is not hammered: only a link that lasted starts anew. */
  left(): void {
    if (this.#ports.clock.nowMs() - this.#reachedMs >= this.#backoff.mostMs) this.#failures = 0
  }

  /** Whatever failed so far says nothing, and neither does the attempt that is under way, if any. */
  forget(isTrying: boolean): void {
    this.#failures = isTrying ? -1 : 0
  }

  cancel(): void {
    this.#timer?.cancel()
  }
}
