/**
 * Who asks: the principal of the token that a request shows, and requests that are still open, which end when that token is revoked. A token stands in the
 * header and nowhere else.
 */
import { WaybillError } from '@waybill/core'
import { tokenIn, type Principal } from '../access.js'
import type { Known } from '../admission.js'

interface Open {
  readonly known: Known
  readonly controller: AbortController
}

/** Something that stays open for somebody. */
export interface Opened {
  /** Aborted, with the reason, when that one is shut out, or the router closes. */
  readonly signal: AbortSignal
  close(): void
}

export class Who {
  readonly #identify: (token: string | undefined) => Promise<Known>
  readonly #open = new Set<Open>()

  constructor(identify: (token: string | undefined) => Promise<Known>) {
    this.#identify = identify
  }

  /** Throws `Unauthorized`. */
  of({ headers }: Request): Promise<Known> {
    return this.#identify(tokenIn(headers.get('authorization')))
  }

  /** For what an id alone is good for: undefined where nobody says who he is, and the router asks. Throws `Unauthorized` for a wrong token. */
  async ofAnybody({ headers }: Request): Promise<Known | undefined> {
    const token = tokenIn(headers.get('authorization'))
    if (token !== undefined) return this.#identify(token)
    try {
      return await this.#identify(undefined)
    } catch {
      return undefined
    }
  }

  /** A request that may stay open: `signal` is aborted when its client is `gone`, is shut out, or the router closes; of the last two it rejects with why. */
  async during<T>(known: Known, gone: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const opened = this.opened(known)
    try {
      const done = await work(AbortSignal.any([gone, opened.signal]))
      opened.signal.throwIfAborted()
      return done
    } finally {
      opened.close()
    }
  }

  opened(known: Known): Opened {
    const open: Open = { known, controller: new AbortController() }
    this.#open.add(open)
    return { signal: open.controller.signal, close: () => void this.#open.delete(open) }
  }

  /** All of the principal, or those with the token of this digest. */
  revoke(principal: Principal, digest: string | undefined): void {
    const why = new WaybillError('Unauthorized', 'your token is not good any more', { executed: 'maybe' })
    for (const { known, controller } of this.#open)
      if (known.principal === principal && (digest === undefined || known.digest === digest)) controller.abort(why)
  }

  stop(): void {
    const why = new WaybillError('RouterLost', 'the router is closing', { executed: 'maybe' })
    for (const { controller } of this.#open) controller.abort(why)
  }
}
