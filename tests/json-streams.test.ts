/** Streams at the JSON door, in both directions, beside binary clients and other JSON clients; on virtual time. */
import { service, type WaybillError } from '@waybill/client'
import { encodings, extensionField, Flag, FrameType, joinFields, Slab, Tag, writeRawFrame } from '@waybill/core'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer } from './hostile-peer.js'
import type { Json } from './json-peer.js'
import { JsonStage } from './json-stage.js'

const SN = 'e7e91fb6-611b-4284-a9ed-ac1636b2c709'
const OTHER = '00000000-0000-4000-8000-000000000001'

class Clock {
  made = 0
  stopped = 0

  async *tick(count: number, item?: unknown): AsyncGenerator<unknown, string> {
    try {
      for (let n = 0; n < count; n++) {
        this.made++
        yield item ?? n
      }
      return 'noon'
    } finally {
      this.stopped++
    }
  }

  async *fails(): AsyncGenerator<number> {
    yield 1
    throw new RangeError('late')
  }

  async *dates(): AsyncGenerator<unknown> {
    try {
      yield 'plain'
      for (;;) yield new Date(0)
    } finally {
      this.stopped++
    }
  }

  async total(numbers: AsyncIterable<number>, hold?: unknown): Promise<unknown> {
    let total = 0
    for await (const number of numbers) {
      total += number
      if (hold === 'first') break
    }
    return { total, hold }
  }

  bytes(): ReadableStream<Uint8Array> {
    return new Blob([Uint8Array.of(0, 255, 7)]).stream()
  }

  async size(bytes: AsyncIterable<Uint8Array>): Promise<number> {
    let size = 0
    for await (const piece of bytes) size += piece.byteLength
    return size
  }

  async pair(): Promise<unknown> {
    return { constructor: 1, left: this.tick(1), list: ['x'.repeat(2000), this.tick(2)] }
  }
}

const clock = service<Clock>('Clock@1.0.0', { tick: {}, fails: {}, dates: {}, total: {}, bytes: {}, size: {}, pair: {} })

interface Script {
  count(to: number): AsyncGenerator<unknown, unknown>
  eat(...food: unknown[]): Promise<unknown>
  data(): ReadableStream<Uint8Array>
}

async function open(h: Harness, name: string, offers?: readonly string[], more: Json = {}): Promise<JsonStage> {
  const stage = new JsonStage(h)
  stage.say({ hello: { name, ...more } })
  if (offers) stage.say({ sn: SN, register: { service: 'Script', methods: offers, concurrency: 10 } })
  await h.advance(0)
  stage.said.length = 0
  stage.texts.length = 0
  return stage
}

async function bell(h: Harness): Promise<Clock> {
  const tower = await h.client('tower', { onIncident: () => {} })
  const it = new Clock()
  await tower.expose(clock, it)
  return it
}

/** Calls, and waits for what follows at once. */
async function call(h: Harness, stage: JsonStage, method: string, args: unknown[] = [], more: Json = {}, sn = SN): Promise<void> {
  const { classname = 'Clock', ...rest } = more
  stage.say({ sn, replyto: 'walker', statuses: false, request: { classname, method, args, ...rest } })
  await h.advance(0)
}

/** What was told of streams, without the number of the call. */
function told(stage: JsonStage): Json[] {
  const envelope = new Set(['sn', 'version', 'routing'])
  return stage.said.splice(0).map((said) => Object.fromEntries(Object.entries(said).filter(([name]) => !envelope.has(name))))
}

const items = (stage: JsonStage): unknown[] => stage.take('item').map(({ item }) => (item as Json)['value'])

async function leave(h: Harness, ...stages: readonly JsonStage[]): Promise<void> {
  for (const stage of stages) stage.door.closed({ reason: '' })
  await h.advance(2000)
}

