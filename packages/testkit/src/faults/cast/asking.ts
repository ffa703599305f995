/** Requests to a router that may be gone: an answer, or none. */
export interface Asked {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const MOST_MS = 10_000

/** Undefined where nobody answered, or not to the end. */
export async function ask(url: string, init: RequestInit = {}): Promise<Asked | undefined> {
  try {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(MOST_MS) })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  } catch {
    return undefined
  }
}
