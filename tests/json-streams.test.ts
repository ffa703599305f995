/** Streams at the JSON door, in both directions, beside binary clients and other JSON clients; on virtual time. */
import type { WaybillError } from '@waybill/client'
import { harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import type { Json } from './json-peer.js'
import { bell, call, items, leave, open, SN, told, type Script } from './json-streaming.js'

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

  test('may say so of all streams in hello: then each begins with a window, and goes on as it is taken', async () => {
    await using h = harness()
    const it = await bell(h)
    const stage = await open(h, 'walker', undefined, { paces: true })
    await call(h, stage, 'tick', [10_000])
    await h.advance(1000)
    const seen = items(stage).length
    expect([seen, it.made]).toEqual([256, 256])
    stage.say({ sn: SN, credit: { stream: 'r0', items: 3 } })
    await h.advance(10)
    expect(it.made).toBe(259)
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

test('how long a call with streams may take is its caller’s to say: the router waits', async () => {
  await using h = harness()
  await bell(h)
  const stage = await open(h, 'walker')
  const request = { classname: 'Clock', method: 'total', args: [null, 1], streams: [[[0], 'a1', 'values']] }
  stage.say({ sn: SN, replyto: 'walker', statuses: false, ttl: 50, request })
  await h.advance(1000)
  stage.say({ sn: SN, end: { stream: 'a1' } })
  await h.advance(10)
  expect(told(stage).at(-1)).toEqual({ result: { retval: { total: 0, hold: 1 } } })
  await leave(h, stage)
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

  test('refuses a call with a stream in its arguments: its caller hears that, though the stream has begun', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['eat'])
    const walker = await h.client('walker')
    async function* food(): AsyncGenerator<string> {
      for (;;) yield 'bone'
    }
    // As slow a reader as there is.
    callee.bufferedBytes = 100_000
    const refused = async (...words: Json[]): Promise<unknown> => {
      const eaten = walker.remote<Script>('Script').eat(food())
      await h.advance(10)
      const { sn } = callee.said.splice(0)[0]!
      for (const word of words) callee.say({ sn, ...word })
      const error = await h.until(eaten.catch((thrown: unknown) => thrown))
      // As it was before: neither the call nor its stream goes on.
      expect([callee.take('end'), h.router.load.pendingCalls]).toMatchObject([[{ sn, end: { stream: 'a1', code: 'Closed' } }], 0])
      return error
    }
    const full = { status: 'rejected', code: 'Overloaded', description: 'full', details: { retryAfterMs: 1 } }
    expect(await refused(full)).toMatchObject({ code: 'Overloaded', message: 'full', details: { retryAfterMs: 1 }, executed: 'no' })
    expect(await refused({ status: 'accepted' }, { ...full, code: 'NotHungry', details: 7 })).toMatchObject({
      code: 'Rejected',
      message: 'NotHungry: full',
      details: { code: 'NotHungry', details: 7 },
      executed: 'no',
    })
    // Who has said that it runs it cannot say that it did not.
    expect(await refused({ status: 'started' }, full)).toMatchObject({ code: 'ProtocolViolation', executed: 'maybe' })
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

  test('refuse each other calls with streams in their arguments', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['eat'])
    const caller = await open(h, 'walker')
    await call(h, caller, 'eat', [null], { classname: 'Script', streams: [[[0], 'a1', 'values']] })
    callee.text(`{"sn":"${SN}","status":"rejected","code":"Rejected","description":"not now","details":{"n": 1e400}}`)
    await h.advance(10)
    const exception = '{"exval":"not now","code":"Rejected","details":{"n": 1e400},"executed":"no"}'
    expect(caller.texts.at(-1)).toBe(`{"sn":"${SN}","version":"1.0","routing":["Script","walker"],"result":${exception}}`)
    expect([caller.take('stop'), h.router.load.pendingCalls]).toEqual([[{ sn: SN, stop: { stream: 'a1' } }], 0])
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
