/**
 * A receipt: a stored call as anybody of the same principal sees it, in this process or another. Watches the call when something of it is asked
 * for, once for all who ask. Owns no call; knows nothing of frames.
 */
import { aside } from './aside.js'
import type { LiveCall } from './call.js'
import type { Stored } from './failures.js'
import type { CallEvents, Durability, Listener, Outcome, Receipt, Status } from '@waybill/core'

/** What a receipt needs of the client. */
export interface ReceiptSource {
  /** What becomes of a stored call, from now on and as far as it is known. */
  watch(sn: string): LiveCall<unknown>
  cancelStored(sn: string): Promise<void>
}

export class LiveReceipt<T> implements Receipt<T> {
  readonly durability?: Durability
  readonly duplicate?: boolean
  readonly #source: ReceiptSource
  #live: LiveCall<T> | undefined

  /** `live`: a call that is heard of already. */
  constructor(
    readonly sn: string,
    source: ReceiptSource,
    stored?: Stored,
    live?: LiveCall<T>,
  ) {
    this.#source = source
    this.#live = live
    if (stored === undefined) return
    this.durability = stored.durability
    this.duplicate = stored.duplicate
  }

  on<E extends keyof CallEvents<T>>(event: E, listener: (value: CallEvents<T>[E]) => void): this {
    void this.#watched().on(event, listener)
    return this
  }

  status(): AsyncIterableIterator<Status | Outcome<T>> {
    return this.#watched().status()
  }

  /** A promise of its own for each who asks, so that each hears of a failure. */
  async result(): Promise<T> {
    return this.#watched()
  }

  cancel(): Promise<void> {
    return this.#source.cancelStored(this.sn)
  }

  #watched(): LiveCall<T> {
    if (this.#live === undefined) {
      const live = this.#source.watch(this.sn) as LiveCall<T>
      this.#live = live
      // Who watches is not who must deal with a failure. What was not heard of the call itself is asked for anew the next time.
      live.catch((error: { readonly code?: unknown }) => {
        if (error.code === 'RouterLost' || error.code === 'Overloaded') this.#live = undefined
      })
    }
    return this.#live
  }
}

const events = ['accepted', 'started', 'progress', 'rejected', 'result', 'exception'] as const

/** Whether it could be told anything: who forgets it, or misspells what it hears, must learn so before the call is made. */
export function isListener(value: unknown): value is Listener<unknown> {
  if (typeof value === 'function') return true
  if (typeof value !== 'object' || value === null) return false
  const heard = value as Readonly<Record<string, unknown>>
  return typeof heard['replyto'] === 'string' || events.some((event) => typeof heard[event] === 'function')
}

/** Tells the listener of all that happens to a call from when it is stored; before, the failure is for who made the call. */
export function report<T>(live: LiveCall<T>, listener: Exclude<Listener<T>, { readonly replyto: string }>): void {
  for (const event of events) {
    void live.on(event, (value) => {
      if (live.storedReceipt !== undefined) inform(listener, event, value, live.storedReceipt)
    })
  }
}

/** Tells a listener of one event. Its fault is its own. */
export function inform<T, E extends keyof CallEvents<T>>(
  listener: Exclude<Listener<T>, { readonly replyto: string }>,
  event: E,
  value: CallEvents<T>[E],
  receipt: Receipt<T>,
): void {
  aside(() => {
    if (typeof listener === 'function') listener(asStatus(event, value), receipt)
    else listener[event]?.(value, receipt)
  })
}

function asStatus<T, E extends keyof CallEvents<T>>(event: E, value: CallEvents<T>[E]): Status | Outcome<T> {
  switch (event) {
    case 'result':
      return { kind: 'result', value: value as T }
    case 'exception':
      return { kind: 'exception', error: value as CallEvents<T>['exception'] }
    case 'progress':
      return { kind: 'progress', ...(value as CallEvents<T>['progress']) }
    case 'rejected':
      return value as CallEvents<T>['rejected']
    default:
      return { kind: event as 'accepted' | 'started' }
  }
}
