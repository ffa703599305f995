/**
 * Where the routers of a simulation run, one after another, and what each finds of those before it. Starts and ends them; when is decided elsewhere.
 */
import { composeRouter, type Kept, type Router, type Store } from '@waybill/server'
import { ROUTER_URL } from '../harness.js'
import type { Death, Network } from '../network.js'
import type { VirtualProcess } from '../process.js'
import type { World } from '../world.js'
import type { History } from './history.js'
import { Storage, type Verdict } from './storage.js'
import type { Damage } from './storage-plans.js'

export interface RouterLife {
  readonly process: VirtualProcess
  readonly router: Router
  readonly store: Store | undefined
}

/** How a router ends, and what happens before the next one begins. */
export interface RouterDeath {
  readonly how: Death
  /** With all that nothing had made safe. */
  readonly isPower?: boolean
  readonly delayMs: number
  /** By how much the wall clock is put forward, or back. */
  readonly skewMs?: number
}

export class Host {
  readonly routers: RouterLife[] = []
  readonly storage: Storage | undefined
  readonly #world: World
  readonly #network: Network
  readonly #history: History
  /** A process that has not opened its store yet. */
  #starting: VirtualProcess | undefined
  #damaging = false
  #skewMs = 0

  constructor(parts: { world: World; network: Network; history: History }) {
    this.#world = parts.world
    this.#network = parts.network
    this.#history = parts.history
    const plan = this.#history.scenario.storage
    this.storage = plan && new Storage(this.#world, plan)
    if (this.storage !== undefined) this.#history.isKnownFull = (atMs) => this.storage!.isKnownFull(atMs)
  }

  /** The router of the moment; undefined while there is none, or none that is ready. */
  get router(): RouterLife | undefined {
    const last = this.routers.at(-1)
    return last?.process.isAlive === true ? last : undefined
  }

  /** The process of the router of the moment, whether or not it is ready. */
  get process(): VirtualProcess | undefined {
    return this.router?.process ?? this.#starting
  }

  start(): void {
    if (this.process !== undefined || this.#damaging) return
    const process = this.#world.process('router', { skewMs: this.#skewMs })
    if (this.storage === undefined) return this.#listen(process, undefined)
    this.#starting = process
    void this.#open(process, this.storage)
  }

  kill({ how, isPower = false, delayMs, skewMs = 0 }: RouterDeath): void {
    const { process } = this
    if (process === undefined) return
    this.#starting = undefined
    this.#skewMs += skewMs
    process.kill()
    this.storage?.died(isPower)
    this.#network.died(process, how, delayMs)
  }

  /** While no router runs. */
  async damage(damage: Damage): Promise<void> {
    if (this.storage === undefined || this.process !== undefined || this.#damaging) return
    this.#damaging = true
    const { generation } = this.storage
    const verdict: Verdict = await this.storage.damage(damage)
    this.#damaging = false
    this.#history.count(`damage that is ${verdict}`)
    if (verdict === 'unnoticed') this.#history.violate('I15', `a start takes a damaged store for whole: ${JSON.stringify(damage)}`)
    if (verdict === 'harmless') this.#history.isDamaged = true
    if (this.storage.generation !== generation) this.#history.count('store that is begun anew')
  }

  async #open(process: VirtualProcess, storage: Storage): Promise<void> {
    try {
      const { kept, report } = await storage.open(process, () => this.#history.count('store that fails'))
      const { isNew, entries, tornBytes } = report
      if (!isNew) this.#history.count('start over a store')
      if (entries > 0) this.#history.count('start from a snapshot')
      if (tornBytes > 0) this.#history.count('start over a torn end')
      this.#starting = undefined
      this.#listen(process, kept)
    } catch (thrown) {
      this.#history.violate('I15', `the router does not start: ${(thrown as Error).message}`)
      process.kill()
      storage.died(false)
      storage.replace()
      this.#starting = undefined
      this.start()
    }
  }

  #listen(process: VirtualProcess, kept: Kept | undefined): void {
    const { router } = composeRouter({
      name: 'router',
      ports: process,
      limits: this.#history.scenario.limits,
      // Few share a principal, so that whatever reaches another one shows.
      authenticate: (credentials) => `principal-of-${credentials?.token ?? 'nobody'}`,
      ...kept,
    })
    const store = kept?.store
    this.routers.push({ process, router, store })
    this.#history.keeps(process.id, store === undefined ? `router ${process.id}` : `store ${this.storage!.generation}`, this.#world.nowMs)
    this.#network.listen(ROUTER_URL, process, router)
  }
}
