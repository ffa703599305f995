/**
 * The topics of the events that are kept, each once, as numbers from 1 on. Owns the names and how many events have each. Bounded: a topic that finds no room has
 * the number 0, and its events must be read to know it.
 */

const MOST_TOPICS = 65_536

export class TopicNames {
  readonly #numbers = new Map<string, number>()
  readonly #names: (string | undefined)[] = [undefined]
  readonly #counts: number[] = [0]
  readonly #free: number[] = []

  /** One more event has this topic; nobody knows which where it is empty. */
  add(name: string): number {
    if (name === '') return 0
    const known = this.#numbers.get(name)
    if (known !== undefined) {
      this.#counts[known]!++
      return known
    }
    if (this.#numbers.size >= MOST_TOPICS) return 0
    const number = this.#free.pop() ?? this.#names.length
    this.#numbers.set(name, number)
    this.#names[number] = name
    this.#counts[number] = 1
    return number
  }

  /** Undefined for 0. */
  nameOf(number: number): string | undefined {
    return this.#names[number]
  }

  /** One event of that number is kept no longer. */
  remove(number: number): void {
    if (number === 0 || --this.#counts[number]! > 0) return
    this.#numbers.delete(this.#names[number]!)
    this.#names[number] = undefined
    this.#free.push(number)
  }
}
