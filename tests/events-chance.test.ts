/**
 * Durable events whatever happens, by chance: routers, publishers and readers that are killed and come again, power that is lost, the real journal on a slow disk,
 * little that is kept. What must hold of each reader: what was said to be stored it has read, in the order of ids, or a gap stands there; an id is one event, for everybody.
 */
import type { Client, DurableSubscription, EventGap, TopicEvent } from '@waybill/client'
import { topicMatches } from '@waybill/core'
import { Seeded } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { Depot } from './depot.js'

type Item = TopicEvent<unknown> | EventGap

/** What all know of the log: by id, and what is said to be stored. */
class Ledger {
  readonly #events = new Map<number, string>()
  readonly stored = new Map<number, string>()
  attempts = 0

  saw(id: number, topic: string, value: unknown): void {
    const text = `${topic} ${String(value)}`
    const known = this.#events.get(id)
    if (known !== undefined && known !== text) throw new Error(`${id} is ${text} and ${known}`)
    this.#events.set(id, text)
  }
}

class Reader {
  /** Of all its processes, in order. */
  readonly read = new Set<number>()
  readonly gaps: { readonly from: number; readonly to: number }[] = []
  /** Where the process of the moment is; what it had when it began. */
  last = 0
  #client!: Client
  #events!: DurableSubscription<unknown>
  #isWaiting = false

  constructor(
    readonly name: string,
    readonly pattern: string,
    readonly cursor: string | undefined,
    private readonly h: Depot,
    private readonly ledger: Ledger,
  ) {}

  async begin(): Promise<void> {
    this.#client = await this.h.client(this.name)
    // Who has a cursor knows nothing of its own; who has none has remembered the last one.
    const { cursor, last } = this
    this.#events = this.#client.events(this.pattern, cursor === undefined ? { after: last } : { cursor })
    if (cursor !== undefined) this.last = 0
    this.#isWaiting = false
  }

  kill(): void {
    this.h.kill(this.#client)
  }

  /** What is there, up to a number. */
  async take(most: number): Promise<number> {
    let took = 0
    while (took < most && !this.#isWaiting) {
      const events = this.#events
      this.#isWaiting = true
      void events.next().then(({ value }) => {
        if (events !== this.#events || value === undefined) return
        this.#isWaiting = false
        this.#got(value)
        took++
      })
      await this.h.advance(0)
    }
    return took
  }

  async end(): Promise<void> {
    await this.#events.close()
  }

  #got(item: Item): void {
    if (item.kind === 'gap') {
      if (item.durable !== true) return
      const { from, to } = item as { from: number; to: number }
      if (from <= this.last || to < from) throw new Error(`${this.name}: a gap from ${from} to ${to} after ${this.last}`)
      this.gaps.push({ from, to })
      this.last = to
      return
    }
    const { id, topic, value } = item
    if (id === undefined) return
    if (id <= this.last) throw new Error(`${this.name}: ${id} after ${this.last}`)
    this.ledger.saw(id, topic, value)
    this.read.add(id)
    this.last = id
  }

  /** What was stored for it, and is neither read nor announced. */
  missed(): number[] {
    return [...this.ledger.stored]
      .filter(([, topic]) => topicMatches(this.pattern, topic))
      .map(([id]) => id)
      .filter((id) => !this.read.has(id) && !this.gaps.some(({ from, to }) => id >= from && id <= to))
  }
}

async function play(seed: number): Promise<{ stored: number; gaps: number; missed: unknown }> {
  const random = new Seeded(seed)
  const limits = { maxLoggedEvents: random.pick([60, 200, 1_000_000]), windowBytes: random.pick([2048, 1024 * 1024]), maxFrameBytes: 2048 }
  await using h = await Depot.open({
    seed,
    limits,
    mostDiskMs: random.pick([0.5, 5, 20]),
    snapshotBytes: random.pick([4096, 32_768, 1_048_576]),
  })
  const ledger = new Ledger()
  const publishers = new Map<string, Client>()
  for (const name of ['one', 'two']) publishers.set(name, await h.client(name))
  const readers = [
    new Reader('all', '**', undefined, h, ledger),
    new Reader('dogs', 'dog.*', undefined, h, ledger),
    new Reader('printer', '**', 'printer', h, ledger),
    new Reader('feeder', 'cat.purred', 'feeder', h, ledger),
  ]
  for (const reader of readers) await reader.begin()

  const publish = (client: Client): void => {
    const topic = random.pick(['dog.barked', 'dog.slept', 'cat.purred'])
    const value = `${++ledger.attempts} ${'x'.repeat(random.whole(0, 300))}`
    client.publish(topic, value, { durable: true }).then(
      ({ id }) => {
        ledger.saw(id, topic, value)
        ledger.stored.set(id, topic)
      },
      () => {},
    )
    if (random.chance(0.2)) client.publish('dog.live', value).catch(() => {})
  }
  const deeds: readonly (readonly [weight: number, deed: () => unknown])[] = [
    [20, () => Array.from({ length: random.whole(1, 30) }, () => publish(random.pick([...publishers.values()])))],
    [20, () => random.pick(readers).take(random.whole(1, 60))],
    [10, () => h.advance(random.whole(1, 200))],
    [2, () => h.restartRouter(random.whole(1, 2000), { isPower: random.chance(0.5) })],
    [
      2,
      async () => {
        const reader = random.pick(readers)
        reader.kill()
        await reader.begin()
      },
    ],
    [
      2,
      async () => {
        const name = random.pick([...publishers.keys()])
        h.kill(publishers.get(name)!)
        publishers.set(name, await h.client(name))
      },
    ],
  ]
  const all = deeds.flatMap(([weight, deed]) => Array.from({ length: weight }, () => deed))
  for (let step = 0; step < 120; step++) await random.pick(all)()
  // All is well again.
  await h.advance(10_000)
  for (let idle = 0; idle < 3;) {
    let took = 0
    for (const reader of readers) took += await reader.take(10_000)
    await h.advance(100)
    idle = took === 0 ? idle + 1 : 0
  }
  const missed = Object.fromEntries(readers.map((reader) => [reader.name, reader.missed()]))
  for (const reader of readers) await reader.end()
  return { stored: ledger.stored.size, gaps: readers.reduce((sum, { gaps }) => sum + gaps.length, 0), missed }
}

describe('whatever happens', () => {
  let gaps = 0
  let stored = 0
  test.each(Array.from({ length: 30 }, (_, at) => at + 1))('seed %i', async (seed) => {
    const played = await play(seed)
    expect(played.missed).toEqual({ all: [], dogs: [], printer: [], feeder: [] })
    gaps += played.gaps
    stored += played.stored
  })

  test('enough did', () => {
    expect(gaps).toBeGreaterThan(20)
    expect(stored).toBeGreaterThan(5000)
  })
})
