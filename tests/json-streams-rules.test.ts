/** Streams at the JSON door as a client or its peers may abuse them: what breaks a rule ends its call, and disturbs nobody else. */
import { encodings, extensionField, Flag, FrameType, joinFields, Slab, Tag, writeRawFrame } from '@waybill/core'
import { harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer } from './hostile-peer.js'
import type { Json } from './json-peer.js'
import { bell, call, items, leave, open, OTHER, SN, told } from './json-streaming.js'

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
    expect(told(caller)).toEqual([
      { stop: { stream: 'a1' } },
      { result: expect.objectContaining({ code: 'ProtocolViolation', executed: 'maybe' }) as Json },
    ])
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
      [[[0], 'a4294967296', 'values']],
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
      { stop: { stream: 'r4294967296' } },
      { stop: 5 },
    ])
      stage.say({ sn: SN, ...said })
    expect(told(stage).map((one) => one['code'])).toEqual(Array.from({ length: 6 }, () => 'ProtocolViolation'))
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
      ['a set that looks like a stream', rich([['stream', 1, 'values']], { 0: ['set'] }), 'NotRepresentable'],
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
    // Whole items, of which the client takes none: what waits for it is bounded by what an item may be as long as.
    stage.bufferedBytes = 100_000
    const flood = await after((frame) => {
      frame(opened)
      for (let n = 0; n < 60; n++) frame(item, encodings.bytes, new Uint8Array(250_000))
    })
    stage.bufferedBytes = 0
    stage.door.flushed()
    expect(flood.filter((one) => one['item'] !== undefined)).toHaveLength(35)
    expect(flood.at(-1)).toEqual({ end: expect.objectContaining({ stream: 'r0', code: 'ProtocolViolation' }) as Json })
    stage.say({ sn: OTHER, item: { stream: 'a1', value: 5 } })
    stage.say({ sn: OTHER, end: { stream: 'a1' } })
    await h.advance(10)
    expect(told(stage)).toEqual([{ result: { retval: { total: 5, hold: 1 } } }])
    expect([h.router.load.pendingCalls, stage.ends, stage.faults]).toEqual([0, [], []])
    callee.link.end(1000, '')
    await leave(h, stage)
  })
})

describe('what ends with its call', () => {
  test('more items than a client was told are not taken: its sender has credit for no more than a window', async () => {
    await using h = harness()
    const it = await bell(h)
    const stage = await open(h, 'walker', undefined, { paces: true })
    await call(h, stage, 'tick', [1_000_000])
    await h.advance(10)
    for (const [said, made] of [
      [1_000_000_000, 512],
      [512, 768],
      [0, 768],
    ] as const) {
      stage.say({ sn: SN, credit: { stream: 'r0', items: said } })
      await h.advance(100)
      expect(it.made).toBe(made)
    }
    stage.say({ sn: SN, stop: { stream: 'r0' } })
    await h.advance(10)
    await leave(h, stage)
  })

  test('items of a stream that is stopped go nowhere, however many they are', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['eat'])
    const caller = await open(h, 'walker')
    await call(h, caller, 'eat', [null], { classname: 'Script', streams: [[[0], 'a1', 'values']] })
    callee.say({ sn: SN, stop: { stream: 'a1' } })
    await h.advance(0)
    expect(told(caller).filter(({ credit }) => credit === undefined)).toEqual([{ stop: { stream: 'a1' } }])
    callee.said.length = 0
    for (let n = 0; n < 300; n++) caller.say({ sn: SN, item: { stream: 'a1', value: n } })
    caller.say({ sn: SN, end: { stream: 'a1' } })
    await h.advance(0)
    expect([told(caller), told(callee)]).toEqual([[], []])
    callee.say({ sn: SN, result: { retval: 'full' } })
    await h.advance(0)
    expect(told(caller)).toEqual([{ result: { retval: 'full' } }])
    expect(told(callee)).toEqual([{ end: { stream: 'a1' } }])
    await leave(h, callee, caller)
  })

  test('a stream of the arguments that the callee does not read: its sender is told to stop before the outcome', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['eat'])
    const caller = await open(h, 'walker')
    const food = { classname: 'Script', streams: [[[0], 'a1', 'values']] }
    for (const outcome of [{ retval: 'full' }, { exval: 'sick', executed: 'yes' }]) {
      await call(h, caller, 'eat', [null], food)
      callee.say({ sn: SN, result: outcome })
      await h.advance(0)
      expect(told(caller).filter(({ credit }) => credit === undefined)).toEqual([{ stop: { stream: 'a1' } }, { result: outcome }])
      // And the callee, which is told of it no more, that it has ended.
      expect(callee.take('end')).toEqual([{ sn: SN, end: expect.objectContaining({ stream: 'a1', code: 'Closed' }) as Json }])
    }
    await call(h, caller, 'eat', [null], { ...food, classname: 'Nobody' })
    expect(told(caller)).toMatchObject([{ stop: { stream: 'a1' } }, { status: 'rejected', code: 'NoSuchService' }])
    expect(h.router.load.pendingCalls).toBe(0)
    await leave(h, callee, caller)
  })

  test('a call that is not made: the streams in it are told to stop, and those of a pending one of the same sn are not', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['eat'])
    const caller = await open(h, 'walker')
    const request = { classname: 'Script', method: 'eat', args: [null], streams: [[[0], 'a1', 'values']] }
    for (const wrong of [
      { replyto: 'walker', routing: [null, '?'] },
      { replyto: 'walker', durable: true },
    ]) {
      caller.say({ sn: SN, request, ...wrong })
      expect(told(caller)).toMatchObject([{ stop: { stream: 'a1' } }, { status: 'rejected' }])
    }
    caller.say({ sn: SN, replyto: 'walker', statuses: false, request })
    await h.advance(0)
    caller.said.length = 0
    caller.say({ sn: SN, replyto: 'walker', request })
    expect(told(caller)).toMatchObject([{ status: 'rejected', code: 'BadArguments' }])
    callee.say({ sn: SN, result: {} })
    await h.advance(0)
    await leave(h, callee, caller)
  })

  test('a result after one with streams ends these, and the one that is the result itself with what it says', async () => {
    await using h = harness()
    const callee = await open(h, 'py', ['count'])
    const caller = await open(h, 'walker')
    for (const [place, name, end] of [
      [[], 'r0', { retval: 3 }],
      [['a'], 'r1', { code: 'Closed' }],
    ] as const) {
      await call(h, caller, 'count', [], { classname: 'Script' })
      callee.say({ sn: SN, result: { retval: name === 'r0' ? null : { a: null }, streams: [[place, name, 'values']] } })
      callee.say({ sn: SN, item: { stream: name, value: 1 } })
      callee.said.length = 0
      callee.say({ sn: SN, result: { retval: 3 } })
      await h.advance(0)
      expect(told(caller).slice(1)).toMatchObject([{ item: { stream: name, value: 1 } }, { end: { stream: name, ...end } }])
      expect(callee.take('stop')).toEqual([{ sn: SN, stop: { stream: name } }])
    }
    expect(h.router.load.pendingCalls).toBe(0)
    await leave(h, callee, caller)
  })
})
