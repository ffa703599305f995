/**
 * What a procedure streams, step by step, as it is to travel. Owns the procedure's iterator: it is let go where its reader is, where a value of it cannot
 * travel, and where it is to go on elsewhere. It is no generator, as those do nothing at their end where they were never begun.
 */

export interface EmissionParts<T> {
  readonly source: AsyncIterable<unknown>
  /** May throw. */
  readonly written: (value: unknown, isLast: boolean) => T
  /** What its reader is told of something that was thrown. */
  readonly failure: (thrown: unknown) => Error
  /** Called once, when nothing more will come. */
  readonly over: () => void
}

export class Emission<T> implements AsyncIterableIterator<T> {
  readonly #parts: EmissionParts<T>
  readonly #steps: AsyncIterator<unknown>
  #state: 'open' | 'leaving' | 'over' = 'open'
  #farewell: T | undefined
  /** Ends the wait for a step. */
  #wake = (): void => {}

  constructor(parts: EmissionParts<T>) {
    this.#parts = parts
    this.#steps = parts.source[Symbol.asyncIterator]()
  }

  async next(): Promise<IteratorResult<T, T | undefined>> {
    try {
      const step = this.#state === 'open' ? await this.#step() : undefined
      if (this.#state === 'over') return { done: true, value: undefined }
      if (step === undefined) return this.#leave()
      const value = this.#parts.written(step.value, step.done === true)
      if (step.done !== true) return { done: false, value }
      this.#end()
      return { done: true, value }
    } catch (thrown) {
      await this.return()
      throw this.#parts.failure(thrown)
    }
  }

  async return(): Promise<IteratorResult<T, T | undefined>> {
    if (this.#state !== 'over') await this.#letGo()
    return { done: true, value: undefined }
  }

  /** Whatever it waits for, the next step is the last word of this side. */
  leave(farewell: T): void {
    if (this.#state !== 'open') return
    this.#state = 'leaving'
    this.#farewell = farewell
    this.#wake()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Undefined where it was woken. What the procedure throws ends it. */
  #step(): Promise<IteratorResult<unknown, unknown> | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined)
      this.#steps.next().then(resolve, (error: unknown) => {
        this.#end()
        reject(error)
      })
    })
  }

  /** What the procedure does at its end is not waited for: it may wait for something itself that never comes. */
  #leave(): IteratorResult<T, T | undefined> {
    this.#letGo().catch((thrown: unknown) => this.#parts.failure(thrown))
    return { done: false, value: this.#farewell as T }
  }

  async #letGo(): Promise<void> {
    this.#state = 'over'
    try {
      await this.#steps.return?.()
    } finally {
      this.#parts.over()
    }
  }

  #end(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#parts.over()
  }
}
