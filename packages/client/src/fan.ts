/**
 * What the user holds of a group: a promise of what was gathered that also tells what happens at each instance. Knows neither calls nor frames;
 * who carries it decides what is told, and when it ends.
 */
import type { CallEvents, Fan, Gathered, Origin, Outcome, Status } from '@waybill/core'
import { aside } from './aside.js'
import { Feed } from './feed.js'

/** What a fan needs of who carries it. */
export interface FanCarrier {
  readonly sn: string
  cancel(reason: unknown): void
}

type Event<T> = Origin & (Status | Outcome<T>)
type Answer<T> = Origin & Outcome<T>
type Listeners = { [E in keyof CallEvents<unknown>]?: ((value: never, from: string) => void)[] }

export class LiveFan<T> extends Promise<Gathered<T>> implements Fan<T> {
  readonly #carrier: FanCarrier
  readonly #resolve: (gathered: Gathered<T>) => void
  readonly #reject: (error: Error) => void
  readonly #listeners: Listeners = {}
  readonly #watchers = new Set<Feed<Event<T>>>()
  readonly #readers = new Set<Feed<Answer<T>>>()
  /** For who begins to iterate later. */
  readonly #answers: Answer<T>[] = []
  #end: { readonly error: Error | undefined } | undefined

  constructor(carrier: FanCarrier) {
    let settle!: { resolve: (gathered: Gathered<T>) => void; reject: (error: Error) => void }
    super((resolve, reject) => (settle = { resolve, reject }))
    this.#carrier = carrier
    this.#resolve = settle.resolve
    this.#reject = settle.reject
  }

  get sn(): string {
    return this.#carrier.sn
  }

  /** Somebody listens to what precedes the outcomes. */
  get isWatched(): boolean {
    return this.#watchers.size > 0 || this.#listeners.accepted !== undefined || this.#listeners.started !== undefined
  }

  // ---- for the user

  on<E extends keyof CallEvents<T>>(event: E, listener: (value: CallEvents<T>[E], from: string) => void): this {
    ;(this.#listeners[event] ??= []).push(listener as never)
    return this
  }

  status(): AsyncIterableIterator<Event<T>> {
    return this.#feed(this.#watchers)
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Answer<T>> {
    return this.#feed(this.#readers, this.#answers)
  }

  cancel(reason?: unknown): Promise<void> {
    this.#carrier.cancel(reason)
    return Promise.resolve()
  }

  // ---- for who carries it

  report(from: string, status: Status | Outcome<T>): void {
    this.#tell(from, status)
    const replaces = status.kind === 'progress' ? (waiting: Event<T>) => waiting.kind === 'progress' && waiting.from === from : undefined
    for (const watcher of this.#watchers) watcher.push({ from, ...status }, replaces)
  }

  /** An instance's own word; what it was is reported beside it. */
  answered(from: string, outcome: Outcome<T>): void {
    const answer = { from, ...outcome }
    this.#answers.push(answer)
    for (const reader of this.#readers) reader.push(answer)
  }

  /** Once; nothing is told after it. */
  succeed(gathered: Gathered<T>): void {
    this.#resolve(gathered)
    this.#finish(undefined)
  }

  fail(error: Error): void {
    this.#reject(error)
    this.#finish(error)
  }

  #finish(error: Error | undefined): void {
    this.#end = { error }
    for (const feed of [...this.#watchers, ...this.#readers]) feed.end(error)
    this.#watchers.clear()
    this.#readers.clear()
  }

  #feed<E>(feeds: Set<Feed<E>>, before: readonly E[] = []): Feed<E> {
    // Its reader hears of the failure, so the promise's rejection is not unhandled.
    this.catch(() => {})
    const feed = new Feed<E>((done) => feeds.delete(done))
    for (const event of before) feed.push(event)
    if (this.#end === undefined) feeds.add(feed)
    else feed.end(this.#end.error)
    return feed
  }

  #tell(from: string, event: Status | Outcome<T>): void {
    switch (event.kind) {
      case 'accepted':
      case 'started':
        return this.#emit(event.kind, undefined, from)
      case 'progress': {
        const { kind, ...progress } = event
        return this.#emit(kind, progress, from)
      }
      case 'rejected':
        return this.#emit('rejected', event, from)
      case 'result':
        return this.#emit('result', event.value, from)
      case 'exception':
        return this.#emit('exception', event.error, from)
    }
  }

  #emit<E extends keyof CallEvents<T>>(event: E, value: CallEvents<T>[E], from: string): void {
    for (const listener of this.#listeners[event] ?? []) {
      // A listener's fault is its own: it must not end the group, nor be lost.
      aside(() => (listener as (value: CallEvents<T>[E], from: string) => void)(value, from))
    }
  }
}

// What `then`, `catch`, `finally` and `await` derive is a plain promise.
void Object.defineProperty(LiveFan.prototype, 'constructor', { value: Promise })
