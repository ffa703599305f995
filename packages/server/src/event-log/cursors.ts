/** How far the readers of named cursors have read, for each principal. Pure; `EventLog` writes down what is said here. */
import type { Principal } from '../access.js'

export interface Cursor {
  readonly principal: Principal
  readonly name: string
  /** All events up to this id are taken. */
  id: number
  /** When that was last said, by the wall clock. */
  ms: number
}

export class Cursors {
  readonly #cursors = new Map<string, Cursor>()

  get size(): number {
    return this.#cursors.size
  }

  all(): Iterable<Cursor> {
    return this.#cursors.values()
  }

  find(principal: Principal, name: string): Cursor | undefined {
    return this.#cursors.get(keyOf(principal, name))
  }

  put(principal: Principal, name: string, id: number, ms: number): void {
    const cursor = this.find(principal, name)
    if (cursor === undefined) this.#cursors.set(keyOf(principal, name), { principal, name, id, ms })
    else Object.assign(cursor, { id, ms })
  }

  remove(principal: Principal, name: string): void {
    this.#cursors.delete(keyOf(principal, name))
  }
}

function keyOf(principal: Principal, name: string): string {
  return `${name} ${principal}`
}
