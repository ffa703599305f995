/**
 * Calls of one service with one order key, one after the other: who has the turn, who waits for it. Owns the turns; where a call goes when it has
 * its turn is not decided here.
 */
import { FifoSet } from '@waybill/core'
import type { CallRecord } from './model.js'

interface Turns {
  has: CallRecord
  readonly waiting: FifoSet<CallRecord>
}

export class Orders {
  readonly #turns = new Map<string, Turns>()

  /** True when the call has its turn now; else it waits, and `leave` of another one gives it back. */
  enter(call: CallRecord): boolean {
    const key = keyOf(call)
    const turns = this.#turns.get(key)
    if (turns === undefined) {
      this.#turns.set(key, { has: call, waiting: new FifoSet() })
      return true
    }
    turns.waiting.add(call)
    return false
  }

  /** Who has the turn that the call waits for. */
  ahead(call: CallRecord): CallRecord | undefined {
    return this.#turns.get(keyOf(call))?.has
  }

  /** The call has ended. Returns the one that has its turn now. */
  leave(call: CallRecord): CallRecord | undefined {
    const key = keyOf(call)
    const turns = this.#turns.get(key)
    if (turns === undefined) return undefined
    if (turns.has !== call) {
      turns.waiting.delete(call)
      return undefined
    }
    const next = turns.waiting.oldest
    if (next === undefined) {
      this.#turns.delete(key)
      return undefined
    }
    turns.waiting.delete(next)
    turns.has = next
    return next
  }

  get size(): number {
    return this.#turns.size
  }
}

function keyOf(call: CallRecord): string {
  return `${call.route.address.service} ${call.terms!.orderKey!}`
}
