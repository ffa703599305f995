/**
 * What the user holds of a call: a promise that also reports. It is a promise itself and not an object that delegates to one, because
 * `await` then needs no thenable job (half the cost, measured); its `constructor` is Promise, so `then` and its like make plain promises.
 * Knows nothing of frames.
 */
import { WaybillError } from '@waybill/core'
import { aside } from './aside.js'
import { PromisedGenerator } from './streams/promised.js'
import type { Call, CallEvents, Exceptional, Outcome, Receipt, Rejection, Status } from '@waybill/core'

/** What a call needs of who carries it. */
export interface Carrier {
  readonly sn: string
  /** It is a call that the router is to store. */
  readonly isStored: boolean
  cancel(reason: unknown): Promise<void>
}

interface Asked<R> {
  readonly promise: Promise<R>
  resolve(value: R): void
  reject(error: unknown): void
}

/** The receipt of a call, from when somebody asks for it or it is there. */
interface Receiving<T> {
  receipt: Receipt<T> | undefined
  asked: Asked<Receipt<T>> | undefined
}

type Failure = Error & Exceptional
type Listeners = { [E in keyof CallEvents<unknown>]?: ((value: never) => void)[] }

/** What `capture` was given last: one executor for all promises, instead of a closure for each. */
let resolveLast!: (value: unknown) => void
let rejectLast!: (error: Failure) => void

function capture(resolve: (value: unknown) => void, reject: (error: Failure) => void): void {
  resolveLast = resolve
  rejectLast = reject
}

export class LiveCall<T> extends Promise<T> implements Call<T>, AsyncIterable<unknown> {
  readonly #carrier: Carrier
  readonly #resolve: (value: T) => void
  readonly #reject: (error: Failure) => void
  #outcome: Outcome<T> | Rejection | undefined
  #receiving: Receiving<T> | undefined
  #listeners: Listeners | undefined
  #watchers: Set<Watcher<T>> | undefined

  constructor(carrier: Carrier) {
    super(capture as ConstructorParameters<typeof Promise<T>>[0])
    this.#carrier = carrier
    this.#resolve = resolveLast
    this.#reject = rejectLast
  }

  get sn(): string {
    return this.#carrier.sn
  }

