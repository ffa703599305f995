/**
 * What waits to be written to the router, in two lanes that take turns: items of streams, and everything else. Items may have to wait where others
 * need not. Owns the order; when there is credit is its owner's.
 */
import { Queue } from '@waybill/core'

/** Something that waits for credit and writes one frame at a time. */
export interface Sendable {
  /** Writes its next frame; true when more remains. */
  writeNext(nowMs: number): boolean
}

export class Lanes {
  readonly #others = new Queue<Sendable>()
  readonly #items = new Queue<Sendable>()
  #isItemsTurn = false

  get size(): number {
    return this.#others.size + this.#items.size
  }

  /** Only items wait, if anything does. */
  get isIdle(): boolean {
    return this.#others.size === 0
  }

  /** The end of its lane is its place after each frame. */
  push(sendable: Sendable, isItem: boolean): void {
    const lane = isItem ? this.#items : this.#others
    lane.push(sendable)
  }

  /** One frame of whoever is next; false where nobody is, or may. */
  writeNext(nowMs: number, mayBeItem: boolean): boolean {
    const isItem = mayBeItem && this.#items.size > 0 && (this.#isItemsTurn || this.isIdle)
    const sendable = isItem ? this.#items.shift() : this.#others.shift()
    if (sendable === undefined) return false
    if (sendable.writeNext(nowMs)) this.push(sendable, isItem)
    this.#isItemsTurn = !isItem
    return true
  }

  clear(): void {
    this.#others.clear()
    this.#items.clear()
  }
}
