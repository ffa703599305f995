/** What of an app is under way: how many operations there are, and the word to those that can go on elsewhere. Must not know what they are. */

export class Departures {
  /** Each operation, as the way to tell it. */
  readonly #underWay = new Set<() => void>()
  readonly #waiting: (() => void)[] = []
  #hasLeft = false

  /** An operation begins. What is returned is called once, when it has ended. `leave` is called at most once, also for what begins afterwards. */
  enter(leave: () => void = () => {}): () => void {
    // Two operations may be told in the same way, and are two.
    const own = (): void => leave()
    this.#underWay.add(own)
    if (this.#hasLeft) own()
    return () => {
      if (!this.#underWay.delete(own) || this.#underWay.size > 0) return
      for (const resolve of this.#waiting.splice(0)) resolve()
    }
  }

  leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    for (const leave of this.#underWay) leave()
  }

  /** Resolves when nothing is under way. */
  empty(): Promise<void> {
    return this.#underWay.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }
}
