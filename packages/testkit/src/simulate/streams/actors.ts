/** Makes the calls with streams of a plan, writes and reads their streams as planned, and writes down what each side sees. */
import { service, type Call, type Client, type Exceptional, type ServiceDefinition } from '@waybill/client'
import type { VirtualProcess } from '../../process.js'
import type { World } from '../../world.js'
import type { Cast, Life } from '../cast.js'
import type { ReaderPlan, SourcePlan, StreamPlan, StreamsPlan } from './plan.js'
import type { Flow, FlowEnd, Item, Streamed } from './record.js'

interface Hose {
  out(id: number): AsyncGenerator<Item, number>
  in(id: number, items: AsyncIterable<Item>): Promise<number>
  both(id: number, items: AsyncIterable<Item>): AsyncGenerator<Item, number>
}

const RETRY_MS = 100

export class Actors {
  readonly streamed: Streamed[] = []
  readonly #world: World
  readonly #cast: Cast
  readonly #plan: StreamsPlan
  readonly #hose: ServiceDefinition<Hose>

  constructor(parts: { world: World; cast: Cast; plan: StreamsPlan }) {
    this.#world = parts.world
    this.#cast = parts.cast
    this.#plan = parts.plan
    const { concurrency } = parts.plan
    this.#hose = service<Hose>('Hose@1.0.0', { out: {}, in: {}, both: {} }, concurrency === undefined ? {} : { concurrency })
  }