describe('a JSON caller', () => {
  test('is given a generator item by item, and in the end what it returned, or threw', async () => {
    await using h = harness()
    await bell(h)
    const stage = await open(h, 'walker')
    await call(h, stage, 'tick', [2])
    expect(stage.texts[0]).toBe(
      `{"sn":"${SN}","version":"1.0","routing":["Clock","walker"],"result":{"retval":null,"streams":[[[],"r0","values"]]}}`,
    )
    expect(told(stage).slice(1)).toEqual([
      { item: { stream: 'r0', value: 0 } },
      { item: { stream: 'r0', value: 1 } },
      { end: { stream: 'r0', retval: 'noon' } },
    ])
    await call(h, stage, 'fails')
    expect(told(stage).slice(1)).toEqual([
      { item: { stream: 'r0', value: 1 } },
      { end: { stream: 'r0', exval: 'late', xclass: 'RangeError', incident: expect.any(String) as string, executed: 'yes' } },
    ])
    expect(h.router.load.pendingCalls).toBe(0)
    await leave(h, stage)
  })

  test('is given streams inside of a value, with their places beside it; long texts and any keys are kept', async () => {
    await using h = harness()
    await bell(h)
    const stage = await open(h, 'walker')
    await call(h, stage, 'pair')
    const [first, ...rest] = told(stage)
    expect(first).toEqual({
      result: {
        retval: { constructor: 1, left: null, list: ['x'.repeat(2000), null] },
        streams: [
          [['left'], 'r1', 'values'],
          [['list', 1], 'r2', 'values'],
        ],
      },
    })
    expect(rest.filter(({ end }) => end)).toEqual([{ end: { stream: 'r1', retval: 'noon' } }, { end: { stream: 'r2', retval: 'noon' } }])
    expect(rest.filter(({ item }) => item)).toHaveLength(3)
    expect(h.router.load.pendingCalls).toBe(0)
    await leave(h, stage)
  })

  test('has everything at the pace of its connection, whether it acknowledges or not, and not more than a window beyond', async () => {
    await using h = harness()
    const it = await bell(h)
    for (const acknowledges of [false, true]) {
      const stage = await open(h, 'walker', undefined, { acknowledges })
      it.made = 0
      stage.bufferedBytes = acknowledges ? 0 : 100_000
      await call(h, stage, 'tick', [200, 'x'.repeat(5000)])
      await h.advance(100)
      const seen = items(stage).length
      expect(seen).toBeGreaterThan(40)
      expect(seen).toBeLessThan(60)
      expect(it.made).toBeLessThan(60)
      for (let round = 0, all = seen; all < 200; round++) {
        expect(round).toBeLessThan(100)
        if (acknowledges) stage.say({ ack: Number(/^\{"n":(\d+)/.exec(stage.texts.findLast((text) => text.startsWith('{"n"'))!)![1]) })
        else {
          stage.bufferedBytes = 0
          stage.door.flushed()
          stage.bufferedBytes = 100_000
        }
        await h.advance(100)
        const more = items(stage).length
        expect(more).toBeLessThan(60)
        all += more
      }
      await leave(h, stage)
    }
  })

  test('may say itself what it has taken: then its sender waits for that', async () => {
    await using h = harness()
    const it = await bell(h)
    const stage = await open(h, 'walker')
    stage.bufferedBytes = 100_000
    await call(h, stage, 'tick', [10_000])
    stage.say({ sn: SN, credit: { stream: 'r0', items: 0 } })
    const { made } = it
    expect(made).toBeLessThan(300)
    stage.bufferedBytes = 0
    stage.door.flushed()
    await h.advance(1000)
    expect(it.made).toBe(made)
    stage.say({ sn: SN, credit: { stream: 'r0', items: 3 } })
    await h.advance(10)
    expect(it.made - made).toBe(3)
    stage.say({ sn: SN, stop: { stream: 'r0' } })
    await h.advance(10)
    await leave(h, stage)
  })

  test('stops: the generator ends, the stream has an end, and nothing else comes', async () => {
    await using h = harness()
    const it = await bell(h)
    const stage = await open(h, 'walker')
    stage.bufferedBytes = 100_000
    await call(h, stage, 'tick', [1_000_000])
    stage.said.length = 0
    stage.say({ sn: SN, stop: { stream: 'r0' } })
    await h.advance(10)
    expect(it.stopped).toBe(1)
    expect(told(stage)).toEqual([{ end: expect.objectContaining({ stream: 'r0' }) as Json }])
    expect(h.router.load.pendingCalls).toBe(0)
    await leave(h, stage)
  })

  test('cancels: the stream ends with that', async () => {
    await using h = harness()
    const it = await bell(h)
    const stage = await open(h, 'walker')
    stage.bufferedBytes = 100_000
    await call(h, stage, 'tick', [1_000_000])
    stage.said.length = 0
    stage.say({ sn: SN, cancel: {} })
    await h.advance(500)
    expect(it.stopped).toBe(1)
    expect(told(stage).at(-1)).toMatchObject({ end: { stream: 'r0', code: 'Cancelled' } })
    await leave(h, stage)
  })

  test('an item that plain JSON cannot carry ends the stream with NotRepresentable, and its sender stops', async () => {
    await using h = harness()
    const it = await bell(h)
    const stage = await open(h, 'walker')
    await call(h, stage, 'dates')
    await h.advance(10)
    expect(told(stage).slice(1)).toEqual([
      { item: { stream: 'r0', value: 'plain' } },
      { end: expect.objectContaining({ stream: 'r0', code: 'NotRepresentable', executed: 'maybe' }) as Json },
    ])
    expect([it.stopped, h.router.load.pendingCalls]).toEqual([1, 0])
    await leave(h, stage)
  })

  test('bytes are Base64, both ways', async () => {
    await using h = harness()
    await bell(h)
    const stage = await open(h, 'walker')
    await call(h, stage, 'bytes')
    await h.advance(10)
    expect(told(stage)).toEqual([
      { result: { retval: null, streams: [[[], 'r0', 'bytes']] } },
      { item: { stream: 'r0', bytes: 'AP8H' } },
      { end: { stream: 'r0' } },
    ])
    await call(h, stage, 'size', [null], { streams: [[[0], 'a1', 'bytes']] })
    expect(told(stage)).toEqual([{ credit: { stream: 'a1', bytes: 262_144 } }])
    stage.say({ sn: SN, item: { stream: 'a1', bytes: 'AP8H' } })
    stage.say({ sn: SN, item: { stream: 'a1', bytes: 'AP8=' } })
    stage.say({ sn: SN, end: { stream: 'a1' } })
    await h.advance(10)
    expect(told(stage)).toEqual([{ result: { retval: 5 } }])
    await leave(h, stage)
  })

  test('sends a stream once it has credit; the reader that breaks off says stop', async () => {
    await using h = harness()
    await bell(h)
    const stage = await open(h, 'walker')
    await call(h, stage, 'total', [null, 'long '.repeat(500)], { streams: [[[0], 'a1', 'values']] })
    expect(told(stage)).toEqual([{ credit: { stream: 'a1', bytes: 262_144 } }])
    for (const value of [1, 2, 3]) stage.say({ sn: SN, item: { stream: 'a1', value } })
    stage.say({ sn: SN, end: { stream: 'a1' } })
    await h.advance(10)
    expect(told(stage)).toEqual([{ result: { retval: { total: 6, hold: 'long '.repeat(500) } } }])
    await call(h, stage, 'total', [null, 'first'], { streams: [[[0], 'a1', 'values']] })
    stage.say({ sn: SN, item: { stream: 'a1', value: 1 } })
    await h.advance(10)
    expect(told(stage).slice(1)).toEqual([{ stop: { stream: 'a1' } }, { result: { retval: { total: 1, hold: 'first' } } }])
    stage.say({ sn: SN, item: { stream: 'a1', value: 2 } })
    await call(h, stage, 'total', [null], { streams: [[[0], 'a7', 'values']] })
    stage.say({ sn: SN, end: { stream: 'a7', exval: 'dry', xclass: 'Dry' } })
    await h.advance(10)
    expect(told(stage).slice(1)).toEqual([{ result: expect.objectContaining({ exval: 'dry' }) as Json }])
    await leave(h, stage)
  })
})

describe('a JSON callee', () => {
  test('serves a generator: items, what it returned, what it threw', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['count'])
    const walker = await h.client('walker')
    for (const outcome of [{ retval: 'done' }, { exval: 'tired', xclass: 'Tired' }]) {
      const stream = walker.remote<Script>('Script').count(2)[Symbol.asyncIterator]()
      const first = stream.next()
      await h.advance(10)
      const [{ sn }] = callee.take('request') as [Json]
      callee.say({ sn, result: { retval: null, streams: [[[], 'r0', 'values']] } })
      callee.say({ sn, item: { stream: 'r0', value: { n: 1 } } })
      callee.say({ sn, item: { stream: 'r0' } })
      callee.say({ sn, end: { stream: 'r0', ...outcome } })
      expect(await h.until(first)).toEqual({ done: false, value: { n: 1 } })
      expect(await h.until(stream.next())).toEqual({ done: false, value: undefined })
      const last = h.until(
        stream.next().then(
          (value) => value,
          (error: WaybillError) => error.message,
        ),
      )
      expect(await last).toEqual('retval' in outcome ? { done: true, value: 'done' } : 'tired')
    }
    expect(h.router.load.pendingCalls).toBe(0)
    await leave(h, callee)
  })

  test('is told to stop, and that its reader takes more; what it sends then is nobody’s, and the call ends when it says so', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['count'])
    const walker = await h.client('walker')
    const stream = walker.remote<Script>('Script').count(2)[Symbol.asyncIterator]()
    const first = stream.next()
    await h.advance(10)
    const [{ sn }] = callee.take('request') as [Json]
    callee.say({ sn, result: { streams: [[[], 'r0', 'values']] } })
    for (let n = 0; n < 200; n++) callee.say({ sn, item: { stream: 'r0', value: n } })
    await h.until(first)
    for (let n = 0; n < 150; n++) await h.until(stream.next())
    await h.advance(10)
    expect(callee.take('credit')).toEqual([{ sn, credit: { stream: 'r0', bytes: 131_072 } }])
    await h.until(stream.return!(undefined))
    await h.advance(10)
    expect(callee.take('stop')).toEqual([{ sn, stop: { stream: 'r0' } }])
    callee.say({ sn, item: { stream: 'r0', value: 'unread' } })
    await h.advance(10)
    expect(h.router.load.pendingCalls).toBe(1)
    callee.say({ sn, end: { stream: 'r0' } })
    await h.advance(10)
    expect(h.router.load.pendingCalls).toBe(0)
    await leave(h, callee)
  })

  test('reads an upload from its beginning; several streams of a result each have their end', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['eat'])
    const walker = await h.client('walker')
    async function* food(): AsyncGenerator<string, string> {
      yield 'bone'
      yield 'x'.repeat(70_000)
      return 'full'
    }
    const eaten = walker.remote<Script>('Script').eat({ constructor: [food()] }, 'now')
    await h.advance(10)
    const [asked, ...rest] = callee.said.splice(0)
    const { sn } = asked!
    expect(asked).toMatchObject({
      request: { args: [{ constructor: [null] }, 'now'], streams: [[[0, 'constructor', 0], 'a1', 'values']] },
    })
    expect(rest).toEqual([
      { sn, item: { stream: 'a1', value: 'bone' } },
      { sn, item: { stream: 'a1', value: 'x'.repeat(70_000) } },
      { sn, end: { stream: 'a1', retval: 'full' } },
    ])
    const streams = [
      [['a'], 'r1', 'values'],
      [['constructor', 0], 'r2', 'bytes'],
    ]
    callee.text(`{"sn":"${String(sn)}","result":{"retval":{"a":null,"constructor":[null],"n":[1e2]},"streams":${JSON.stringify(streams)}}}`)
    callee.say({ sn, item: { stream: 'r1', value: 1 } })
    callee.say({ sn, item: { stream: 'r2', bytes: 'AP8H' } })
    callee.say({ sn, end: { stream: 'r1' } })
    const value = (await h.until(eaten)) as { a: AsyncGenerator<number>; n: unknown } & Record<'constructor', [ReadableStream<Uint8Array>]>
    expect([value.n, await h.until(value.a.next())]).toEqual([[100], { done: false, value: 1 }])
    const reader = value.constructor[0].getReader()
    expect((await h.until(reader.read())).value).toEqual(Uint8Array.of(0, 255, 7))
    expect(h.router.load.pendingCalls).toBe(1)
    callee.say({ sn, end: { stream: 'r2' } })
    await h.advance(10)
    expect([(await reader.read()).done, h.router.load.pendingCalls]).toEqual([true, 0])
    await leave(h, callee)
  })
})

