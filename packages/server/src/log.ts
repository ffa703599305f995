/**
 * What the router tells its operator: the events, each with its fields, and how often. Never what a call carries, and no token; names have a closed
 * set of characters, and whoever writes the lines escapes the rest. Knows no sink: that is brought along.
 */

/** What pino, and most others, are. */
export interface Log {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

interface Client {
  readonly name: string
  readonly id: string
  readonly principal: string
}

interface Offered {
  readonly offer: { readonly service: string; readonly version: string }
  readonly session: { readonly name: string }
}

/** What strangers and clients can cause as often as they like is told so often in a while; the rest is counted and told afterwards. */
const WHILE_MS = 10_000
const MOST_IN_A_WHILE = 20

export class RouterLog {
  readonly #log: Log | undefined
  readonly #nowMs: () => number
  /** By kind and code, both of closed sets. */
  readonly #often = new Map<string, { sinceMs: number; told: number; untold: number }>()

  constructor(log: Log | undefined, nowMs: () => number) {
    this.#log = log
    this.#nowMs = nowMs
  }

  listening(url: string): void {
    this.#tell('info', { url }, 'listening')
  }

  closing(sessions: number): void {
    this.#tell('info', { sessions }, 'closing')
  }

  /** What a start found of earlier ones. */
  recovered(report: object): void {
    this.#tell('info', report, 'store opened')
  }

  /** Something went wrong with the store; where it is its writing, nothing is stored any more. */
  storeFailed(thrown: string): void {
    this.#tell('error', { thrown }, 'store failed')
  }

  joined({ name, id, principal }: Client): void {
    this.#tell('info', { client: name, id, principal }, 'client joined')
  }

  /** `why` completes “kennel …”. */
  left({ name, id, principal }: Client, why: string): void {
    this.#tell('info', { client: name, id, principal, why }, 'client left')
  }

  offer(change: 'joined' | 'left', { offer: { service, version }, session }: Offered): void {
    this.#tell('debug', { service, version, client: session.name }, change === 'joined' ? 'service offered' : 'service withdrawn')
  }

  /** A link that did not become a session. */
  refused(code: string, remote: string | undefined): void {
    this.#sometimes(code, { code, ...(remote !== undefined && { remote }) }, 'opening refused')
  }

  /** A call that was refused because there is too much of something. */
  reached(code: string, client: string, service: string | undefined): void {
    this.#sometimes(code, { code, client, ...(service !== undefined && { service }) }, 'limit reached')
  }

  incident(incident: string, where: string, thrown: string): void {
    this.#tell('error', { incident, where, thrown }, 'incident')
  }

  #sometimes(code: string, fields: object, text: string): void {
    if (this.#log === undefined) return
    const nowMs = this.#nowMs()
    const key = `${text} ${code}`
    let often = this.#often.get(key)
    if (often === undefined || nowMs - often.sinceMs >= WHILE_MS) {
      if (often !== undefined && often.untold > 0) this.#tell('warn', { code, times: often.untold }, `${text}, more often`)
      often = { sinceMs: nowMs, told: 0, untold: 0 }
      this.#often.set(key, often)
    }
    if (often.told >= MOST_IN_A_WHILE) return void often.untold++
    often.told++
    this.#tell('warn', fields, text)
  }

  #tell(level: keyof Log, fields: object, text: string): void {
    try {
      this.#log?.[level](fields, text)
    } catch {
      // A broken log must not bring the router down.
    }
  }
}
