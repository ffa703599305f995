/**
 * What this client offers to the router, and the promise that the router knows it: offered when exposed, and again in each new session. Owns
 * the exposures.
 */
import { WaybillError } from '@waybill/core'
import type { Call, ServiceContract } from '@waybill/core'
import { exposureOf, type Exposure } from './exposure.js'
import type { Incoming } from './incoming.js'

interface Offered {
  readonly symbol: number
  readonly methods: readonly number[]
}

/** What the router's own API is asked; see the server's `RouterApi`. */
export interface RouterCalls {
  offer(offers: readonly Record<string, unknown>[]): Call<readonly Offered[]>
  withdraw(symbols: readonly number[]): Promise<void>
}

/** What `expose()` gives: what is exposed, and the way to take it back. */
export interface Exposed extends AsyncDisposable {
  readonly service: string
  readonly version: string
  /** The names of the methods that can be called; nothing else can. */
  readonly methods: readonly string[]
  /** Takes the service back: calls that have arrived still run, new ones go elsewhere. */
  withdraw(): Promise<void>
}

export class Offers {
  readonly #exposures = new Set<Exposure>()
  readonly #incoming: Incoming
  readonly #router: RouterCalls

  constructor(incoming: Incoming, router: RouterCalls) {
    this.#incoming = incoming
    this.#router = router
  }

  /** Resolves when the router knows of it. Rejects with `NotExposed`, `Forbidden` or `Unsupported`, and then nothing is exposed. */
  async expose(target: object, implementation: object | undefined): Promise<Exposed> {
    const exposure = exposureOf(target, implementation)
    // A session that is lost meanwhile took the offer with it, so offering again is the same as offering once.
    while (!(await this.#offered(exposure))) continue
    this.#exposures.add(exposure)
    return exposed(exposure.contract, () => this.#withdraw(exposure))
  }

  /** A new session knows nothing of us yet. */
  async again(): Promise<void> {
    const exposures = [...this.#exposures]
    for (const exposure of exposures) exposure.symbol = 0
    if (exposures.length > 0) await this.#offer(exposures)
  }

  async withdrawAll(): Promise<void> {
    const symbols = [...this.#exposures].map((exposure) => exposure.symbol).filter((symbol) => symbol !== 0)
    this.#exposures.clear()
    if (symbols.length > 0) await this.#router.withdraw(symbols)
  }

  async #offer(exposures: readonly Exposure[]): Promise<void> {
    const offering = this.#router.offer(exposures.map((exposure) => exposure.offer))
    // In the turn in which the answer comes: the next frame may be a call.
    void offering.on('result', (offered) => this.#learn(exposures, offered))
    const offered = await offering
    if (offered.length !== exposures.length) throw new WaybillError('ProtocolViolation', 'the router did not answer each offer')
  }

  #learn(exposures: readonly Exposure[], offered: readonly Offered[]): void {
    for (const [index, exposure] of exposures.entries()) {
      const answer = offered[index]
      if (answer === undefined) return
      const before = exposure.symbol
      exposure.learn(answer.symbol, answer.methods)
      this.#incoming.serve(exposure, before)
    }
  }

  /** False when the session was lost before the router answered. */
  async #offered(exposure: Exposure): Promise<boolean> {
    try {
      await this.#offer([exposure])
      return true
    } catch (thrown) {
      if (thrown instanceof WaybillError && thrown.code === 'RouterLost') return false
      throw thrown
    }
  }

  async #withdraw(exposure: Exposure): Promise<void> {
    if (!this.#exposures.delete(exposure) || exposure.symbol === 0) return
    const before = exposure.symbol
    await this.#router.withdraw([before])
    exposure.symbol = 0
    this.#incoming.serve(exposure, before)
  }
}

function exposed({ name, version, methods }: ServiceContract, withdraw: () => Promise<void>): Exposed {
  return { service: name, version, methods: [...methods.keys()], withdraw, [Symbol.asyncDispose]: withdraw }
}
