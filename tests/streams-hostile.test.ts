/** Peers that break the rules of streams with bytes: the call of which they speak ends with a clear word, and nothing else is touched. */
import { service, type Client, type WaybillError } from '@waybill/client'
import { encodings, extensionField, Flag, FrameType, joinFields, streamConstants, Tag, type PreparedBody } from '@waybill/core'
import { harness, ROUTER_URL, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer, type Seen } from './hostile-peer.js'

interface Evil {
  any(...args: unknown[]): AsyncGenerator<unknown>
}

/** A body with the marks of streams, of whatever number and kind. */
function marks(...streams: readonly (readonly unknown[])[]): PreparedBody {
  const json = streams.map((mark) => ['stream', ...mark])
  const values = Object.fromEntries(json.map((_mark, at) => [String(at), [['custom', 'waybill']]]))
  return bytesOf(JSON.stringify({ json, meta: { values, v: 1 } }), encodings.rich)
}

function bytesOf(text: string, encoding: number): PreparedBody {
  const plain = body(0) as unknown as Record<string, unknown>
  return { ...plain, encoding, text, json: text, byteLengthBound: text.length * 3 } as unknown as PreparedBody
}

async function peer(h: Harness, name: string, acknowledges = true): Promise<HostilePeer> {
  const introduction = { name, incarnation: name === 'mallory' ? 'beef'.repeat(5) : 'cafe'.repeat(5) }
  return HostilePeer.open(h.network.transport(h.world.process(name)), ROUTER_URL, { introduction, acknowledges })
}

async function callee(h: Harness): Promise<HostilePeer> {
  const mallory = await peer(h, 'mallory')
  const extension = joinFields([extensionField(Tag.destination, 'waybill.Router'), extensionField(Tag.method, 'offer')])
  const offers = [{ service: 'Evil', version: '1.0.0', methods: ['any'] }]
  mallory.send(frameOf({ type: FrameType.call, source: mallory.connected.symbol, call: 1 }, extension, body([offers])))
  await mallory.next((frame) => frame.call === 1)
  return mallory
}

interface Said {
  readonly type: number
  readonly stream?: number
  readonly flags?: number
  readonly ttlMs?: number
  readonly value?: PreparedBody
}

function frames(it: HostilePeer, { source, call }: Seen, said: readonly Said[]): Uint8Array[] {
  return said.map(({ type, stream = 0, value, ...head }) =>
    frameOf({ ...head, type, destination: source, source: it.connected.symbol, call, method: stream }, undefined, value),
  )
}

async function collected(stream: AsyncIterable<unknown>): Promise<{ items: unknown[]; code: string | undefined }> {
  const items: unknown[] = []
  try {
    for await (const item of stream) items.push(item)
    return { items, code: undefined }
  } catch (error) {
    return { items, code: (error as WaybillError).code }
  }
}

/** The session of who was lied to goes on. */
async function goesOn(h: Harness, client: Client): Promise<void> {
  const other = await h.client()
  const echo = service<{ echo(value: number): number }>('Echo@1.0.0', { echo: {} })
  await other.expose(echo, { echo: (value) => value })
  expect(await client.remote(echo).echo(1)).toBe(1)
  expect(client.pending).toMatchObject({ outgoing: 0, incoming: 0 })
}

const { opened, item, end, failed, credit, stop, result, exception } = FrameType
const opens: Said = { type: opened }

