/**
 * How much is kept of stored calls, and who goes where there is no room for more. Owns the sum of what receipts are counted with, and of the bodies that are
 * still coming.
 */
import { WaybillError } from '@waybill/core'
import type { BodySpool } from './bodies.js'
import type { Limits } from './limits.js'
import type { Receipt } from './model.js'
import type { Store } from './store.js'

export class Room {
  readonly #limits: Limits
  readonly #store: Store
  readonly #forget: (receipt: Receipt) => void
  /** Of all calls and outcomes, some of which go on for a while: what is not bodies counts too. */
  #bytes = 0
  #spoolingBytes = 0

  /** `forget` is told of each receipt that makes room, and says `left`. */
  constructor(parts: { limits: Limits; store: Store; forget: (receipt: Receipt) => void }) {
    this.#limits = parts.limits
    this.#store = parts.store
    this.#forget = parts.forget
  }

  get bytes(): number {
    return this.#bytes
  }

  get isLasting(): boolean {
    return this.#store.journal.durability !== 'memory'
  }

  grow(receipt: Receipt, bytes: number): void {
    receipt.bytes += bytes
    this.#bytes += bytes
  }

  /** Less is kept of it. What an earlier start counted is not counted here. */
  shrink(receipt: Receipt, bytes: number): void {
    this.grow(receipt, -Math.min(bytes, receipt.bytes))
  }

  left(receipt: Receipt): void {
    this.#bytes -= receipt.bytes
  }

  /** In memory the oldest that have ended make room; on a disk only their time does. What has not ended is never dropped. */
  has(bytes: number): boolean {
    if (this.isLasting) return this.#store.journal.hasRoom(bytes)
    while (this.#bytes + this.#spoolingBytes + bytes > this.#limits.maxReceiptBytes) {
      const oldest = this.#store.oldestEnded
      if (oldest === undefined) return false
      this.#forget(oldest)
    }
    return true
  }

  /** For one more receipt. Throws `Overloaded` where there is none, and why nothing can be stored any more. */
  makeForOne(bytes: number): void {
    const { failure } = this.#store.journal
    if (failure !== undefined) throw failure
    while (this.#store.size + this.#store.used.size >= this.#limits.maxReceipts) {
      if (this.#store.used.removeOldest()) continue
      const oldest = this.#store.oldestEnded
      if (oldest === undefined) throw this.#full()
      this.#forget(oldest)
    }
    this.assert(bytes)
  }

  /** Throws `Overloaded` where so much more cannot be kept. */
  assert(bytes: number): void {
    if (!this.has(bytes)) throw this.#full()
  }

  /** A body that is counted as it comes; once it has ended, with the receipt that it is given to. */
  spool(): BodySpool {
    const spool = this.#store.spool()
    let counted = 0
    const over = (): void => {
      this.#spoolingBytes -= counted
      counted = 0
    }
    return {
      get bytes() {
        return spool.bytes
      },
      write: async (bytes) => {
        try {
          this.assert(bytes.byteLength)
          counted += bytes.byteLength
          this.#spoolingBytes += bytes.byteLength
          await spool.write(bytes)
        } catch (thrown) {
          over()
          await spool.abort()
          throw thrown
        }
      },
      end: () => {
        const place = spool.end()
        over()
        return place
      },
      abort: () => {
        over()
        return spool.abort()
      },
    }
  }

  #full(): WaybillError {
    return new WaybillError('Overloaded', `the router has no room for another stored call; ${this.#store.pending} have not ended`, {
      details: { retryAfterMs: 1000 },
    })
  }
}
