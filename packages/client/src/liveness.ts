/**
 * The client's share of heartbeats: asks a router that is silent for `heartbeatMs`, and gives the link up when it stays silent for
 * `heartbeatGraceMs` more. Owns its one timer.
 */
import type { Clock, SessionLimits, Timer } from '@waybill/core'

export interface LivenessEvents {
  ask(): void
  giveUp(): void
}

export class Liveness {
  /** When the last packet arrived. */
  heardMs: number
  readonly #clock: Clock
  readonly #limits: SessionLimits
  readonly #events: LivenessEvents
  #asked = false
  #timer: Timer

  constructor(clock: Clock, limits: SessionLimits, events: LivenessEvents) {
    this.#clock = clock
    this.#limits = limits
    this.#events = events
    this.heardMs = clock.nowMs()
    this.#timer = clock.timer(this.#everyMs, this.#look)
  }

  heard(): void {
    this.heardMs = this.#clock.nowMs()
    this.#asked = false
  }

  stop(): void {
    this.#timer.cancel()
  }

  /** Whatever was heard was long ago: the router is asked now, and the link is given up when it stays silent. */
  doubt(): void {
    this.heardMs = Math.min(this.heardMs, this.#clock.nowMs() - this.#limits.heartbeatMs)
    this.#asked = true
    this.#events.ask()
  }

  get #everyMs(): number {
    return Math.max(10, Math.min(this.#limits.heartbeatMs, this.#limits.heartbeatGraceMs) / 5)
  }

  readonly #look = (): void => {
    const { heartbeatMs, heartbeatGraceMs } = this.#limits
    const silentMs = this.#clock.nowMs() - this.heardMs
    if (silentMs >= heartbeatMs + heartbeatGraceMs) return this.#events.giveUp()
    this.#timer = this.#clock.timer(this.#everyMs, this.#look)
    if (silentMs < heartbeatMs || this.#asked) return
    this.#asked = true
    this.#events.ask()
  }
}