describe('two JSON clients', () => {
  test('give each other streams both ways; values pass as the text that they are', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['eat'])
    const caller = await open(h, 'walker')
    const args = '[ 12345678901234567890 ,{"\\\\k.x":[null], "constructor":1e400}]'
    caller.text(
      `{"sn":"${SN}","replyto":"walker","request":{"classname":"Script","method":"eat","args":${args},"streams":[[[1,"\\\\k.x",0],"a3","values"]]}}`,
    )
    await h.advance(0)
    expect(callee.texts.at(-1)).toContain(`"args":${args},"streams":[[[1,"\\\\k.x",0],"a3","values"]]`)
    expect(told(caller)).toEqual([{ credit: { stream: 'a3', bytes: 262_144 } }])
    caller.text(`{"sn":"${SN}","item":{"stream":"a3","value":{"n": 1e400}}}`)
    callee.say({ sn: SN, result: { retval: null, streams: [[[], 'r0', 'readable']] } })
    callee.text(`{"sn":"${SN}","item":{"stream":"r0","value": 0.10 }}`)
    caller.say({ sn: SN, end: { stream: 'a3', exval: 'no more', code: 'Cancelled' } })
    await h.advance(10)
    callee.say({ sn: SN, end: { stream: 'r0', retval: [null] } })
    await h.advance(10)
    expect(callee.texts.slice(-2)).toEqual([
      `{"sn":"${SN}","item":{"stream":"a3","value":{"n": 1e400}}}`,
      `{"sn":"${SN}","end":{"stream":"a3","exval":"no more","code":"Cancelled","executed":"maybe"}}`,
    ])
    expect(caller.texts.slice(-2)).toEqual([
      `{"sn":"${SN}","item":{"stream":"r0","value":0.10}}`,
      `{"sn":"${SN}","end":{"stream":"r0","retval":[null]}}`,
    ])
    expect(h.router.load.pendingCalls).toBe(0)
    await leave(h, callee, caller)
  })

  test('one that calls itself keeps the two directions apart', async () => {
    await using h = harness()
    const stage = await open(h, 'walker', ['eat'])
    await call(h, stage, 'eat', [null], { classname: 'Script', streams: [[[0], 'a1', 'values']] })
    stage.say({ sn: SN, result: { retval: [null], streams: [[[0], 'r1', 'values']] } })
    stage.say({ sn: SN, item: { stream: 'a1', value: 'up' } })
    stage.say({ sn: SN, item: { stream: 'r1', value: 'down' } })
    await h.advance(10)
    stage.say({ sn: SN, stop: { stream: 'a1' } })
    await h.advance(10)
    expect(stage.take('item').map(({ item }) => item)).toEqual([
      { stream: 'a1', value: 'up' },
      { stream: 'r1', value: 'down' },
    ])
    expect(stage.take('stop').map(({ stop }) => stop)).toEqual([{ stream: 'a1' }])
    stage.say({ sn: SN, end: { stream: 'r1' } })
    await h.advance(10)
    expect(h.router.load.pendingCalls).toBe(0)
    await leave(h, stage)
  })
})