  get receipt(): Promise<Receipt<T>> {
    const receiving = (this.#receiving ??= { receipt: undefined, asked: undefined })
    if (receiving.receipt !== undefined) return Promise.resolve(receiving.receipt)
    if (receiving.asked === undefined) {
      receiving.asked = promiseWithResolvers()
      if (!this.#carrier.isStored) receiving.asked.reject(notStored())
      else if (this.#outcome?.kind === 'exception') receiving.asked.reject(this.#outcome.error)
      else if (this.#outcome?.kind === 'rejected') this.catch(receiving.asked.reject)
    }
    return receiving.asked.promise
  }

  /** The same, when the router has stored the call. */
  get storedReceipt(): Receipt<T> | undefined {
    return this.#receiving?.receipt
  }

  /** Somebody listens to what precedes the outcome. */
  get isWatched(): boolean {
    return this.#watchers !== undefined || this.#listeners?.accepted !== undefined || this.#listeners?.started !== undefined
  }

  // ---- for the user

  on<E extends keyof CallEvents<T>>(event: E, listener: (value: CallEvents<T>[E]) => void): this {
    this.#listeners ??= {}
    ;(this.#listeners[event] ??= [] as never[]).push(listener as never)
    if (event === 'exception' || event === 'rejected') this.#observed()
    return this
  }

  status(): AsyncIterableIterator<Status | Outcome<T>> {
    this.#observed()
    const watcher = new Watcher<T>((done) => this.#watchers?.delete(done))
    if (this.#outcome !== undefined) watcher.push(this.#outcome, true)
    else (this.#watchers ??= new Set()).add(watcher)
    return watcher
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#carrier.cancel(reason)
  }

  /** Of a method that gives a stream: what that brings. The call's failure is told by the first step, and so is a result that is no stream. */
  [Symbol.asyncIterator](): AsyncGenerator<unknown, unknown, unknown> {
    this.#observed()
    return new PromisedGenerator(this)
  }

  // ---- for who carries it

  report(status: Exclude<Status, Rejection>): void {
    this.#emit(status.kind, status.kind === 'progress' ? withoutKind(status) : undefined)
    for (const watcher of this.#watchers ?? []) watcher.push(status, false)
  }

  stored(receipt: Receipt<T>): void {
    const receiving = (this.#receiving ??= { receipt: undefined, asked: undefined })
    receiving.receipt ??= receipt
    receiving.asked?.resolve(receipt)
  }

  /** The value is there, and streams in it go on until `end`, which only tells how the call ended. */
  open(value: T): void {
    this.#resolve(value)
  }

  /** Once. A rejection is how the exception came about, where the call was refused. */
  end(outcome: Outcome<T>, rejection?: Rejection): void {
    this.#outcome = rejection ?? outcome
    if (outcome.kind === 'result') this.#resolve(outcome.value)
    else {
      this.#reject(outcome.error)
      this.#receiving?.asked?.reject(outcome.error)
    }
    if (this.#listeners !== undefined) {
      if (rejection !== undefined) this.#emit('rejected', rejection)
      else if (outcome.kind === 'result') this.#emit('result', outcome.value)
      else this.#emit('exception', outcome.error)
      this.#listeners = undefined
    }
    if (this.#watchers === undefined) return
    for (const watcher of this.#watchers) watcher.push(this.#outcome, true)
    this.#watchers = undefined
  }

  /** Somebody hears of a failure otherwise, so the promise's rejection is not unhandled. */
  #observed(): void {
    this.catch(() => {})
  }

  #emit<E extends keyof CallEvents<T>>(event: E, value: CallEvents<T>[E]): void {
    for (const listener of this.#listeners?.[event] ?? []) {
      // A listener's fault is its own: it must not end the call, nor be lost.
      aside(() => (listener as (value: CallEvents<T>[E]) => void)(value))
    }
  }
}

// What `then`, `catch`, `finally` and `await` derive is a plain promise.
void Object.defineProperty(LiveCall.prototype, 'constructor', { value: Promise })

function notStored(): WaybillError {
  return new WaybillError('NotStorable', 'the call is not stored, so it has no receipt: use .async(), or the option durable')
}

/** `Promise.withResolvers`, which Node 20 has not. */
function promiseWithResolvers<R>(): Asked<R> {
  let resolve!: (value: R) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<R>((fulfil, refuse) => {
    resolve = fulfil
    reject = refuse
  })
  return { promise, resolve, reject }
}

function withoutKind({
  total,
  completed,
  details,
}: {
  total: number
  completed: number
  details?: unknown
}): CallEvents<unknown>['progress'] {
  return details === undefined ? { total, completed } : { total, completed, details }
}

/** One reader of `status()`. What nobody has asked for yet waits; only the last progress does, so a slow reader costs no memory. */
class Watcher<T> implements AsyncIterableIterator<Status | Outcome<T>> {
  readonly #waiting: (Status | Outcome<T>)[] = []
  readonly #leave: (watcher: Watcher<T>) => void
  /** Those who asked before there was anything, in order. */
  readonly #asking: ((result: IteratorResult<Status | Outcome<T>>) => void)[] = []
  #done = false

  constructor(leave: (watcher: Watcher<T>) => void) {
    this.#leave = leave
  }

  push(event: Status | Outcome<T>, last: boolean): void {
    this.#done ||= last
    const next = this.#asking.shift()
    if (next !== undefined) {
      next({ value: event, done: false })
      if (last) this.#dismiss()
      return
    }
    if (event.kind === 'progress' && this.#waiting.at(-1)?.kind === 'progress') this.#waiting.pop()
    this.#waiting.push(event)
  }

  next(): Promise<IteratorResult<Status | Outcome<T>>> {
    const event = this.#waiting.shift()
    if (event !== undefined) return Promise.resolve({ value: event, done: false })
    if (this.#done) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => this.#asking.push(resolve))
  }

  return(): Promise<IteratorResult<Status | Outcome<T>>> {
    this.#done = true
    this.#waiting.length = 0
    this.#dismiss()
    this.#leave(this)
    return Promise.resolve({ value: undefined, done: true })
  }

  #dismiss(): void {
    for (const asking of this.#asking.splice(0)) asking({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
