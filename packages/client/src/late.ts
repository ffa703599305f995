/**
 * What a page does not load before it needs it: in Node all of it is at hand. Owns the loading, and the order of what waits for it; knows neither calls nor
 * packets.
 */

/** A part of the client: at hand, or to be loaded. */
export type Part<T> = { readonly now: T } | { readonly load: () => Promise<T> }

export class Late<T> {
  now: T | undefined
  readonly #load: (() => Promise<T>) | undefined
  #loading: Promise<T> | undefined

  constructor(part: Part<T>) {
    if ('now' in part) this.now = part.now
    else this.#load = part.load
  }

  /** The next who asks tries again where it failed. */
  load(): Promise<T> {
    if (this.now !== undefined) return Promise.resolve(this.now)
    return (this.#loading ??= this.#load!().then(
      (part) => (this.now = part),
      (thrown: unknown) => {
        this.#loading = undefined
        throw thrown
      },
    ))
  }
}

/** What waits for a part, and whatever comes after it and must not overtake it. */
export class Held {
  readonly #part: Late<unknown>
  #waiting: (() => unknown)[] = []

  constructor(part: Late<unknown>) {
    this.#part = part
  }

  /** Something waits, so what comes now has to. */
  get isAhead(): boolean {
    return this.#waiting.length > 0
  }

  /** `go` is called when the part is there, or could not be loaded: then it meets whatever refuses to go without. It must not throw. */
  hold(go: () => unknown): void {
    if (this.#waiting.push(go) === 1) this.#part.load().then(this.#release, this.#release)
  }

  readonly #release = (): void => {
    // What is held meanwhile joins the end.
    for (let next = 0; next < this.#waiting.length; next++) this.#waiting[next]!()
    this.#waiting = []
  }
}
