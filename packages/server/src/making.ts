/**
 * Stored calls that no session makes: dead letters that are tried again, and what comes in by a door without one. Owns their serial numbers, and who
 * stands for their callers.
 */
import { callNumber, mintIncarnation, serialNumber, type Clock, type Random } from '@waybill/core'
import type { Delivery } from './delivery.js'
import type { Endings } from './endings.js'
import type { Receipt, Session, StoredTerms } from './model.js'
import type { Receipts } from './receipts.js'
import { remade } from './remade.js'
import type { Routes } from './routes.js'
import type { Sessions } from './sessions.js'

export interface MakingParts {
  readonly clock: Clock
  readonly random: Random
  readonly delivery: Delivery
  readonly endings: Endings
  readonly receipts: Receipts
  readonly sessions: Sessions
  readonly routes: Routes
}

export interface Made {
  /** The frames of the call, given its serial number and its number. */
  readonly frames: (sn: string, number: number) => readonly Uint8Array[]
  /** What is kept of it beside its frames, in bytes; and what is done with its receipt before it goes anywhere. */
  readonly keptBytes?: number
  readonly before?: (receipt: Receipt) => void
}

export class Making {
  readonly #parts: MakingParts
  /** By principal and name, as long as they have calls. */
  readonly #callers = new Map<string, Session>()
  #incarnation: string | undefined
  #made = 0

  constructor(parts: MakingParts) {
    this.#parts = parts
  }

  /** The call is on its way, and promised to nobody before the journal is safe. Throws `Overloaded`, `Damaged` or `BadAddress`; then there is none. */
  begin(unnumbered: Omit<StoredTerms, 'sn'>, { frames, keptBytes = 0, before }: Made): Receipt {
    const { clock, receipts, routes, endings, delivery } = this.#parts
    const counter = ++this.#made
    const number = callNumber(counter)
    this.#incarnation ??= mintIncarnation(clock, this.#parts.random)
    const terms = { ...unnumbered, sn: serialNumber(this.#incarnation, counter) }
    const caller = this.#callerOf(terms)
    try {
      const call = remade(terms, caller, number, { routes, endings, aheadMs: clock.nowMs() - clock.wallMs() })
      receipts.assertRoom(keptBytes)
      const receipt = receipts.store(call, terms, frames(terms.sn, number))
      receipt.frames = undefined
      caller.calls.add(number, call)
      before?.(receipt)
      endings.wheel.add(call, call.waitUntilMs)
      delivery.accept(call)
      return receipt
    } catch (thrown) {
      if (caller.calls.size === 0) endings.gone(caller)
      throw thrown
    }
  }

  #callerOf({ principal, client }: StoredTerms): Session {
    const key = `${client} ${principal}`
    const known = this.#callers.get(key)
    if (known !== undefined && known.calls.size > 0) return known
    // One whose calls have ended is released, and stands for nobody any more.
    for (const [other, { calls }] of this.#callers) if (calls.size === 0) this.#callers.delete(other)
    const caller = this.#parts.sessions.departed(client, principal, this.#incarnation!)
    this.#callers.set(key, caller)
    return caller
  }
}
