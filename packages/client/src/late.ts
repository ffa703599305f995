/**
 * What a page does not load before it needs it: in Node all of it is at hand. Owns the loading, and the order of what waits for it; knows neither calls nor
 * packets.
 */

import { WaybillError } from '@waybill/core'

/** A part of the client: at hand, or to be loaded. */
export type Part<T> = { readonly now: T } | { readonly load: () => Promise<T> }

export class Late<T> {
  now: T | undefined
  readonly #load: () => Promise<T>
  #loading: Promise<T> | undefined

  constructor(now: T | undefined, load: () => Promise<T>) {
    this.now = now
    this.#load = load
  }

  /** The next who asks tries again where it failed. */
  load(): Promise<T> {
    return (this.#loading ??= this.#load().then(
      (part) => (this.now = part),
      (thrown: unknown) => {
        this.#loading = undefined
        const { message } = WaybillError.from(thrown)
        throw new WaybillError('Internal', `a part of the client could not be loaded: ${message}`, { executed: 'no', cause: thrown })
      },
    ))
  }
}

/** What is made, once, of a part. */
export function late<P, T>(part: Part<P>, make: (part: P) => T): Late<T> {
  if ('load' in part) return new Late<T>(undefined, async () => make(await part.load()))
  const now = make(part.now)
  return new Late(now, () => Promise.resolve(now))
}

/** What waits for something, and whatever comes after it and must not overtake it. */
export class Held {
  readonly #waiting: { readonly ready: Promise<unknown>; readonly go: () => unknown }[] = []

  /** Something waits, so what comes now has to. */
  get isAhead(): boolean {
    return this.#waiting.length > 0
  }

  /** `go` is called when it is ready, or never will be: then it meets whatever refuses to go without. It must not throw. */
  hold(ready: Promise<unknown>, go: () => unknown): void {
    if (this.#waiting.push({ ready, go }) === 1) void this.#release()
  }

  async #release(): Promise<void> {
    // What is held meanwhile joins the end.
    for (let next = 0; next < this.#waiting.length; next++) {
      const { ready, go } = this.#waiting[next]!
      await ready.catch(() => {})
      go()
    }
    this.#waiting.length = 0
  }
}

/** What is ready already. */
export const READY: Promise<void> = Promise.resolve()
