/**
 * Who takes part in a simulation: a router and named clients, each over one process after another. Starts and ends the clients; when is decided
 * elsewhere.
 */
import { connect, type Client, type Exceptional, type WaybillError } from '@waybill/client'
import { ROUTER_URL } from '../harness.js'
import type { Death, Network } from '../network.js'
import type { VirtualProcess } from '../process.js'
import type { World } from '../world.js'
import type { Ended, History } from './history.js'
import { Host, type RouterDeath, type RouterLife } from './host.js'
import { implementation, kennelOf } from './kennel.js'
import type { Scenario } from './scenario.js'
import { tenantOf, type WorkerPlan } from './setting.js'

/** One process of a client. */
export interface Life {
  readonly name: string
  readonly process: VirtualProcess
  /** Undefined until it is connected for the first time. */
  client: Client | undefined
  /** Somebody has told it to end, or has taken its name. */
  isLeaving: boolean
  /** Its client has ended for good. */
  hasEnded: boolean
  /** Its name was taken by another process. */
  isSuperseded: boolean
  /** What it offers has been taken by a router. */
  hasOffered: boolean
}

const RETRY_MS = 100

export class Cast {
  /** The process that holds each name now. */
  readonly current = new Map<string, Life>()
  /** Every process of a client that was ever started. */
  readonly lives: Life[] = []
  readonly host: Host
  /** Nobody is started any more. */
  isOver = false
  /** Makes a call during the one that the worker runs. Set before anybody starts. */
  nested: (life: Life, id: number) => Promise<void> = () => Promise.resolve()
  /** Told of each client that has connected for the first time, before it offers anything. */
  joined: (life: Life, client: Client) => void = () => {}
  readonly #world: World
  readonly #network: Network
  readonly #scenario: Scenario
  readonly #history: History

  constructor(parts: { world: World; network: Network; history: History }) {
    this.#world = parts.world
    this.#network = parts.network
    this.#history = parts.history
    this.#scenario = parts.history.scenario
    this.host = new Host(parts)
  }

  get names(): readonly string[] {
    return [...this.#scenario.workers.map(({ name }) => name), ...this.#scenario.callers]
  }

  get living(): readonly Life[] {
    return this.lives.filter(({ process }) => process.isAlive)
  }

  /** The router of the moment; undefined while there is none. */
  get router(): RouterLife | undefined {
    return this.host.router
  }

  startRouter(): void {
    this.host.start()
  }

  killRouter(death: RouterDeath): void {
    this.host.kill(death)
  }

  /** Starts a process of that name, which takes the name from the one that has it. */
  start(name: string): Life {
    const process = this.#world.process(name)
    const life: Life = { name, process, client: undefined, isLeaving: false, hasEnded: false, isSuperseded: false, hasOffered: false }
    this.current.set(name, life)
    this.lives.push(life)
    void this.#begin(life)
    return life
  }

  kill(life: Life, how: Death, delayMs: number): void {
    life.process.kill()
    this.#network.died(life.process, how, delayMs)
    if (this.current.get(life.name) === life) this.current.delete(life.name)
  }

  async close(life: Life, drainMs: number): Promise<void> {
    life.isLeaving = true
    await life.client?.close({ drainMs })
    if (this.current.get(life.name) === life) this.current.delete(life.name)
  }

  async #begin(life: Life): Promise<void> {
    const { name, process } = life
    for (;;) {
      try {
        const client = await connect(ROUTER_URL, {
          name,
          token: tenantOf(name),
          ports: process,
          transport: this.#network.transport(process),
          onIncident: () => {},
        })
        life.client = client
        this.#history.joins.push({ name, process: process.id, atMs: this.#world.nowMs })
        // It was told to end before it had begun.
        if (life.isLeaving) return await client.close({ drainMs: 0 })
        void client.closed.then((error) => this.#ended(life, error))
        this.#listen(life, client)
        this.joined(life, client)
        const plan = this.#scenario.workers.find((worker) => worker.name === name)
        if (plan !== undefined) await this.#offer(life, client, plan)
        return
      } catch {
        if (life.isLeaving) return
        await process.sleep(RETRY_MS)
      }
    }
  }

  #ended(life: Life, error: WaybillError | undefined): void {
    life.hasEnded = true
    if (error === undefined) return
    const { name } = life
    const { code, message } = error
    this.#history.count(`client ended by ${code}`)
    if (life.isLeaving) return
    // A router that has just started does not know which of two processes came second: the older one may win the name, until it ends.
    const hasOlder = this.lives.some((other) => other !== life && other.name === name && other.isLeaving && other.process.isAlive)
    if (code !== 'Superseded' || !hasOlder || this.host.routers.length === 1)
      this.#history.violate('explained', `${name} ended by itself: ${message}`)
    else if (!this.isOver) this.start(name)
  }

  /** What others have it told of their calls. */
  #listen({ process }: Life, client: Client): void {
    const told = (sn: string, ended: Ended): void => {
      if (process.isAlive) this.#history.postbacks.push({ sn, process, ended })
    }
    const atMs = (): number => this.#world.nowMs
    const failed = ({ code, executed, message }: Error & Exceptional): Ended => ({ kind: 'error', atMs: atMs(), code, executed, message })
    client.onPostback({
      result: (value, { sn }) => told(sn, { kind: 'result', atMs: atMs(), value }),
      exception: (error, { sn }) => told(sn, failed(error)),
      rejected: ({ code, description }, { sn }) => told(sn, { kind: 'error', atMs: atMs(), code, executed: 'no', message: description }),
    })
  }

  async #offer(life: Life, client: Client, { version, concurrency }: WorkerPlan): Promise<void> {
    const { process } = life
    const works = implementation({
      process,
      nowMs: () => this.#world.nowMs,
      log: (execution) => this.#history.executions.push(execution),
      nested: (id) => this.nested(life, id),
    })
    while (process.isAlive && !life.isLeaving) {
      try {
        await client.expose(kennelOf(version, concurrency), works)
        life.hasOffered = true
        return
      } catch {
        await process.sleep(RETRY_MS)
      }
    }
  }
}
