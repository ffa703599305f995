/** A client that loads what it needs when it needs it, as a page does: nothing overtakes what waits, and what is given stays as it was given. */
import { beyondWith, installBeyond, richCodec } from '@waybill/core'
import { ROUTER_URL, harness, type Harness, type VirtualProcess } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { connectIn } from '../src/connect.js'
import { service, type Client, type Remote, type WaybillError } from '../src/index.js'
import { Serving } from '../src/serving.js'
import { callerStreams } from '../src/streams/caller.js'

/** Something to be loaded, when the test says so. */
class Chunk<T> {
  asked = 0
  #settle: { readonly resolve: (part: T) => void; readonly reject: (error: Error) => void } | undefined
  readonly #part: T

  constructor(part: T) {
    this.#part = part
  }

  readonly load = (): Promise<T> => {
    this.asked++
    return new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
  }

  async arrive(): Promise<void> {
    this.#settle!.resolve(this.#part)
    await Promise.resolve()
  }

  fail(): void {
    this.#settle!.reject(new TypeError('Failed to fetch dynamically imported module'))
  }
}

interface Log {
  note(value: unknown, signed?: string): unknown
  give(what: string): Promise<unknown>
  count(to: number): AsyncGenerator<number>
  sum(numbers: AsyncIterable<number>): Promise<number>
}

interface Stage {
  readonly h: Harness
  readonly streams: Chunk<typeof callerStreams>
  readonly page: Client
  readonly ports: VirtualProcess
  readonly log: Remote<Log>
  /** What reached the method, in order. */
  readonly noted: unknown[]
}

async function withPage(act: (stage: Stage) => Promise<void>): Promise<void> {
  await using h = harness()
  const noted: unknown[] = []
  const server = await h.client('server')
  await server.expose(service<Log>('Log@1.0.0', { note: {}, give: {}, count: {}, sum: {} }), {
    note: (value) => {
      noted.push(value)
      return value
    },
    give: async (what) => (what === 'date' ? new Date(0) : what === 'long' ? 'x'.repeat(5000) : what),
    async *count(to) {
      for (let number = 1; number <= to; number++) yield number
    },
    async sum(numbers) {
      let sum = 0
      for await (const number of numbers) sum += number
      return sum
    },
  })
  const streams = new Chunk(callerStreams)
  const ports = h.world.process('page')
  const connect = connectIn({
    ports,
    transport: () => h.network.transport(ports),
    schemes: '',
    admit: () => {},
    exposing: undefined,
    connected: undefined,
    serving: { load: () => Promise.resolve(Serving) },
    streams,
    isolation: undefined,
  })
  const page = await connect(ROUTER_URL, { name: 'page', ports })
  try {
    await act({ h, streams, page, ports, log: page.remote<Log>('Log'), noted })
  } finally {
    await page.close({ drainMs: 0 })
  }
}

const codeOf = (error: WaybillError): unknown => [error.code, error.executed]

describe('calls', () => {
  test('of plain JSON load nothing', () =>
    withPage(async ({ streams, log }) => {
      expect(await log.note({ plain: ['json', 1, null, true] })).toEqual({ plain: ['json', 1, null, true] })
      expect(await log.note(new Uint8Array([1]).length)).toBe(1)
      expect(streams.asked).toBe(0)
    }))

  test('of more wait for it, with the arguments as they were given, and none overtakes them', () =>
    withPage(async ({ h, streams, log, noted }) => {
      const when = new Date(1000)
      const bytes = new Uint8Array([1, 2])
      const first = log.note({ when, bytes })
      const second = log.note('second')
      const { sn } = await Promise.race([log.note.send('third'), Promise.resolve({ sn: 'waits' })])
      const fourth = log.note('fourth')
      when.setTime(0)
      bytes.fill(0)
      await h.advance(10)
      expect([noted, sn, streams.asked]).toEqual([[], 'waits', 1])
      await streams.arrive()
      expect(await first).toEqual({ when: new Date(1000), bytes: new Uint8Array([1, 2]) })
      expect(await Promise.all([second, fourth])).toEqual(['second', 'fourth'])
      expect(noted.slice(1)).toEqual(['second', 'third', 'fourth'])
      expect(streams.asked).toBe(1)
    }))

  test('that wait can be cancelled, and end by their deadline or with the client; none of them has run', () =>
    withPage(async ({ h, page, log, noted }) => {
      const cancelled = log.note(new Date())
      const late = log.note.with({ deadline: 100 })(new Date())
      const closed = log.note('behind')
      const outcomes = Promise.all([cancelled, late, closed].map((call) => call.then(() => 'ran', codeOf)))
      await cancelled.cancel()
      await h.advance(200)
      await page.close({ drainMs: 0 })
      expect(await outcomes).toEqual([
        ['Cancelled', 'no'],
        ['DeadlineExceeded', 'no'],
        ['Closed', 'no'],
      ])
      expect(noted).toEqual([])
    }))

  test('with streams in them and of streams', () =>
    withPage(async ({ streams, log }) => {
      const numbers = async function* (): AsyncGenerator<number> {
        yield 1
        yield 2
      }
      const sum = log.sum(numbers())
      await streams.arrive()
      expect(await sum).toBe(3)
      const counted: number[] = []
      for await (const number of log.count(3)) counted.push(number)
      expect(counted).toEqual([1, 2, 3])
    }))
})

