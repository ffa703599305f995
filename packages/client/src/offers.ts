/**
 * What this client offers to the router, and the promise that the router knows it: offered when exposed, and again in each new session. Owns
 * the exposures.
 */
import { WaybillError } from '@waybill/core'
import type { Call, DeadLetter, DeadQuery, ReceiptInfo, ReceiptQuery, ServiceContract } from '@waybill/core'
import { exposureOf, type Exposure, type Report } from './exposure.js'
import type { Stored } from './failures.js'
import type { Incoming } from './incoming.js'
import type { Isolation } from './isolate/isolation.js'
import type { NoteCalls } from './once.js'

interface Offered {
  readonly symbol: number
  readonly methods: readonly number[]
}

/** What the router's own API is asked; see the server's `RouterApi`. */
export interface RouterCalls extends NoteCalls {
  offer(offers: readonly Record<string, unknown>[]): Call<readonly Offered[]>
  withdraw(symbols: readonly number[]): Promise<void>
  receipts(query: ReceiptQuery): Promise<readonly ReceiptInfo[]>
  cancel(query: ReceiptQuery): Promise<readonly string[]>
  dead(query: DeadQuery): Promise<readonly DeadLetter[]>
  redrive(sn: string): Promise<Stored & { readonly sn: string }>
  purge(query: DeadQuery): Promise<readonly string[]>
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
  readonly #report: Report

  readonly #loadIsolation: (() => Promise<Isolation>) | undefined
  #isolation: Promise<Isolation> | undefined
  /** The last offer to a new session. */
  #underway: Promise<void> | undefined

  /** `isolation` is asked for once, where the first isolated method is exposed. */
  constructor(parts: { incoming: Incoming; router: RouterCalls; report: Report; isolation: (() => Promise<Isolation>) | undefined }) {
    this.#incoming = parts.incoming
    this.#router = parts.router
    this.#report = parts.report
    this.#loadIsolation = parts.isolation
  }

  /** Resolves when the router knows of it. Rejects with `NotExposed`, `Forbidden` or `Unsupported`, and then nothing is exposed. */
  async expose(target: object, implementation: object | undefined): Promise<Exposed> {
    const exposure = exposureOf(target, implementation, this.#report)
    if (exposure.isIsolated) exposure.isolate(await this.#isolate(exposure.contract.name))
    // A session that is lost meanwhile took the offer with it, so offering again is the same as offering once.
    while (!(await this.#offered(exposure))) continue
    this.#exposures.add(exposure)
    return exposed(exposure.contract, () => this.#withdraw(exposure))
  }

  #isolate(name: string): Promise<Isolation> {
    if (this.#loadIsolation !== undefined) return (this.#isolation ??= this.#loadIsolation())
    throw new WaybillError('Unsupported', `${name} has isolated methods, which run in processes of their own; there are none here`)
  }

  /** A new session knows nothing of us yet. */
  async again(): Promise<void> {
    const exposures = [...this.#exposures]
    for (const exposure of exposures) exposure.symbol = 0
    this.#underway = exposures.length > 0 ? this.#offer(exposures) : undefined
    await this.#underway
  }

  /** Takes all of them back for good: no later session offers them again. */
  async withdrawAll(): Promise<void> {
    const exposures = [...this.#exposures]
    this.#exposures.clear()
    await this.#answered()
    const symbols = exposures.map((exposure) => exposure.symbol).filter((symbol) => symbol !== 0)
    try {
      if (symbols.length > 0) await this.#router.withdraw(symbols)
    } finally {
      for (const exposure of exposures) this.#retired(exposure)
    }
  }

  /** The client has ended. */
  retire(): void {
    for (const exposure of this.#exposures) exposure.retire()
    this.#exposures.clear()
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
    if (!this.#exposures.delete(exposure)) return
    await this.#answered()
    try {
      if (exposure.symbol !== 0) await this.#router.withdraw([exposure.symbol])
    } finally {
      this.#retired(exposure)
    }
  }

  /** What is offered again is taken back by the symbol that the answer gives it; without it the router would keep the offer. */
  async #answered(): Promise<void> {
    await this.#underway?.catch(() => {})
  }

  /** Nothing new arrives for it any more. */
  #retired(exposure: Exposure): void {
    const before = exposure.symbol
    exposure.symbol = 0
    this.#incoming.serve(exposure, before)
    exposure.retire()
  }
}

function exposed({ name, version, methods }: ServiceContract, withdraw: () => Promise<void>): Exposed {
  return { service: name, version, methods: [...methods.keys()], withdraw, [Symbol.asyncDispose]: withdraw }
}
