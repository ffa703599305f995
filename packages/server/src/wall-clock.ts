/**
 * The wall clock of one start of the router, for what it writes down and reads again at a later one: read once, never before what an earlier start has
 * written, and carried on by the monotonic clock. So a clock that is put back gives no call more time than it had, and one that is put while the router
 * runs changes nothing.
 */
import type { Clock } from '@waybill/core'

/** `latestMs`: the last time that was written. */
export function steadyClock(clock: Clock, latestMs: number): Clock {
  const aheadMs = Math.max(clock.wallMs(), latestMs) - clock.nowMs()
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => Math.floor(aheadMs + clock.nowMs()),
    timer: (delayMs, fire) => clock.timer(delayMs, fire),
  }
}
