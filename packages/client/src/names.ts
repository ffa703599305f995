/** What the router's symbols mean in this session: learned from `symbol` frames, forgotten with the session. */
import type { Caller } from '@waybill/core'

/** Who stands behind a source symbol. */
export interface KnownCaller extends Caller {
  readonly incarnation: string
}

/** An address or a method name with its symbol, 0 while there is none. Callers keep it and so need no map for a call. */
export interface Named {
  /** Empty for one instance, which has no name: its symbol alone says which. */
  readonly name: string
  symbol: number
}

/** A caller that the router has not introduced: only a broken router sends its calls. */
const NOBODY: KnownCaller = { client: 'unknown', principal: 'unknown', incarnation: '0'.repeat(20) }

export class Names {
  readonly #addresses = new Map<string, Named>()
  readonly #methods = new Map<string, Named>()
  readonly #callers = new Map<number, KnownCaller>()
  #session = 0

  address(name: string): Named {
    return named(this.#addresses, name)
  }

  method(name: string): Named {
    return named(this.#methods, name)
  }

  /** One instance. Its symbol is 0 as soon as the session is gone in which it was told: another router may mean another one by it. */
  instance(symbol: number): Named {
    const session = this.#session
    const now = (): number => (session === this.#session ? symbol : 0)
    return {
      name: '',
      get symbol() {
        return now()
      },
    }
  }

  caller(symbol: number): KnownCaller {
    return this.#callers.get(symbol) ?? NOBODY
  }

  /** What the client never asked for is not kept. */
  learnAddress(name: string, symbol: number): void {
    const known = this.#addresses.get(name)
    if (known !== undefined) known.symbol = symbol
  }

  learnMethod(name: string, symbol: number): void {
    const known = this.#methods.get(name)
    if (known !== undefined) known.symbol = symbol
  }

  learnCaller(symbol: number, caller: KnownCaller | undefined): void {
    if (caller === undefined) this.#callers.delete(symbol)
    else this.#callers.set(symbol, caller)
  }

  /** A new session: symbols are learned anew. */
  forget(): void {
    this.#session++
    for (const known of this.#addresses.values()) known.symbol = 0
    for (const known of this.#methods.values()) known.symbol = 0
    this.#callers.clear()
  }
}

function named(known: Map<string, Named>, name: string): Named {
  let found = known.get(name)
  if (found === undefined) known.set(name, (found = { name, symbol: 0 }))
  return found
}
