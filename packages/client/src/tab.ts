/**
 * A tab: it sleeps, and nothing in it runs then; it wakes, is thrown away, or comes back from where the browser kept it. Tells the client, and keeps
 * the clock honest. Decides nothing about connections.
 */
import type { Clock, Ports, Timer } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'

/** A timer that fires so much too late does it because nothing ran. */
const FROZEN_MS = 1000

/** Time for what arrived meanwhile to be read: timers come before it. */
const READ_MS = 250

/** Never says that time is up before what arrived in time was read. */
export function honest({ nowMs, wallMs, timer }: Clock): Clock {
  return {
    nowMs,
    wallMs,
    timer(delayMs, fire): Timer {
      const dueMs = nowMs() + delayMs
      let current = timer(delayMs, () => {
        if (nowMs() - dueMs < FROZEN_MS) return fire()
        current = timer(READ_MS, fire)
      })
      return { cancel: () => current.cancel() }
    },
  }
}

export const pagePorts: Ports = { ...systemPorts, clock: honest(systemPorts.clock) }

interface Sleeper {
  readonly closed: Promise<unknown>
  wake(): void
  close(options: { readonly drainMs: number }): Promise<void>
}

/** Wakes the client with its tab, and says goodbye for it when the page is thrown away; until it is closed. Also for workers, which have no document. */
export function wakes(client: Sleeper): void {
  const { document } = globalThis as { readonly document?: Document }
  const ending = new AbortController()
  const { signal } = ending
  const wake = (): void => client.wake()
  // The same event says that the tab is no longer seen. One that nobody sees is woken like any other.
  const seen = (): void => {
    if (document?.visibilityState !== 'hidden') client.wake()
  }
  document?.addEventListener('visibilitychange', seen, { signal })
  document?.addEventListener('resume', wake, { signal })
  for (const event of ['online', 'pageshow']) globalThis.addEventListener(event, wake, { signal })
  globalThis.addEventListener(
    'pagehide',
    (event) => {
      // One that is kept may come back, and then goes on with its session, or with a new one.
      if (!event.persisted) void client.close({ drainMs: 0 })
    },
    { signal },
  )
  void client.closed.then(() => ending.abort())
}
