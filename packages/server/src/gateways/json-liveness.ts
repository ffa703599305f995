/** Whether the client of a JSON door is still there: asked when it has been silent, ended when it stays so. */
import type { Clock, Timer } from '@waybill/core'

export interface Heartbeat {
  readonly heartbeatMs: number
  readonly heartbeatGraceMs: number
}

export class JsonLiveness {
  readonly #clock: Clock
  readonly #ask: () => void
  readonly #end: () => void
  readonly #isExcused: () => boolean
  #heardMs = 0
  #isAsked = false
  #timer: Timer | undefined

  /** `isExcused`: it cannot be judged at the moment. */
  constructor(clock: Clock, does: { readonly ask: () => void; readonly end: () => void; readonly isExcused: () => boolean }) {
    this.#clock = clock
    this.#ask = does.ask
    this.#end = does.end
    this.#isExcused = does.isExcused
  }

  start({ heartbeatMs, heartbeatGraceMs }: Heartbeat): void {
    const mostMs = heartbeatMs + heartbeatGraceMs
    const look = (): void => {
      if (this.#isExcused()) this.heard()
      const silentMs = this.#clock.nowMs() - this.#heardMs
      if (silentMs >= mostMs) return this.#end()
      if (silentMs >= heartbeatMs && !this.#isAsked) {
        this.#isAsked = true
        this.#ask()
      }
      this.#timer = this.#clock.timer(Math.max(1, (silentMs >= heartbeatMs ? mostMs : heartbeatMs) - silentMs), look)
    }
    this.heard()
    this.#timer = this.#clock.timer(heartbeatMs, look)
  }

  heard(): void {
    this.#heardMs = this.#clock.nowMs()
    this.#isAsked = false
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