describe('results', () => {
  test.each([
    ['beyond JSON', 'date', new Date(0)],
    ['beside it', 'long', 'x'.repeat(5000)],
  ])('%s wait, and those behind them', (_what, asked, given) =>
    withPage(async ({ h, streams, log }) => {
      const ended: string[] = []
      const first = log.give(asked)
      const second = log.give('plain')
      void first.then(() => ended.push('first'))
      void second.then(() => ended.push('second'))
      await h.advance(1000)
      expect([ended, streams.asked]).toEqual([[], 1])
      await streams.arrive()
      expect(await Promise.all([first, second])).toEqual([given, 'plain'])
      expect(ended).toEqual(['first', 'second'])
    }),
  )

  test('that are streams wait', () =>
    withPage(async ({ h, streams, log }) => {
      const counting = log.count(2)[Symbol.asyncIterator]()
      const first = counting.next()
      await h.advance(1000)
      expect(streams.asked).toBe(1)
      await streams.arrive()
      expect(await first).toEqual({ done: false, value: 1 })
      expect([await counting.next(), await counting.next()].map(({ done }) => done)).toEqual([false, true])
    }))

  test('come again where the link broke while they waited, once', () =>
    withPage(async ({ h, ports, streams, page, log, noted }) => {
      const first = log.note('noted').then(() => log.give('date'))
      await h.advance(100)
      h.network.cut(ports)
      const second = log.give('plain')
      await h.advance(500)
      expect([page.isConnected, streams.asked]).toEqual([true, 1])
      await streams.arrive()
      expect(await h.until(Promise.all([first, second]))).toEqual([new Date(0), 'plain'])
      expect(noted).toEqual(['noted'])
    }))

  test('are of no session but their own', () =>
    withPage(async ({ h, streams, page, log }) => {
      const statuses: string[] = []
      page.onStatus(({ kind }) => statuses.push(kind))
      const ended = log.give('date').then(() => 'ran', codeOf)
      await h.advance(100)
      await h.restartRouter()
      await h.advance(5000)
      expect(await ended).toEqual(['RouterLost', 'maybe'])
      await streams.arrive()
      await h.advance(5000)
      expect(statuses).toEqual(['lost', 'connected'])
      expect(await log.give('plain')).toBe('plain')
    }))

  test('do not keep the session from being alive', () =>
    withPage(async ({ h, streams, page, log }) => {
      const lost: unknown[] = []
      page.onStatus(({ kind }) => lost.push(kind))
      const call = log.give.with({ timeout: '2m' })('date')
      await h.advance(60_000)
      expect([lost, page.isConnected]).toEqual([[], true])
      await streams.arrive()
      expect(await call).toEqual(new Date(0))
    }))
})

test('what cannot be loaded is refused by name; what is behind it goes on, and the next one tries again', () =>
  withPage(async ({ streams, log }) => {
    installBeyond(undefined)
    try {
      const refused = log.note(new Date(0)).then(() => 'ran', codeOf)
      const behind = log.note('behind')
      streams.fail()
      expect(await refused).toEqual(['NotRepresentable', 'no'])
      expect(await behind).toBe('behind')
    } finally {
      installBeyond(beyondWith(richCodec))
    }
    const again = log.note(new Date(0))
    await streams.arrive()
    expect(await again).toEqual(new Date(0))
    expect(streams.asked).toBe(2)
  }))
