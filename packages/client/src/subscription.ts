/** What the user holds of a subscription: what waits for the reader, and the readers who wait. Knows nothing of frames; `Events` feeds it. */
import type { EventGap, Subscription, TopicEvent, WaybillError } from '@waybill/core'
import { EventBuffer, type EventOrGap } from './event-buffer.js'

type Result = IteratorResult<EventOrGap, undefined>

/** What a subscription asks of whoever owns it. */
export interface SubscriptionOwner {
  /** It is not read any more. */
  leave(subscription: LiveSubscription): void
}

const DONE: Result = { value: undefined, done: true }

export class LiveSubscription implements Subscription<unknown> {
  readonly pattern: string
  readonly ready: Promise<void>
  /** On the wire, in this session; 0 where the router has not been asked. */
  number = 0
  /** The router has answered, in this session or an earlier one. */
  confirmed = false
  readonly #owner: SubscriptionOwner
  readonly #buffer = new EventBuffer()
  /** Those who asked before there was anything, in order. */
  readonly #asking: { readonly resolve: (result: Result) => void; readonly reject: (error: WaybillError) => void }[] = []
  #state: 'open' | 'over' | 'failed' = 'open'
  #error: WaybillError | undefined
  #settle!: { readonly resolve: () => void; readonly reject: (error: WaybillError) => void }

  constructor(pattern: string, owner: SubscriptionOwner) {
    this.pattern = pattern
    this.#owner = owner
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
    // Who does not look learns of a refusal by the iteration.
    this.ready.catch(() => {})
  }

  // ---- from its owner

  confirm(): void {
    if (this.confirmed) this.gap({ kind: 'gap' })
    this.confirmed = true
    this.#settle.resolve()
  }

  event(event: TopicEvent<unknown>, bytes: number): void {
    if (this.isOpen && !this.give(event)) this.#buffer.push(event, bytes)
  }

  gap(gap: EventGap): void {
    if (this.isOpen && !this.give(gap)) this.#buffer.gap(gap)
  }

  /** Nothing follows what waits; with an error, that is what the reader gets after it. */
  end(error: WaybillError | undefined, unready: WaybillError): void {
    if (this.#state !== 'open') return
    this.#state = error === undefined ? 'over' : 'failed'
    this.#error = error
    this.#settle.reject(error ?? unready)
    for (const { resolve, reject } of this.#asking.splice(0)) {
      if (error === undefined) resolve(DONE)
      else reject(error)
    }
  }

  // ---- for those that are more than this

  protected get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** False where nobody waits for it. */
  protected give(value: EventOrGap): boolean {
    const asking = this.#asking.shift()
    asking?.resolve({ value, done: false })
    return asking !== undefined
  }

  /** The next one that waits for its reader. */
  protected shift(): EventOrGap | undefined {
    return this.#buffer.shift()
  }

  protected clear(): void {
    this.#buffer.clear()
  }

  // ---- from the user

  next(): Promise<Result> {
    const value = this.shift()
    if (value !== undefined) return Promise.resolve({ value, done: false })
    if (this.#state === 'over') return Promise.resolve(DONE)
    if (this.#state === 'failed') return Promise.reject(this.#error!)
    return new Promise((resolve, reject) => this.#asking.push({ resolve, reject }))
  }

  return(): Promise<Result> {
    this.#owner.leave(this)
    this.clear()
    return Promise.resolve(DONE)
  }

  async close(): Promise<void> {
    await this.return()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
