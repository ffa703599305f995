/** A client that loads what it needs when it needs it, as a page does: nothing overtakes what waits, and what is given stays as it was given. */
import { beyondWith, installBeyond, richCodec } from '@waybill/core'
import { ROUTER_URL, harness, type Harness, type VirtualProcess } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { connectIn } from '../src/connect.js'
import { nodeDigest } from '../src/digests/node.js'
import { Events } from '../src/events.js'
import { Groups } from '../src/groups.js'
import { service, topic, type Client, type Remote, type WaybillError } from '../src/index.js'
import { Postbacks } from '../src/postbacks.js'
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
  readonly groups: Chunk<typeof Groups>
  readonly events: Chunk<typeof Events>
  readonly postbacks: Chunk<typeof Postbacks>
  readonly server: Client
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
  const groups = new Chunk(Groups)
  const events = new Chunk(Events)
  const postbacks = new Chunk(Postbacks)
  const ports = h.world.process('page')
  const connect = connectIn({
    ports,
    transport: () => h.network.transport(ports),
    schemes: '',
    admit: () => {},
    exposing: undefined,
    connected: undefined,
    digest: nodeDigest,
    parts: { serving: { load: () => Promise.resolve(Serving) }, streams, groups, events, postbacks, isolation: undefined },
  })
  const page = await connect(ROUTER_URL, { name: 'page', ports })
  try {
    await act({ h, streams, groups, events, postbacks, server, page, ports, log: page.remote<Log>('Log'), noted })
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

describe('groups', () => {
  test('wait for what gathers, and tell all that was asked of them', () =>
    withPage(async ({ h, groups, log, noted }) => {
      const heard: unknown[] = []
      const when = { at: 1 }
      const fan = log.note.all(when)
      const { sn } = fan
      void fan.on('result', (value, from) => heard.push(['on', from, value]))
      const reading = (async () => {
        for await (const { from, kind } of fan.status()) heard.push(['status', from, kind])
        for await (const answer of fan) heard.push(['answer', answer.from])
      })()
      when.at = 2
      await h.advance(100)
      expect([noted, groups.asked]).toEqual([[], 1])
      await groups.arrive()
      const { results, missing } = await fan
      await reading
      expect([...results]).toEqual([['server', { at: 1 }]])
      expect([missing, fan.sn]).toEqual([[], sn])
      expect(heard).toContainEqual(['on', 'server', { at: 1 }])
      expect(heard).toContainEqual(['status', 'server', 'result'])
      expect(heard.at(-1)).toEqual(['answer', 'server'])
      expect((await log.note.all('again')).results.get('server')).toBe('again')
      expect(groups.asked).toBe(1)
    }))

  test('wait for what writes their arguments too', () =>
    withPage(async ({ h, groups, streams, log }) => {
      const fan = log.note.all(new Date(0))
      await groups.arrive()
      await h.advance(100)
      expect(streams.asked).toBe(1)
      await streams.arrive()
      expect((await fan).results.get('server')).toEqual(new Date(0))
      expect((await log.note.all(new Date(1))).results.get('server')).toEqual(new Date(1))
    }))

  test('that are cancelled meanwhile ask nobody', () =>
    withPage(async ({ groups, log, noted }) => {
      const fan = log.note.all('x')
      const ended = fan.then(() => 'ran', codeOf)
      const cancelling = fan.cancel()
      await groups.arrive()
      await cancelling
      expect(await ended).toEqual(['Cancelled', 'no'])
      expect(noted).toEqual([])
    }))

  test('say so where it cannot be loaded, to whoever asks', () =>
    withPage(async ({ groups, log }) => {
      const fan = log.note.all('x')
      const first = fan.status().next()
      groups.fail()
      const refusal = { code: 'Internal', executed: 'no' }
      await expect(fan).rejects.toMatchObject(refusal)
      await expect(first).rejects.toMatchObject(refusal)
      const again = log.note.all('again')
      await groups.arrive()
      expect((await again).results.get('server')).toBe('again')
    }))
})

describe('events', () => {
  test('are heard once what hears them is there, and published in order', () =>
    withPage(async ({ h, events, page, server }) => {
      expect(() => page.events('not a pattern')).toThrow(expect.objectContaining({ code: 'BadAddress' }))
      expect(events.asked).toBe(0)
      await using heard = page.events<number>('page.*')
      expect(heard.pattern).toBe('page.*')
      const first = heard.next()
      await events.arrive()
      await heard.ready
      await server.publish('page.one', 1)
      expect(await first).toMatchObject({ done: false, value: { topic: 'page.one', value: 1, from: 'server' } })
      await page.publish('page.two', 2)
      expect(await heard.next()).toMatchObject({ value: { value: 2, from: 'page' } })
      await h.advance(0)
    }))

  test('that are published before wait in order, as they were', () =>
    withPage(async ({ h, events, streams, page, server }) => {
      await using heard = server.events<unknown>('page.*')
      await heard.ready
      const value = { n: 1 }
      const published = [
        page.publish('page.a', value),
        page.publish('page.b', new Date(0)),
        page.publish('page.c', 3),
        page.publish(topic('page.d', { schema: dated }), 4),
      ]
      value.n = 2
      await events.arrive()
      await h.advance(100)
      await streams.arrive()
      await Promise.all([...published, page.publish('page.e', 5)])
      const values: unknown[] = []
      while (values.length < 5) values.push(((await heard.next()).value as { value: unknown }).value)
      expect(values).toEqual([{ n: 1 }, new Date(0), 3, new Date(4), 5])
    }))

  test('are refused where it cannot be loaded; a subscription ends with that', () =>
    withPage(async ({ events, page }) => {
      const published = page.publish('page.a', 1).then(() => 'published', codeOf)
      const heard = page.events('page.*')
      const first = heard.next().then(() => 'heard', codeOf)
      events.fail()
      expect([await published, await first]).toEqual([
        ['Internal', 'no'],
        ['Internal', 'no'],
      ])
      await expect(heard.ready).rejects.toMatchObject({ code: 'Internal' })
      expect(await heard.return()).toEqual({ done: true, value: undefined })
    }))

  test('come too late for a client that has ended', () =>
    withPage(async ({ events, page }) => {
      const heard = page.events('page.*')
      const published = page.publish('page.a', 1).then(() => 'published', codeOf)
      await page.close({ drainMs: 0 })
      await events.arrive()
      await expect(heard.next()).rejects.toMatchObject({ code: 'Closed', executed: 'no' })
      expect(await published).toEqual(['Closed', 'no'])
    }))
})

describe('postbacks', () => {
  test('that arrive meanwhile are not lost', () =>
    withPage(async ({ h, postbacks, page, server, log }) => {
      const told: unknown[] = []
      const end = page.onPostback({ result: (value) => told.push(value) })
      await server.remote<Log>('Log').note.callback({ replyto: 'page' }, 'told')
      const call = log.give('behind')
      await h.advance(100)
      expect(told).toEqual([])
      await postbacks.arrive()
      expect(await call).toBe('behind')
      expect(told).toEqual(['told'])
      end()
      await server.remote<Log>('Log').note.callback({ replyto: 'page' }, 'no more')
      await h.advance(100)
      expect([told, postbacks.asked]).toEqual([['told'], 1])
    }))

  test('that arrive before anybody listens wait', () =>
    withPage(async ({ h, postbacks, page, server }) => {
      const told: unknown[] = []
      await server.remote<Log>('Log').note.callback({ replyto: 'page' }, 'told')
      await h.advance(100)
      expect(postbacks.asked).toBe(1)
      await postbacks.arrive()
      page.onPostback({ result: (value) => told.push(value) })
      await h.advance(100)
      expect(told).toEqual(['told'])
    }))

  test('are told to nobody who has left before', () =>
    withPage(async ({ h, postbacks, page, server }) => {
      const told: unknown[] = []
      page.onPostback({ result: (value) => told.push(value) })()
      await postbacks.arrive()
      await server.remote<Log>('Log').note.callback({ replyto: 'page' }, 'told')
      await h.advance(100)
      expect(told).toEqual([])
    }))
})

test('what a page offers takes and gives whatever a body can say', () =>
  withPage(async ({ h, streams, page, server }) => {
    const exposing = page.expose(service<{ twice(when: Date): Date[] }>('Clock@1.0.0', { twice: {} }), { twice: (when) => [when, when] })
    await h.advance(0)
    await streams.arrive()
    await exposing
    expect(await server.remote<{ twice(when: Date): Date[] }>('Clock').twice(new Date(0))).toEqual([new Date(0), new Date(0)])
  }))

/** Makes a Date of a number. */
const dated = {
  '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value: new Date(value as number) }) },
} as const
