/**
 * A router and clients in memory, on virtual time, where the router keeps its store in the real journal on a virtual disk: each start opens it anew, and a power
 * loss takes what was not synced, or half of it.
 */
import { connect, type Client } from '@waybill/client'
import { beginKept, composeRouter, emptyKept, foldOfKept, type Limits, type Router } from '@waybill/server'
import { openJournal } from '@waybill/server/store'
import { Network, ROUTER_URL, VirtualDisk, World, type VirtualProcess } from '@waybill/testkit'

export interface DepotOptions {
  readonly seed: number
  readonly limits: Partial<Limits>
  /** How long one thing that the disk does may take. */
  readonly mostDiskMs: number
  /** A snapshot is written when so much was appended; segments are half as long. */
  readonly snapshotBytes: number
}

export class Depot implements AsyncDisposable {
  readonly world: World
  readonly network: Network
  readonly #options: DepotOptions
  readonly #disk: VirtualDisk
  readonly #clients = new Map<Client, VirtualProcess>()
  #router: Router | undefined
  #process!: VirtualProcess

  constructor(options: DepotOptions) {
    this.#options = options
    this.world = new World({ seed: options.seed, flows: true })
    this.network = new Network(this.world, { latencyMs: () => 0 })
    const random = this.world.random.fork('disk')
    this.#disk = new VirtualDisk({
      random,
      after: (delayMs, run) => {
        const process = this.#process
        this.world.after(delayMs, () => process.enter(run))
      },
      delayMs: () => random.between(0, options.mostDiskMs),
    })
  }

  static async open(options: DepotOptions): Promise<Depot> {
    const depot = new Depot(options)
    await depot.#start()
    return depot
  }

  async client(name: string): Promise<Client> {
    const ports = this.world.process(name)
    const client = await this.until(connect(ROUTER_URL, { name, ports, transport: this.network.transport(ports) }))
    this.#clients.set(client, ports)
    return client
  }

  kill(client: Client): void {
    const process = this.#clients.get(client)!
    this.#clients.delete(client)
    process.kill()
    this.network.died(process, 'reset')
  }

  advance(ms: number): Promise<void> {
    return this.world.advance(ms)
  }

  until<T>(promise: PromiseLike<T>): Promise<T> {
    return this.world.until(promise, 120_000)
  }

  async restartRouter(downMs: number, { isPower = false }: { readonly isPower?: boolean } = {}): Promise<void> {
    this.#process.kill()
    this.network.died(this.#process, 'reset')
    if (isPower) this.#disk.losePower()
    else this.#disk.kill()
    await this.world.advance(Math.max(1, downMs))
    await this.#start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = Promise.all([...this.#clients.keys()].map((client) => client.close({ drainMs: 0 })))
    await this.advance(10_000)
    await this.until(closing)
    this.#router?.close()
  }

  async #start(): Promise<void> {
    const process = this.world.process('router')
    this.#process = process
    const kept = emptyKept()
    const { snapshotBytes, limits } = this.#options
    const options = { ports: process, snapshotBytes, segmentBytes: snapshotBytes / 2, reserveBytes: 0 }
    const { journal } = await this.until(openJournal(this.#disk.mount(), foldOfKept(kept), options))
    beginKept(kept, journal)
    this.#router = composeRouter({ name: 'router', limits, ...kept, ports: process }).router
    this.network.listen(ROUTER_URL, process, this.#router)
  }
}