describe('what is not allowed', () => {
  test('an item without credit ends its call, on both sides of it, and nothing else', async () => {
    await using h = harness()
    await bell(h)
    const callee = await open(h, 'py', ['count'])
    const caller = await open(h, 'walker')
    await call(h, caller, 'count', [], { classname: 'Script' }, OTHER)
    await call(h, caller, 'total', [null], { streams: [[[0], 'a1', 'values']] })
    callee.say({ sn: OTHER, result: { streams: [[[], 'r0', 'values']] } })
    await h.advance(0)
    caller.said.length = 0
    for (let n = 0; n < 257; n++) caller.say({ sn: SN, item: { stream: 'a1', value: n } })
    expect(told(caller)).toEqual([{ result: expect.objectContaining({ code: 'ProtocolViolation', executed: 'maybe' }) as Json }])
    for (let n = 0; n < 257; n++) callee.say({ sn: OTHER, item: { stream: 'r0', value: n } })
    expect(callee.take('cancel')).toMatchObject([{ sn: OTHER }])
    await h.advance(500)
    expect(items(caller)).toHaveLength(256)
    expect(told(caller)).toEqual([{ end: expect.objectContaining({ stream: 'r0', code: 'ProtocolViolation' }) as Json }])
    expect([h.router.load.pendingCalls, h.router.load.sessions, caller.ends, callee.ends]).toEqual([0, 3, [], []])
    await leave(h, callee, caller)
  })

  test('places that are none, names that are none, too many, and calls that nobody waits for', async () => {
    await using h = harness()
    await bell(h)
    const stage = await open(h, 'walker')
    const code = async (args: unknown[], streams: unknown, more: Json = {}): Promise<unknown> => {
      stage.say({ sn: SN, replyto: 'walker', ...more, request: { classname: 'Clock', method: 'total', args, streams } })
      const answer = told(stage).at(-1)
      return answer?.['code']
    }
    const wrong = [
      { a: 1 },
      [[0]],
      [[[0], 1, 'values']],
      [[[0], 'a0', 'values']],
      [[[], 'a1', 'values']],
      [[[0], 'r1', 'values']],
      [[[0], 'a01', 'values']],
      [[[0], 'a1', 'thing']],
      [[[1], 'a1', 'values']],
      [[[0, 'x'], 'a1', 'values']],
      [
        [[0], 'a1', 'values'],
        [[0], 'a2', 'values'],
      ],
    ]
    for (const streams of wrong) expect([streams, await code([null], streams)]).toEqual([streams, 'ProtocolViolation'])
    expect(await code([1], [[[0], 'a1', 'values']])).toBe('ProtocolViolation')
    const many = Array.from({ length: 257 }, (_, n) => [[n], `a${n + 1}`, 'values'])
    expect(
      await code(
        many.map(() => null),
        many,
      ),
    ).toBe('TooLarge')
    expect(await code([null], [[[0], 'a1', 'values']], { durable: true })).toBe('NotStorable')
    expect(h.router.load.pendingCalls).toBe(0)
    for (const said of [
      { item: { stream: 1 } },
      { item: { stream: 'a1', bytes: '!' } },
      { credit: { stream: 'r0', items: -1 } },
      { end: { stream: 'x1' } },
      { stop: 5 },
    ])
      stage.say({ sn: SN, ...said })
    expect(told(stage).map((one) => one['code'])).toEqual(Array.from({ length: 5 }, () => 'ProtocolViolation'))
    // Of streams that are not there nobody wants to know.
    for (const said of [{ item: { stream: 'a1' } }, { credit: { stream: 'r0' } }, { end: { stream: 'r1' } }, { stop: { stream: 'a1' } }])
      stage.say({ sn: SN, ...said })
    expect([told(stage), stage.ends]).toEqual([[], []])
    await leave(h, stage)
  })

  test('a stored call gives no streams: whoever serves it is told to stop', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['count'])
    const caller = await open(h, 'walker')
    caller.say({ durable: true, replyto: 'walker', statuses: false, request: { classname: 'Script', method: 'count' } })
    await h.advance(10)
    const [{ sn }] = callee.take('request') as [Json]
    caller.said.length = 0
    callee.say({ sn, result: { streams: [[[], 'r0', 'values']] } })
    expect(told(callee)).toEqual([{ stop: { stream: 'r0' } }])
    await h.advance(10)
    expect(told(caller)).toMatchObject([{ result: { code: 'NotRepresentable', executed: 'yes' } }])
    await leave(h, callee, caller)
  })

  test('a callee that breaks the rules of streams: the JSON caller has an end, the callee a cancel, and another call goes on', async () => {
    await using h = harness()
    await bell(h)
    const callee = await HostilePeer.open(h.network.transport(h.world.process('evil')), 'ws://router.test', {
      introduction: { name: 'evil' },
    })
    const source = callee.connected.symbol
    const offer = joinFields([extensionField(Tag.destination, 'waybill.Router'), extensionField(Tag.method, 'offer')])
    const offered = [[{ service: 'Evil', version: '1.0.0', methods: ['do'], concurrency: 100 }]]
    callee.send(frameOf({ type: FrameType.call, source, call: 1 }, offer, body(offered)))
    await h.until(callee.next(({ type }) => type === FrameType.result))
    const stage = await open(h, 'walker')
    await call(h, stage, 'total', [null, 1], { streams: [[[0], 'a1', 'values']] }, OTHER)
    stage.said.length = 0
    /** What the client is told, once the callee has done it. */
    type Act = (frame: (type: number, encoding?: number, content?: Uint8Array, flags?: number) => void) => void
    const slab = new Slab()
    const after = async (act: Act): Promise<Json[]> => {
      await call(h, stage, 'do', [], { classname: 'Evil' })
      const asked = await h.until(callee.next((frame) => frame.type === FrameType.call))
      const head = { destination: asked.source, source, call: asked.call }
      act((type, encoding = encodings.none, content = new Uint8Array(0), flags = 0) => {
        const start = writeRawFrame(slab, { ...head, type, flags }, undefined, encoding, content)
        callee.send(slab.bytes.slice(start, slab.at))
      })
      await h.advance(10)
      expect(await h.until(callee.next((frame) => frame.type === FrameType.cancel))).toMatchObject({ call: asked.call })
      callee.send(frameOf({ ...head, type: FrameType.exception }, undefined, body({ exval: 'over', code: 'Cancelled' })))
      await h.advance(10)
      return told(stage)
    }
    const rich = (json: unknown, values: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify({ json, meta: { values, v: 1 } }))
    const mark = [['custom', 'waybill']]
    const { opened, item } = FrameType
    const many = Array.from({ length: 257 }, (_, n) => n + 1)
    const documents: readonly (readonly [string, Uint8Array, string])[] = [
      ['no stream', rich([1], {}), 'ProtocolViolation'],
      ['a date', rich(['1970-01-01T00:00:00.000Z'], { 0: ['Date'] }), 'NotRepresentable'],
      ['a stream and a date', rich([['stream', 1, 'values'], '1'], { 0: mark, 1: ['Date'] }), 'NotRepresentable'],
      ['a kind that is none', rich([['stream', 1, 'things']], { 0: mark }), 'NotRepresentable'],
      ['a place that is none', rich([['stream', 1, 'values']], { 1: mark }), 'NotRepresentable'],
      [
        'the same twice',
        rich(
          [
            ['stream', 1, 'values'],
            ['stream', 1, 'values'],
          ],
          { 0: mark, 1: mark },
        ),
        'ProtocolViolation',
      ],
      [
        'too many',
        rich(
          many.map((n) => ['stream', n, 'values']),
          Object.fromEntries(many.map((n) => [n - 1, mark])),
        ),
        'ProtocolViolation',
      ],
      ['no document', new TextEncoder().encode('[1]'), 'NotRepresentable'],
      ['no text', Uint8Array.of(0xff), 'NotRepresentable'],
    ]
    for (const [what, document, code] of documents)
      expect([what, await after((frame) => frame(opened, encodings.rich, document))]).toEqual([
        what,
        [{ result: expect.objectContaining({ code }) as Json }],
      ])
    const broken: readonly (readonly [string, Act])[] = [
      ['opened twice', (frame) => (frame(opened), frame(opened))],
      [
        'no bytes',
        (frame) => (frame(opened, encodings.rich, rich(['stream', 0, 'bytes'], mark)), frame(item, encodings.json, Uint8Array.of(0x31))),
      ],
      [
        'no credit',
        (frame) => {
          frame(opened)
          for (let n = 0; n < 40; n++) frame(item, encodings.bytes, new Uint8Array(250_000), Flag.more)
        },
      ],
    ]
    for (const [what, act] of broken) {
      const [, ...rest] = await after(act)
      expect([what, rest]).toEqual([
        what,
        [{ end: expect.objectContaining({ stream: 'r0', code: expect.stringMatching(/ProtocolViolation|TooLarge/) as string }) as Json }],
      ])
    }
    stage.say({ sn: OTHER, item: { stream: 'a1', value: 5 } })
    stage.say({ sn: OTHER, end: { stream: 'a1' } })
    await h.advance(10)
    expect(told(stage)).toEqual([{ result: { retval: { total: 5, hold: 1 } } }])
    expect([h.router.load.pendingCalls, stage.ends, stage.faults]).toEqual([0, [], []])
    callee.link.end(1000, '')
    await leave(h, stage)
  })
})
