/** What receivers call their parcels themselves: each name of one is good among those of its principal, until the parcel has its answer. */
import type { Principal } from '../access.js'

export class Aliases {
  readonly #ids = new Map<string, string>()
  readonly #keys = new Map<string, string>()

  /** The newest parcel of a name has it. */
  set(principal: Principal, alias: string, id: string): void {
    this.remove(id)
    const key = keyOf(principal, alias)
    const before = this.#ids.get(key)
    if (before !== undefined) this.#keys.delete(before)
    this.#ids.set(key, id)
    this.#keys.set(id, key)
  }

  /** The id of the parcel's postback. */
  find(principal: Principal, alias: string): string | undefined {
    return this.#ids.get(keyOf(principal, alias))
  }

  remove(id: string): void {
    const key = this.#keys.get(id)
    if (key === undefined) return
    this.#keys.delete(id)
    this.#ids.delete(key)
  }
}

function keyOf(principal: Principal, alias: string): string {
  return `${alias} ${principal}`
}
