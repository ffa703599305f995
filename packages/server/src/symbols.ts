/**
 * The router's symbols: numbers that stand for clients, addresses, instances and methods in frame headers. A symbol is
 * `generation (10 bits) | kind (2 bits) | index (20 bits)`: when an index is used again its generation differs, so a stale symbol is
 * found out and answered, never guessed.
 */
const INDEX_BITS = 20
const KIND_BITS = 2
const GENERATIONS = 2 ** (32 - INDEX_BITS - KIND_BITS)
const INDEX_MASK = 2 ** INDEX_BITS - 1

export const SymbolKind = { client: 0, address: 1, instance: 2, method: 3 } as const
export type SymbolKind = (typeof SymbolKind)[keyof typeof SymbolKind]

export class SymbolTable<T> {
  size = 0
  readonly #kind: SymbolKind
  readonly #most: number
  // Index 0 is never used, so no symbol is 0.
  readonly #values: (T | undefined)[] = [undefined]
  readonly #symbols: number[] = [0]
  /** Released indexes, oldest first, so that each stays unused for as long as possible. */
  readonly #free: number[] = []

  constructor(kind: SymbolKind, most = INDEX_MASK) {
    this.#kind = kind
    this.#most = Math.min(most, INDEX_MASK)
  }

  /** The symbol of what `make` makes, which is given the symbol; 0 when the table is full, and then nothing is made. */
  mint(make: (symbol: number) => T): number {
    if (this.size >= this.#most) return 0
    const index = this.#free.length > 0 ? this.#free.shift()! : this.#values.length
    if (index === this.#values.length) {
      this.#values.push(undefined)
      this.#symbols.push(compose(1, this.#kind, index))
    }
    const symbol = this.#symbols[index]!
    this.#values[index] = make(symbol)
    this.size++
    return symbol
  }

  hasRoomFor(count: number): boolean {
    return this.size + count <= this.#most
  }

  get(symbol: number): T | undefined {
    const index = symbol & INDEX_MASK
    return this.#symbols[index] === symbol ? this.#values[index] : undefined
  }

  release(symbol: number): void {
    const index = symbol & INDEX_MASK
    if (this.#symbols[index] !== symbol || this.#values[index] === undefined) return
    const generation = (symbol >>> (INDEX_BITS + KIND_BITS)) + 1
    this.#values[index] = undefined
    this.#symbols[index] = compose(generation % GENERATIONS, this.#kind, index)
    this.#free.push(index)
    this.size--
  }
}

function compose(generation: number, kind: SymbolKind, index: number): number {
  return (((generation << KIND_BITS) | kind) * 2 ** INDEX_BITS + index) >>> 0
}
