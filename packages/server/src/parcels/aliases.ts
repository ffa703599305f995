/**
 * What receivers call their parcels themselves: each name of one is good among those of its principal. Also for a while once the parcel has its answer, so that
 * who answers a second time is told that, and not that nobody knows it.
 */
import { FifoSet } from '@waybill/core'
import type { Principal } from '../access.js'

/** Of parcels that are answered, the latest. */
const MAX_ANSWERED = 1024

export class Aliases {
  readonly #ids = new Map<string, string>()
  readonly #keys = new Map<string, string>()
  readonly #over = new FifoSet<string>()

  /** The newest parcel of a name has it. */
  set(principal: Principal, alias: string, id: string): void {
    this.#remove(id)
    const key = JSON.stringify([principal, alias])
    const before = this.#ids.get(key)
    if (before !== undefined) this.#remove(before)
    this.#ids.set(key, id)
    this.#keys.set(id, key)
  }

  /** The id of the parcel's postback. */
  find(principal: Principal, alias: string): string | undefined {
    return this.#ids.get(JSON.stringify([principal, alias]))
  }

  /** The parcel is answered, or its receiver has it no more. */
  over(id: string): void {
    if (!this.#keys.has(id)) return
    this.#over.add(id)
    if (this.#over.size <= MAX_ANSWERED) return
    this.#remove(this.#over.oldest!)
  }

  #remove(id: string): void {
    const key = this.#keys.get(id)
    if (key === undefined) return
    this.#keys.delete(id)
    this.#ids.delete(key)
    this.#over.delete(id)
  }
}

const MAX_CHARACTERS = 256

/** What a receiver calls a parcel itself, where it says so: `{ "receipt_id": … }`. Whatever else it says is its own. */
export function aliasIn(said: Uint8Array): string | undefined {
  try {
    const { receipt_id: alias } = JSON.parse(new TextDecoder().decode(said)) as { receipt_id?: unknown }
    return typeof alias === 'string' && alias.length > 0 && alias.length <= MAX_CHARACTERS ? alias : undefined
  } catch {
    return undefined
  }
}
