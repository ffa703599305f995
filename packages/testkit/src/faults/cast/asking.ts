/** Requests to a router that may be gone: an answer, or none. */
import { systemPorts } from '@waybill/core/system'

export interface Asked {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const MOST_MS = 10_000

/** Undefined where nobody answered, or not to the end. */
export async function ask(url: string, init: RequestInit = {}): Promise<Asked | undefined> {
  const patience = new AbortController()
  const timer = systemPorts.clock.timer(MOST_MS, () => patience.abort())
  try {
    const answer = await fetch(url, { ...init, signal: patience.signal })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  } catch {
    return undefined
  } finally {
    timer.cancel()
  }
}
