/**
 * What ordinary tests run on: a router and clients in memory, on virtual time. What is due now happens by itself; timers fire only in
 * `advance`. Disposal closes everything and throws where anything is left: a call, a session, a link, a timer.
 */
import { connect, type Client, type ConnectOptions } from '@waybill/client'
import { composeRouter, type Router, type RouterOptions } from '@waybill/server'
import type { Tap } from './link.js'
import { Network } from './network.js'
import type { Paper } from './paper.js'
import type { VirtualProcess } from './process.js'
import { World } from './world.js'

export interface HarnessOptions {
  readonly seed?: number
  /** Passed on to the router. */
  readonly router?: Omit<RouterOptions, 'ports' | 'listen'>
  /** What survives the router's process; default: nothing. */
  readonly paper?: Paper
  /** Milliseconds a packet takes; above 0 every packet needs an `advance`. Default 0. */
  readonly latencyMs?: number
  /** Sees what happens on the wires. */
  readonly tap?: Tap
}

export const ROUTER_URL = 'ws://router.test'

export class Harness implements AsyncDisposable {
  readonly world: World
  readonly network: Network
  readonly #clients = new Map<Client, VirtualProcess>()
  readonly #options: HarnessOptions
  #router!: Router
  #routerProcess!: VirtualProcess

  constructor(options: HarnessOptions = {}) {
    this.#options = options
    this.world = new World({ seed: options.seed ?? 1, flows: true })
    this.network = new Network(this.world, { latencyMs: () => options.latencyMs ?? 0, ...(options.tap && { tap: options.tap }) })
    this.#startRouter()
  }

  /** The router of the moment. */
  get router(): Router {
    return this.#router
  }

  /** Connects a client, as a process of its own. */
  async client(name?: string, options: Omit<ConnectOptions, 'name' | 'transport' | 'ports'> = {}): Promise<Client> {
    const ports = this.world.process(name ?? 'client')
    const connecting = connect(ROUTER_URL, {
      ...options,
      ...(name !== undefined && { name }),
      ports,
      transport: this.network.transport(ports),
    })
    const client = await (this.#options.latencyMs ? this.world.until(connecting) : connecting)
    this.#clients.set(client, ports)
    return client
  }

  /** The process that a client runs in, to do something to it. */
  processOf(client: Client): VirtualProcess {
    const process = this.#clients.get(client)
    if (process === undefined) throw new Error('the client is not of this harness, or was killed')
    return process
  }

  /** Lets `ms` of virtual time pass. */
  advance(ms: number): Promise<void> {
    return this.world.advance(ms)
  }

  /** Lets time pass until the promise settles. */
  until<T>(promise: PromiseLike<T>, mostMs?: number): Promise<T> {
    return this.world.until(promise, mostMs)
  }

  /** The client's process ends as by `SIGKILL`. */
  kill(client: Client, how: 'reset' | 'silent' = 'reset'): void {
    const process = this.processOf(client)
    this.#clients.delete(client)
    process.kill()
    this.network.died(process, how)
  }

  /** The router's process ends as by `SIGKILL`, and after `downMs` another one listens in its place, whose wall clock is wrong by `skewMs`. */
  async restartRouter(downMs = 0, { skewMs = 0 }: { skewMs?: number } = {}): Promise<void> {
    this.#routerProcess.kill()
    this.network.died(this.#routerProcess, 'reset')
    // A start within the same millisecond would have the same epoch.
    await this.world.advance(Math.max(1, downMs))
    this.#startRouter(skewMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left: string[] = []
    await this.advance(0)
    for (const client of this.#clients.keys()) {
      const { outgoing, incoming } = client.pending
      if (outgoing + incoming > 0) left.push(`${client.name} has ${outgoing} calls out and ${incoming} running`)
    }
    const closing = Promise.all([...this.#clients.keys()].map((client) => client.close({ drainMs: 0 })))
    // Longer than any grace: what the test left detached or half-open is given up by then.
    await this.advance(60_000)
    await this.until(closing)
    for (const [what, count] of Object.entries(this.#router.load)) if (count > 0) left.push(`the router has ${count} ${what}`)
    this.#router.close()
    await this.advance(60_000)
    for (const { name, timers } of this.world.processes) if (timers > 0) left.push(`${name} has ${timers} timers`)
    if (this.network.wires.size > 0) left.push(`${this.network.wires.size} links are open`)
    if (left.length > 0) throw new Error(`left behind: ${left.join('; ')}`)
  }

  #startRouter(skewMs = 0): void {
    this.#routerProcess = this.world.process('router', { skewMs })
    const { paper } = this.#options
    const kept = paper?.open(this.#routerProcess)
    this.#router = composeRouter({ name: 'router', ...this.#options.router, ...kept, ports: this.#routerProcess }).router
    this.network.listen(ROUTER_URL, this.#routerProcess, this.#router)
  }
}

/** `await using h = harness()` */
export function harness(options?: HarnessOptions): Harness {
  return new Harness(options)
}
