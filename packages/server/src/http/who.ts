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

export class Who {
  readonly #identify: (token: string | undefined) => Promise<Known>
  readonly #open = new Set<Open>()

  constructor(identify: (token: string | undefined) => Promise<Known>) {
    this.#identify = identify
  }

  /** Throws `Unauthorized`. */
  of({ headers }: Request): Promise<Known> {
    return this.#identify(tokenIn(headers))
  }

  /** For what an id alone is good for: undefined where nobody says who he is, and the router asks. Throws `Unauthorized` for a wrong token. */
  async ofAnybody({ headers }: Request): Promise<Known | undefined> {
    const token = tokenIn(headers)
    if (token !== undefined) return this.#identify(token)
    try {
      return await this.#identify(undefined)
    } catch {
      return undefined
    }
  }

  /** A request that may stay open: aborted when its client goes, is shut out, or the router closes; of the last two it rejects with why. */
  async during<T>(known: Known, request: Request, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const open: Open = { known, controller: new AbortController() }
    this.#open.add(open)
    try {
      const done = await work(AbortSignal.any([request.signal, open.controller.signal]))
      open.controller.signal.throwIfAborted()
      return done
    } finally {
      this.#open.delete(open)
    }
  }

  /** All of the principal, or those with the token of this digest. */
  revoke(principal: Principal, digest: string | undefined): void {
    for (const { known, controller } of this.#open)
      if (known.principal === principal && (digest === undefined || known.digest === digest)) controller.abort(shutOut())
  }

  stop(): void {
    for (const { controller } of this.#open) controller.abort(new WaybillError('Closed', 'the router is closing', { executed: 'no' }))
  }
}

function shutOut(): WaybillError {
  return new WaybillError('Unauthorized', 'your token is not good any more', { executed: 'no' })
}