  start(): void {
    const workers = new Set(this.#plan.scenario.workers.map(({ name }) => name))
    this.#cast.joined = (life, client) => {
      if (workers.has(life.name)) void this.#offer(life, client)
    }
    for (const plan of this.#plan.streams) {
      this.#world.after(plan.atMs, () => {
        const life = this.#cast.current.get(plan.by)
        if (life?.client !== undefined) this.#make(life.process, life.client, plan)
      })
    }
  }

  // ---- the callee's

  async #offer(life: Life, client: Client): Promise<void> {
    const { process } = life
    const run = (id: number): Streamed => {
      const streamed = this.streamed.find(({ plan }) => plan.id === id)!
      streamed.runs++
      return streamed
    }
    const works: Hose = {
      out: (id) => {
        const streamed = run(id)
        return this.#give(process, this.#flow(streamed, 'caller'), streamed.plan.source)
      },
      in: async (id, items) => {
        const streamed = run(id)
        const flow = streamed.flows.find(({ toward }) => toward === 'callee')!
        await this.#read(process, flow, items, streamed.plan.reader)
        // What its reader was told is what its caller is.
        if (flow.end?.kind === 'failed') throw new Error(flow.end.message)
        return flow.read.length
      },
      both: (id, items) => {
        const streamed = run(id)
        return this.#echo(process, streamed, items)
      },
    }
    while (process.isAlive && !life.isLeaving && !life.hasEnded) {
      try {
        return void (await client.expose(this.#hose, works))
      } catch {
        await process.sleep(RETRY_MS)
      }
    }
  }

  // ---- the caller's

  #make(process: VirtualProcess, client: Client, plan: StreamPlan): void {
    const streamed: Streamed = { plan, process, flows: [], runs: 0, isCancelled: false, end: undefined }
    this.streamed.push(streamed)
    const hose = client.remote<Hose>('Hose')
    const items = (): AsyncGenerator<Item, number> => this.#give(process, this.#flow(streamed, 'callee'), plan.source)
    const call: Call<unknown> =
      plan.direction === 'out'
        ? (hose.out(plan.id) as unknown as Call<unknown>)
        : plan.direction === 'in'
          ? hose.in(plan.id, items())
          : (hose.both(plan.id, items()) as unknown as Call<unknown>)
    const end = (ended: FlowEnd): void => {
      if (process.isAlive) streamed.end = ended
    }
    call.then(
      (value) => {
        if (plan.direction === 'in') return end({ kind: 'ended', value })
        const flow = streamed.flows.find(({ toward }) => toward === 'caller')
        if (flow === undefined) return end({ kind: 'failed', code: 'none', executed: 'yes', message: 'a result, and its method never ran' })
        void this.#read(process, flow, value as AsyncIterable<Item>, plan.reader).then(() => end(flow.end!))
      },
      (error: Error & Exceptional) => end(failed(error)),
    )
    if (plan.cancelAfterMs !== undefined) {
      this.#world.after(plan.cancelAfterMs, () => {
        if (streamed.end !== undefined || !process.isAlive) return
        streamed.isCancelled = true
        void call.cancel('planned').catch(() => {})
      })
    }
  }

  // ---- both sides'

  #flow(streamed: Streamed, toward: Flow['toward'], isOwn = true): Flow {
    const flow: Flow = {
      plan: streamed.plan,
      toward,
      isOwn,
      source: undefined,
      reader: undefined,
      made: 0,
      isClosed: false,
      most: 0,
      read: [],
      end: undefined,
      late: 0,
    }
    streamed.flows.push(flow)
    return flow
  }

  async *#give(process: VirtualProcess, flow: Flow, source: SourcePlan): AsyncGenerator<Item, number> {
    const { items, bytes, everyMs, failsAt, lingersMs } = source
    flow.source = process
    try {
      for (let number = 0; ; number++) {
        if (everyMs > 0) await process.sleep(everyMs)
        if (number === failsAt) throw new RangeError(`failed ${flow.plan.id}`)
        if (number === items) return items
        flow.made++
        flow.most = Math.max(flow.most, flow.made - flow.read.length)
        yield { id: flow.plan.id, number, padding: 'w'.repeat(bytes) }
      }
    } finally {
      if (lingersMs > 0) await process.sleep(lingersMs)
      flow.isClosed = true
    }
  }

  /** What comes in goes out; the reader at the end may stop, and what is thrown here is thrown there. */
  async *#echo(process: VirtualProcess, streamed: Streamed, items: AsyncIterable<Item>): AsyncGenerator<Item, number> {
    const inner = streamed.flows.find(({ toward }) => toward === 'callee')!
    const outer = this.#flow(streamed, 'caller', false)
    outer.source = process
    inner.reader = process
    try {
      for await (const item of items) {
        take(inner, item)
        outer.made++
        outer.most = Math.max(outer.most, outer.made - outer.read.length)
        yield item
      }
      inner.end = { kind: 'ended', value: undefined }
      return inner.read.length
    } catch (error) {
      inner.end = failed(error as Error & Exceptional)
      throw error
    } finally {
      inner.end ??= { kind: 'stopped' }
      outer.isClosed = true
    }
  }

  /** Resolves when the stream is over for its reader; never, where that is killed. */
  async #read(process: VirtualProcess, flow: Flow, stream: AsyncIterable<Item>, { everyMs, stopsAt }: ReaderPlan): Promise<void> {
    const steps = stream[Symbol.asyncIterator]() as AsyncGenerator<Item, unknown>
    flow.reader = process
    let end: FlowEnd
    try {
      for (;;) {
        if (flow.read.length === stopsAt) {
          await steps.return(undefined)
          end = { kind: 'stopped' }
          break
        }
        if (everyMs > 0) await process.sleep(everyMs)
        const step = await steps.next()
        if (step.done === true) {
          end = { kind: 'ended', value: step.value }
          break
        }
        take(flow, step.value)
      }
    } catch (error) {
      end = failed(error as Error & Exceptional)
    }
    flow.end = end
    const after = await steps.next()
    if (after.done !== true) flow.late++
  }
}

/** What is not right of it is not what it should be the next time. */
function take(flow: Flow, { id, number, padding }: Item): void {
  const isRight = id === flow.plan.id && padding.length === flow.plan.source.bytes
  flow.read.push(isRight ? number : -1)
}

function failed({ code, executed, message }: Error & Exceptional): FlowEnd {
  return { kind: 'failed', code, executed, message }
}
