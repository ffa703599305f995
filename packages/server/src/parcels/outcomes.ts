/** What became of stored calls, for their principal and without a session: how far one is, its end when it comes, its result as bytes. */
import type { Clock, ReceiptInfo } from '@waybill/core'
import type { Principal } from '../access.js'
import { receiptInfo } from '../api/receipts-api.js'
import type { Calls } from '../calls.js'
import type { Receipt } from '../model.js'
import type { Receipts } from '../receipts.js'
import { noSuchReceipt } from '../refusals.js'
import type { Store } from '../store.js'
import { whenEnded } from '../telling.js'
import { largeAnswer } from './large.js'
import { outcomeOf, type Outcome } from './outcome.js'

export interface OutcomesParts {
  readonly clock: Clock
  readonly calls: Calls
  readonly receipts: Receipts
  readonly store: Store
  /** Resolves when all that was done so far outlives the router. */
  readonly safe: () => Promise<void>
}

export class Outcomes {
  readonly #parts: OutcomesParts

  constructor(parts: OutcomesParts) {
    this.#parts = parts
  }

  /** Rejects with `NoSuchReceipt`, also for somebody else's. `waitMs`: how long its end may be waited for. */
  async receipt(principal: Principal, sn: string, waitMs: number, signal: AbortSignal): Promise<ReceiptInfo> {
    const receipt = this.#find(principal, sn)
    if (waitMs > 0 && !receipt.hasEnded) await this.#end(receipt, waitMs, signal)
    return receiptInfo(receipt, true)
  }

  /** Undefined while there is none. */
  async outcome(principal: Principal, sn: string): Promise<Outcome | undefined> {
    const receipt = this.#find(principal, sn)
    if (!receipt.hasEnded) return undefined
    return new Promise((resolve, reject) => {
      const large = largeAnswer(this.#parts.store, receipt)
      this.#parts.store.words(receipt, (words, error) => {
        if (words === undefined) return reject(error!)
        const outcome = outcomeOf(words)
        resolve(outcome.content === undefined || large === undefined ? outcome : { content: { ...outcome.content, large } })
      })
    })
  }

  /** False where it has ended. */
  async cancel(principal: Principal, sn: string): Promise<boolean> {
    const { call } = this.#find(principal, sn)
    const isCancelled = call !== undefined && this.#parts.calls.stored.cancel(call)
    await this.#parts.safe()
    return isCancelled
  }

  #find(principal: Principal, sn: string): Receipt {
    const receipt = this.#parts.receipts.find(principal, sn.toLowerCase())
    if (receipt === undefined) throw noSuchReceipt(sn)
    return receipt
  }

  #end(receipt: Receipt, waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        forget()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = this.#parts.clock.timer(waitMs, done)
      const forget = whenEnded(receipt, done)
      signal.addEventListener('abort', done)
    })
  }
}