describe('a hostile callee', () => {
  const items = (count: number, stream = 0): Said[] => Array.from({ length: count }, (_, n) => ({ type: item, stream, value: body(n) }))

  test.each<[string, Said[], { items: number; code: string | undefined }]>([
    ['items before the result is open', [...items(2), opens, ...items(1), { type: result }], { items: 1, code: undefined }],
    ['items of a stream that is not there', [opens, ...items(3, 7), { type: result }], { items: 0, code: undefined }],
    ['items without credit', [opens, ...items(300)], { items: 256, code: 'ProtocolViolation' }],
    ['items after the end', [opens, ...items(1), { type: end }, ...items(2), { type: result }], { items: 1, code: undefined }],
    ['items after the last word', [opens, ...items(1), { type: result }, ...items(2)], { items: 1, code: undefined }],
    [
      'an end and then a failure',
      [opens, { type: end }, { type: failed, value: body({ exval: 'x' }) }, { type: result }],
      { items: 0, code: undefined },
    ],
    ['a failure without words', [opens, { type: failed }, { type: result }], { items: 0, code: 'RemoteException' }],
    ['opened twice', [opens, ...items(1), opens, ...items(1), { type: result }], { items: 2, code: undefined }],
    [
      'credit and stop for nothing',
      [{ type: credit, ttlMs: 2 ** 32 - 1 }, opens, { type: stop, stream: 3 }, { type: stop }, { type: result }],
      { items: 0, code: undefined },
    ],
    ['an item that is no value', [opens, { type: item, value: bytesOf('{"a":', encodings.json) }], { items: 0, code: 'ProtocolViolation' }],
    ['a stream inside an item', [opens, { type: item, value: marks([1, 'values']) }], { items: 0, code: 'ProtocolViolation' }],
    [
      'an item that never ends',
      [opens, ...Array.from({ length: 60 }, () => ({ type: item, flags: Flag.more, value: body('x'.repeat(200_000)) }))],
      { items: 0, code: 'ProtocolViolation' },
    ],
    [
      'an item of pieces without bytes',
      [opens, ...Array.from({ length: 9000 }, () => ({ type: item, flags: Flag.more }))],
      { items: 0, code: 'ProtocolViolation' },
    ],
    [
      'an item that the end cuts off',
      [opens, { type: item, flags: Flag.more, value: body(1) }, { type: result }],
      { items: 0, code: 'ProtocolViolation' },
    ],
  ])('%s', async (_what, said, told) => {
    await using h = harness()
    const mallory = await callee(h)
    const caller = await h.client('caller')
    const call = caller.remote<Evil>('Evil').any()
    const taken = await mallory.next(({ type }) => type === FrameType.call)
    mallory.send(...frames(mallory, taken, said))
    await h.advance(1)
    const heard = await collected(await call)
    expect({ items: heard.items.length, code: heard.code }).toEqual(told)
    await h.advance(1000)
    await goesOn(h, caller)
  })

  test.each<[string, Said]>([
    ['a number twice', { type: opened, value: marks([1, 'values'], [1, 'values']) }],
    ['257 streams', { type: opened, value: marks(...Array.from({ length: 257 }, (_, n) => [n + 1, 'values'])) }],
    ['a kind that is unknown', { type: opened, value: marks([1, 'pipe']) }],
    ['a number that is too large', { type: opened, value: marks([2 ** 32, 'values']) }],
    ['opened in pieces', { type: opened, flags: Flag.more, value: bytesOf('[1,', encodings.json) }],
    ['a stream in a plain result', { type: result, value: marks([1, 'values']) }],
    ['a stream in an exception', { type: exception, value: marks([1, 'values']) }],
  ])('%s', async (_what, said) => {
    await using h = harness()
    const mallory = await callee(h)
    const caller = await h.client('caller')
    const outcome = Promise.resolve(caller.remote<Evil>('Evil').any()).then(
      () => 'result',
      (error: WaybillError) => error.code,
    )
    const taken = await mallory.next(({ type }) => type === FrameType.call)
    mallory.send(...frames(mallory, taken, [said]))
    await h.advance(1000)
    expect(['ProtocolViolation', 'BadResult', 'RemoteException']).toContain(await outcome)
    await goesOn(h, caller)
  })

  test('the highest number, and all kinds', async () => {
    await using h = harness()
    const mallory = await callee(h)
    const caller = await h.client('caller')
    const call = caller.remote<Evil>('Evil').any()
    const taken = await mallory.next(({ type }) => type === FrameType.call)
    const stream = 2 ** 32 - 1
    mallory.send(
      ...frames(mallory, taken, [
        { type: opened, value: marks([stream, 'values'], [2, 'bytes'], [3, 'readable']) },
        { type: item, stream, value: body('there') },
        { type: end, stream },
        { type: item, stream: 2, value: body('no bytes') },
      ]),
    )
    await h.advance(1)
    const [values, bytes, readable] = (await call) as unknown as AsyncIterable<unknown>[]
    // The first that is broken ends the call; what has arrived is there.
    expect(await collected(values!)).toEqual({ items: ['there'], code: undefined })
    expect((await collected(bytes!)).code).toBe('ProtocolViolation')
    expect((await collected(readable!)).code).toBe('ProtocolViolation')
    expect((await mallory.next(({ type }) => type === FrameType.cancel)).call).toBe(taken.call)
    await goesOn(h, caller)
  })

  test("frames for somebody else's call, or for one that it no longer has, reach nobody", async () => {
    await using h = harness()
    const mallory = await callee(h)
    const worker = await h.client('worker')
    const good = service<{ numbers(): AsyncGenerator<number> }>('Good@1.0.0', { numbers: {} })
    await worker.expose(good, {
      async *numbers() {
        for (let n = 0; n < 400; n++) yield n
      },
    })
    const caller = await h.client('caller')
    const other = caller.remote<Evil>('Evil').any()
    const taken = await mallory.next(({ type }) => type === FrameType.call)
    const call = caller.remote(good).numbers()
    const stream = await call
    for (let number = 1; number < 10; number++) {
      if (number === taken.call) continue
      mallory.send(...frames(mallory, { ...taken, call: number }, [opens, ...items(2), { type: stop }, { type: failed }, { type: result }]))
    }
    await h.advance(1)
    expect((await collected(stream)).items).toEqual(Array.from({ length: 400 }, (_, n) => n))
    mallory.send(...frames(mallory, taken, [{ type: result }, opens, ...items(1)]))
    await other
    await goesOn(h, caller)
  })

  test('opening again and again holds no call longer than the first time allows', async () => {
    const most = 60_000
    await using h = harness({ router: { limits: { maxDeadlineMs: most } } })
    const mallory = await callee(h)
    const eve = await peer(h, 'eve')
    const extension = joinFields([extensionField(Tag.destination, 'Evil'), extensionField(Tag.method, 'any')])
    eve.send(frameOf({ type: FrameType.call, source: eve.connected.symbol, call: 1 }, extension, body([])))
    const taken = await mallory.next(({ type }) => type === FrameType.call)
    for (let passedMs = 0; passedMs <= 2 * most; passedMs += 1000) {
      mallory.send(...frames(mallory, taken, [opens]))
      eve.send(frameOf({ type: FrameType.unsupported }))
      await h.advance(1000)
    }
    expect(eve.frames.filter(({ type }) => type === exception)).toHaveLength(1)
  })
})

