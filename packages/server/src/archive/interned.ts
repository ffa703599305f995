/** Texts that very many rows share, as numbers; each is kept as long as a row has it. */
export class Interned {
  readonly #numbers = new Map<string, number>()
  readonly #texts: string[] = []
  readonly #counts: number[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#numbers.size
  }

  /** One more row has it. */
  hold(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) {
      this.#counts[known]!++
      return known
    }
    const number = this.#free.pop() ?? this.#texts.length
    this.#texts[number] = text
    this.#counts[number] = 1
    this.#numbers.set(text, number)
    return number
  }

  /** One fewer has it. */
  release(number: number): void {
    if (--this.#counts[number]! > 0) return
    this.#numbers.delete(this.#texts[number]!)
    this.#texts[number] = ''
    this.#free.push(number)
  }

  text(number: number): string {
    return this.#texts[number]!
  }

  /** Undefined where no row has it. */
  numberOf(text: string): number | undefined {
    return this.#numbers.get(text)
  }
}
