/**
 * Cancels cost their callee as much as calls and free their caller at once, so whoever sends very many of them is slowed down: a bucket for each
 * session, and a session that has emptied its bucket gets no credit until it has filled again. Nothing that was sent is lost.
 */
import type { Clock, Timer } from '@waybill/core'
import type { Channel } from './channel.js'
import type { Limits } from './limits.js'

interface Bucket {
  /** Cancels that may come now; below 0 it must fill first. */
  left: number
  filledMs: number
  timer: Timer | undefined
}

export class Throttle {
  readonly #buckets = new WeakMap<Channel, Bucket>()
  readonly #waiting = new Set<Bucket>()
  readonly #clock: Clock
  readonly #limits: Limits

  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock
    this.#limits = limits
  }

  cancelled(channel: Channel): void {
    const most = this.#limits.maxCancelsPerSecond
    const now = this.#clock.nowMs()
    let bucket = this.#buckets.get(channel)
    if (bucket === undefined) this.#buckets.set(channel, (bucket = { left: most, filledMs: now, timer: undefined }))
    bucket.left = Math.min(most, bucket.left + ((now - bucket.filledMs) * most) / 1000) - 1
    bucket.filledMs = now
    if (bucket.left < 0 && bucket.timer === undefined) this.#slow(channel, bucket)
  }

  stop(): void {
    for (const bucket of this.#waiting) bucket.timer?.cancel()
    this.#waiting.clear()
  }

  #slow(channel: Channel, bucket: Bucket): void {
    channel.hold()
    this.#waiting.add(bucket)
    const wait = (): void => {
      const now = this.#clock.nowMs()
      const missing = -bucket.left - ((now - bucket.filledMs) * this.#limits.maxCancelsPerSecond) / 1000
      if (missing > 0) {
        bucket.timer = this.#clock.timer((missing * 1000) / this.#limits.maxCancelsPerSecond, wait)
        return
      }
      bucket.timer = undefined
      this.#waiting.delete(bucket)
      channel.letGo()
    }
    wait()
  }
}
