/**
 * What the user holds of a call: a promise that also reports. It delegates to one private promise, made when first asked for, and is no
 * subclass of Promise. Knows nothing of frames.
 */
import { WaybillError } from '@waybill/core'
import type { Call, CallEvents, Exceptional, Outcome, Receipt, Rejection, Status } from '@waybill/core'

/** What a call needs of who carries it. */
export interface Carrier {
  readonly sn: string
  cancel(reason: unknown): Promise<void>
}

type Failure = Error & Exceptional
type Listeners = { [E in keyof CallEvents<unknown>]?: ((value: never) => void)[] }

export class LiveCall<T> implements Call<T>, AsyncIterable<never> {
  readonly [Symbol.toStringTag] = 'Call'
  readonly #carrier: Carrier
  #outcome: Outcome<T> | undefined
  #rejection: Rejection | undefined
  #promise: Promise<T> | undefined
  #settle: { resolve: (value: T) => void; reject: (error: Failure) => void } | undefined
  #listeners: Listeners | undefined
  #watchers: Set<Watcher<T>> | undefined

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  get sn(): string {
    return this.#carrier.sn
  }

  get receipt(): Promise<Receipt<T>> {
    return Promise.reject(new WaybillError('Unsupported', 'receipts are not there yet'))
  }

  /** Somebody listens to what precedes the outcome. */
  get isWatched(): boolean {
    return this.#watchers !== undefined || this.#listeners?.accepted !== undefined || this.#listeners?.started !== undefined
  }

  // ---- for the user

  // oxlint-disable-next-line unicorn/no-thenable -- a call is awaited
  then<R = T, E = never>(resolved?: ((value: T) => R | PromiseLike<R>) | null, rejected?: ((error: unknown) => E | PromiseLike<E>) | null): Promise<R | E> {
    return this.#asPromise().then(resolved, rejected)
  }

  catch<E = never>(rejected?: ((error: unknown) => E | PromiseLike<E>) | null): Promise<T | E> {
    return this.#asPromise().catch(rejected)
  }

  finally(settled?: (() => void) | null): Promise<T> {
    return this.#asPromise().finally(settled)
  }

  on<E extends keyof CallEvents<T>>(event: E, listener: (value: CallEvents<T>[E]) => void): this {
    this.#listeners ??= {}
    ;(this.#listeners[event] ??= [] as never[]).push(listener as never)
    if (event === 'exception' || event === 'rejected') this.#observed()
    return this
  }

  status(): AsyncIterableIterator<Status | Outcome<T>> {
    this.#observed()
    const watcher = new Watcher<T>((done) => this.#watchers?.delete(done))
    if (this.#outcome !== undefined) watcher.push(this.#rejection ?? this.#outcome, true)
    else (this.#watchers ??= new Set()).add(watcher)
    return watcher
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#carrier.cancel(reason)
  }

  [Symbol.asyncIterator](): AsyncIterator<never> {
    throw new WaybillError('Unsupported', 'streams are not there yet')
  }

  // ---- for who carries it

  report(status: Exclude<Status, Rejection>): void {
    this.#emit(status.kind, status.kind === 'progress' ? withoutKind(status) : undefined)
    for (const watcher of this.#watchers ?? []) watcher.push(status, false)
  }

  /** Once. */
  end(outcome: Outcome<T>, rejection?: Rejection): void {
    this.#outcome = outcome
    this.#rejection = rejection
    if (outcome.kind === 'result') this.#settle?.resolve(outcome.value)
    else if (this.#settle !== undefined) this.#settle.reject(outcome.error)
    else void this.#asPromise()
    if (rejection !== undefined) this.#emit('rejected', rejection)
    else if (outcome.kind === 'result') this.#emit('result', outcome.value)
    else this.#emit('exception', outcome.error)
    for (const watcher of this.#watchers ?? []) watcher.push(rejection ?? outcome, true)
    this.#listeners = undefined
    this.#watchers = undefined
  }

  #asPromise(): Promise<T> {
    if (this.#promise === undefined) {
      const outcome = this.#outcome
      if (outcome === undefined) this.#promise = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
      else this.#promise = outcome.kind === 'result' ? Promise.resolve(outcome.value) : Promise.reject(outcome.error)
    }
    return this.#promise
  }

  /** Somebody hears of a failure otherwise, so the promise's rejection is not unhandled. */
  #observed(): void {
    this.#asPromise().catch(() => {})
  }

  #emit<E extends keyof CallEvents<T>>(event: E, value: CallEvents<T>[E]): void {
    for (const listener of this.#listeners?.[event] ?? []) {
      try {
        ;(listener as (value: CallEvents<T>[E]) => void)(value)
      } catch (thrown) {
        // A listener's fault is its own: it must not end the call, nor be lost.
        queueMicrotask(() => {
          throw thrown
        })
      }
    }
  }
}

function withoutKind({ total, completed, details }: { total: number; completed: number; details?: unknown }): CallEvents<unknown>['progress'] {
  return details === undefined ? { total, completed } : { total, completed, details }
}

/** One reader of `status()`. What nobody has asked for yet waits; only the last progress does, so a slow reader costs no memory. */
class Watcher<T> implements AsyncIterableIterator<Status | Outcome<T>> {
  readonly #waiting: (Status | Outcome<T>)[] = []
  readonly #leave: (watcher: Watcher<T>) => void
  #next: ((result: IteratorResult<Status | Outcome<T>>) => void) | undefined
  #done = false

  constructor(leave: (watcher: Watcher<T>) => void) {
    this.#leave = leave
  }

  push(event: Status | Outcome<T>, last: boolean): void {
    this.#done ||= last
    const next = this.#next
    if (next !== undefined) {
      this.#next = undefined
      return next({ value: event, done: false })
    }
    if (event.kind === 'progress' && this.#waiting.at(-1)?.kind === 'progress') this.#waiting.pop()
    this.#waiting.push(event)
  }

  next(): Promise<IteratorResult<Status | Outcome<T>>> {
    const event = this.#waiting.shift()
    if (event !== undefined) return Promise.resolve({ value: event, done: false })
    if (this.#done) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => (this.#next = resolve))
  }

  return(): Promise<IteratorResult<Status | Outcome<T>>> {
    this.#done = true
    this.#waiting.length = 0
    this.#next?.({ value: undefined, done: true })
    this.#leave(this)
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
