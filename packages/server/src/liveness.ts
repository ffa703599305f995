/**
 * Heartbeats: a client that is silent for `heartbeatMs` is asked, and one that stays silent for `heartbeatGraceMs` more loses its link. One
 * timer for all clients. A client that the router itself does not read from cannot be judged.
 */
import { FrameType, type Clock, type Timer } from '@waybill/core'
import type { Limits } from './limits.js'
import { CloseCode, type Sessions } from './sessions.js'

export class Liveness {
  #timer: Timer | undefined
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #sessions: Sessions

  constructor(clock: Clock, limits: Limits, sessions: Sessions) {
    this.#clock = clock
    this.#limits = limits
    this.#sessions = sessions
    this.#timer = clock.timer(this.#everyMs, this.#look)
  }

  get #everyMs(): number {
    return Math.max(10, Math.min(this.#limits.heartbeatMs, this.#limits.heartbeatGraceMs) / 5)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #look = (): void => {
    this.#timer = this.#clock.timer(this.#everyMs, this.#look)
    const now = this.#clock.nowMs()
    for (const session of this.#sessions.all()) {
      const { channel } = session
      const { link } = channel
      if (link === undefined) continue
      if (channel.isPaused) channel.heardMs = now
      const silentMs = now - channel.heardMs
      if (silentMs >= this.#limits.heartbeatMs + this.#limits.heartbeatGraceMs) {
        link.end(CloseCode.silent, 'no sign of life')
        link.terminate()
        this.#sessions.detach(session, link)
      } else if (silentMs >= this.#limits.heartbeatMs && !channel.pinged) {
        channel.pinged = true
        channel.beat(FrameType.ping)
      }
    }
  }
}
