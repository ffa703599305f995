/**
 * What happens, for one reader with `for await`. What nobody has asked for yet waits; an event may take the place of one that waits, so that a
 * slow reader of progress costs no memory. Knows nothing of what the events are.
 */
type Asking<E> = { resolve: (result: IteratorResult<E>) => void; reject: (error: Error) => void }

export class Feed<E> implements AsyncIterableIterator<E> {
  readonly #waiting: E[] = []
  readonly #leave: (feed: Feed<E>) => void
  /** Those who asked before there was anything, in order. */
  readonly #asking: Asking<E>[] = []
  #over = false
  #error: Error | undefined

  constructor(leave: (feed: Feed<E>) => void) {
    this.#leave = leave
  }

  /** `replaces` says of an event that waits that it has no worth beside the new one. */
  push(event: E, replaces?: (waiting: E) => boolean): void {
    const next = this.#asking.shift()
    if (next !== undefined) return next.resolve({ value: event, done: false })
    const stale = replaces === undefined ? -1 : this.#waiting.findLastIndex(replaces)
    if (stale >= 0) this.#waiting.splice(stale, 1)
    this.#waiting.push(event)
  }

  /** Nothing follows. The error is thrown to the reader once, after what waits. */
  end(error?: Error): void {
    this.#over = true
    this.#error = error
    const first = error === undefined ? undefined : this.#asking.shift()
    if (first !== undefined) {
      this.#error = undefined
      first.reject(error!)
    }
    this.#dismiss()
  }

  next(): Promise<IteratorResult<E>> {
    if (this.#waiting.length > 0) return Promise.resolve({ value: this.#waiting.shift()!, done: false })
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) return Promise.reject(error)
    if (this.#over) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => this.#asking.push({ resolve, reject }))
  }

  return(): Promise<IteratorResult<E>> {
    this.#over = true
    this.#error = undefined
    this.#waiting.length = 0
    this.#dismiss()
    this.#leave(this)
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #dismiss(): void {
    for (const { resolve } of this.#asking.splice(0)) resolve({ value: undefined, done: true })
  }
}
