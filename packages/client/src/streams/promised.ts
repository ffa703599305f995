/** The stream that a call will give, before it is there: who iterates the call itself reads it. Knows nothing of frames. */
import { WaybillError } from '@waybill/core'

type Reading = IteratorResult<unknown, unknown>

interface Arrived {
  next(): Promise<Reading>
  return?(value?: unknown): Promise<Reading>
}

export class PromisedGenerator implements AsyncGenerator<unknown, unknown, unknown> {
  readonly #promise: PromiseLike<unknown>
  #arrived: Arrived | undefined
  #arriving: Promise<Arrived> | undefined

  constructor(promise: PromiseLike<unknown>) {
    this.#promise = promise
  }

  next(): Promise<Reading> {
    return this.#arrived === undefined ? this.#wait().then((arrived) => arrived.next()) : this.#arrived.next()
  }

  /** What was never asked for is waited for, and then let go. */
  async return(value?: unknown): Promise<Reading> {
    const arrived = this.#arrived ?? (await this.#wait().catch(() => undefined))
    await arrived?.return?.()
    return { done: true, value }
  }

  async throw(error?: unknown): Promise<Reading> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  get [Symbol.toStringTag](): string {
    return 'AsyncGenerator'
  }

  #wait(): Promise<Arrived> {
    return (this.#arriving ??= Promise.resolve(this.#promise).then((value) => (this.#arrived = iteratorOf(value))))
  }
}

function iteratorOf(value: unknown): Arrived {
  const iterable = value as { [Symbol.asyncIterator]?: () => Arrived } | null | undefined
  const iterator = iterable?.[Symbol.asyncIterator]?.()
  if (iterator !== undefined) return iterator
  throw new WaybillError('BadResult', 'the method gave no stream to iterate: await the call instead', { executed: 'yes' })
}