describe('a hostile caller', () => {
  const numbers = service<{
    count(): AsyncGenerator<number>
    total(stream: AsyncIterable<number>): Promise<number>
  }>('Numbers@1.0.0', { count: {}, total: {} }, { concurrency: 1 })

  async function victim(h: Harness, acknowledges = true) {
    const worker = await h.client('worker')
    const seen = { made: 0, ended: 0, codes: [] as (string | undefined)[] }
    await worker.expose(numbers, {
      async *count() {
        try {
          for (; ; seen.made++) yield seen.made
        } finally {
          seen.ended++
        }
      },
      async total(stream) {
        // What stands in the packet of the call is here before anybody reads.
        await Promise.resolve()
        const { items, code } = await collected(stream)
        seen.codes.push(code)
        return items.length
      },
    })
    const eve = await peer(h, 'eve', acknowledges)
    const call = (number: number, method: string, args?: PreparedBody, flags = 0): Uint8Array => {
      const extension = joinFields([extensionField(Tag.destination, 'Numbers'), extensionField(Tag.method, method)])
      return frameOf({ type: FrameType.call, flags, source: eve.connected.symbol, call: number }, extension, args)
    }
    const say = (
      number: number,
      type: number,
      stream: number,
      more: { flags?: number; ttlMs?: number; value?: PreparedBody } = {},
    ): Uint8Array => {
      const { value, ...head } = more
      return frameOf({ ...head, type, source: eve.connected.symbol, call: number, method: stream }, undefined, value)
    }
    const outcome = async (number: number): Promise<Seen> => {
      await h.advance(1000)
      return eve.next(
        (frame) => frame.call === number && (frame.type === result || frame.type === exception || frame.type === FrameType.rejected),
      )
    }
    return { worker, eve, call, say, outcome, seen }
  }

  const stream = marks([1, 'values'])

  test('sends items before it has credit, or beyond it', async () => {
    await using h = harness()
    const { worker, eve, call, say, outcome, seen } = await victim(h)
    eve.send(call(1, 'total', stream), say(1, FrameType.callItem, 1, { value: body(1) }))
    expect((await outcome(1)).type).toBe(result)
    eve.send(call(2, 'total', stream))
    await eve.next(({ type }) => type === credit)
    eve.send(...Array.from({ length: 300 }, () => say(2, FrameType.callItem, 1, { value: body(1) })))
    expect((await outcome(2)).type).toBe(result)
    expect(seen.codes).toEqual(['ProtocolViolation', 'ProtocolViolation'])
    expect(worker.pending.incoming).toBe(0)
  })

  test('stops twice, and gives more credit than a number holds', async () => {
    await using h = harness({ router: { limits: { maxOutboundBytes: 64 * 1024, windowBytes: 16 * 1024 } } })
    const { worker, eve, call, say, outcome, seen } = await victim(h, false)
    eve.send(call(1, 'count'))
    await h.advance(1)
    for (let n = 0; n < 4; n++) eve.send(say(1, FrameType.callCredit, 0, { ttlMs: 2 ** 32 - 1 }))
    await h.advance(1)
    eve.send(say(1, FrameType.callStop, 0), say(1, FrameType.callStop, 0), say(1, FrameType.callCredit, 0, { ttlMs: 5 }))
    await h.advance(1)
    eve.exchange.withhold(false)
    eve.link.send(eve.exchange.sealUnnumbered())
    await outcome(1)
    expect({ ended: seen.ended, pending: worker.pending.incoming }).toEqual({ ended: 1, pending: 0 })
  })

  test('speaks of streams while its call waits, and after its cancel', async () => {
    await using h = harness()
    const { worker, eve, call, say, outcome, seen } = await victim(h)
    eve.send(call(1, 'count'), call(2, 'count'))
    await h.advance(1)
    eve.send(
      say(2, FrameType.callCredit, 0, { ttlMs: 1000 }),
      say(2, FrameType.callStop, 0),
      say(2, FrameType.callItem, 1, { value: body(1) }),
    )
    await h.advance(1)
    eve.send(
      frameOf({ type: FrameType.cancel, source: eve.connected.symbol, call: 1 }),
      say(1, FrameType.callItem, 0, { value: body(1) }),
      say(1, FrameType.callCredit, 0, { ttlMs: 100_000 }),
    )
    expect((await outcome(1)).type).toBe(exception)
    // The second has its turn, untouched by what was said before.
    eve.send(say(2, FrameType.callStop, 0))
    await outcome(2)
    expect({ ended: seen.ended, pending: worker.pending.incoming }).toEqual({ ended: 2, pending: 0 })
  })

  test('sends a stream with a call that is not live: nobody waits for what never comes', async () => {
    await using h = harness()
    const { worker, eve, call, seen } = await victim(h)
    eve.send(call(1, 'total', stream, Flag.noReply), call(2, 'total', stream, Flag.noReply))
    await h.advance(1000)
    expect({ codes: seen.codes, pending: worker.pending.incoming }).toEqual({ codes: [], pending: 0 })
  })

  test('sends streams that there cannot be', async () => {
    await using h = harness()
    const { worker, eve, call, outcome } = await victim(h)
    const many = Array.from({ length: streamConstants.maxStreams + 1 }, (_, n) => [n + 1, 'values'])
    const bad = [marks([1, 'values'], [1, 'values']), marks(...many), marks([-1, 'values']), marks([1.5, 'values']), marks([1, ''])]
    for (const [at, args] of bad.entries()) {
      eve.send(call(at + 1, 'total', args))
      expect((await outcome(at + 1)).type).toBe(FrameType.rejected)
    }
    expect(worker.pending.incoming).toBe(0)
  })

  test('fails its stream with whatever it likes', async () => {
    await using h = harness()
    const { worker, eve, call, say, outcome, seen } = await victim(h)
    const words = [undefined, body(null), body('text'), body({ exval: 7, xclass: {} }), bytesOf('{', encodings.json), marks([1, 'values'])]
    for (const [at, value] of words.entries()) {
      eve.send(call(at + 1, 'total', stream))
      await h.advance(1)
      eve.send(say(at + 1, FrameType.callFailed, 1, value === undefined ? {} : { value }))
      await outcome(at + 1)
    }
    expect(seen.codes).toEqual(words.map(() => 'RemoteException'))
    expect(worker.pending.incoming).toBe(0)
  })
})
