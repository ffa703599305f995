/** Time that all processes of a machine share: the logs of those that were killed and of those that go on are put in one order by it. */
import { systemPorts } from '@waybill/core/system'
import process from 'node:process'

/** Monotonic milliseconds since the machine started. */
export function nowMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}

/** Resolves after so long, or as soon as `signal` aborts. */
export function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      signal?.removeEventListener('abort', over)
      timer.cancel()
      resolve()
    }
    const timer = systemPorts.clock.timer(delayMs, over)
    if (signal?.aborted === true) over()
    else signal?.addEventListener('abort', over, { once: true })
  })
}

/** Whether it came true in the given time. */
export async function within(mostMs: number, isTrue: () => boolean | Promise<boolean>, everyMs = 20): Promise<boolean> {
  const untilMs = nowMs() + mostMs
  while (!(await isTrue())) {
    if (nowMs() > untilMs) return false
    await pause(everyMs)
  }
  return true
}
