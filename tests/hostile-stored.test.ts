/**
 * Stored calls against peers that break the rules, and in the moments where the truth is hard to tell: what a peer can make the router keep, who is
 * told, and what is said of a call that was given to more than one instance.
 */
import { service } from '@waybill/client'
import { extensionField, Flag, FrameType, joinFields, serialBytes, serialNumber, Tag } from '@waybill/core'
import type { RouterOptions } from '@waybill/server'
import { harness, ROUTER_URL, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer, type PeerOptions, type Seen } from './hostile-peer.js'

const KiB = 1024
const { call, callChunk, cancel, result, exception, rejected, progress, answerChunk, stored, watch, goodbye } = FrameType
const INCARNATION = 'beef'.repeat(5)

interface Options extends PeerOptions {
  readonly incarnation?: string
  readonly token?: string
}

async function peer(h: Harness, name: string, { incarnation, token, ...options }: Options = {}): Promise<HostilePeer> {
  const introduction = {
    name,
    incarnation: incarnation ?? INCARNATION,
    ...(token !== undefined && { credentials: { token } }),
  }
  return HostilePeer.open(h.network.transport(h.world.process(name)), ROUTER_URL, { ...options, introduction })
}

interface Asked {
  readonly flags?: number
  readonly ttlMs?: number
  readonly fields?: readonly Uint8Array[]
  readonly content?: unknown
  readonly incarnation?: string
}

function toStore({ connected }: HostilePeer, number: number, address: string, asked: Asked = {}): Uint8Array {
  const { flags = 0, ttlMs = 0, fields = [], content = [], incarnation = INCARNATION } = asked
  const extension = joinFields([
    extensionField(Tag.destination, address),
    extensionField(Tag.method, 'any'),
    extensionField(Tag.sn, serialBytes(serialNumber(incarnation, number))),
    ...fields,
  ])
  return frameOf({ type: call, flags: Flag.durable | flags, source: connected.symbol, call: number, ttlMs }, extension, body(content))
}

function watching({ connected }: HostilePeer, number: number, of: number, incarnation = INCARNATION): Uint8Array {
  return frameOf(
    { type: watch, source: connected.symbol, call: number },
    extensionField(Tag.sn, serialBytes(serialNumber(incarnation, of))),
  )
}

/** What the router's own API says, or the code that it refuses with. */
async function ask(it: HostilePeer, number: number, method: string, ...args: unknown[]): Promise<unknown> {
  const extension = joinFields([extensionField(Tag.destination, 'waybill.Router'), extensionField(Tag.method, method)])
  it.send(frameOf({ type: call, source: it.connected.symbol, call: number }, extension, body(args)))
  const { value } = await it.next((frame) => frame.call === number && (frame.type === result || frame.type === rejected))
  return value
}

async function offer(it: HostilePeer, name: string, terms: object = {}): Promise<void> {
  expect(await ask(it, 1, 'offer', [{ service: name, version: '1.0.0', methods: ['any'], ...terms }])).toHaveLength(1)
}

function answer(it: HostilePeer, { source, call: number }: Seen, type: number, content?: unknown, flags = 0): void {
  it.send(frameOf({ type, flags, destination: source, source: it.connected.symbol, call: number }, undefined, body(content)))
}

const outcome = (number: number) => (frame: Seen) =>
  frame.call === number && (frame.type === result || frame.type === exception || frame.type === rejected)
const executedOf = ({ flags }: Seen): string => ['maybe', 'no', 'maybe', 'yes'][(flags & Flag.executedMask) >> 3]!

describe('what a peer can make the router keep', () => {
  test('the number of a watching is used once', async () => {
    await using h = harness()
    const mallory = await peer(h, 'mallory')
    mallory.send(toStore(mallory, 1, 'Nobody', { flags: Flag.noReply }), toStore(mallory, 2, 'Nobody', { flags: Flag.noReply }))
    mallory.send(watching(mallory, 9, 1), watching(mallory, 9, 2))
    expect((await mallory.next(({ type }) => type === goodbye)).value).toMatchObject({ code: 'ProtocolViolation' })
    const again = await peer(h, 'again')
    again.send(watching(again, 9, 1), toStore(again, 9, 'Nobody'))
    expect((await again.next(({ type }) => type === goodbye)).value).toMatchObject({ code: 'ProtocolViolation' })
    await cleared(h)
  })

  test('many watchings of one call end quickly', async () => {
    await using h = harness()
    const mallory = await peer(h, 'mallory')
    mallory.send(toStore(mallory, 1, 'Nobody', { flags: Flag.noReply }))
    const count = 30_000
    for (let from = 0; from < count; from += 1000) {
      mallory.send(...Array.from({ length: 1000 }, (_, at) => watching(mallory, 100 + from + at, 1)))
      await h.advance(0)
    }
    const startMs = performance.now()
    mallory.send(frameOf({ type: goodbye }))
    await h.advance(0)
    expect(performance.now() - startMs).toBeLessThan(2000)
    await cleared(h)
  })

  test('an outcome whose chunks never end is cut at the limit of a body', async () => {
    await using h = harness({ router: { limits: { maxBodyBytes: 64 * KiB } } })
    const mallory = await peer(h, 'mallory')
    await offer(mallory, 'Evil')
    mallory.send(toStore(mallory, 2, 'Evil'))
    const taken = await mallory.next(({ type }) => type === call)
    answer(mallory, taken, result, 'x', Flag.more)
    for (let n = 0; n < 10; n++) answer(mallory, taken, answerChunk, 'x'.repeat(10 * KiB), Flag.more)
    const end = await mallory.next((frame) => frame.call === 2 && frame.type === exception)
    expect(end.value).toMatchObject({ code: 'TooLarge' })
    expect(await ask(mallory, 3, 'receipts', {})).toMatchObject([{ state: 'failed' }])
  })

  test('nor are empty chunks kept for ever', async () => {
    await using h = harness({ router: { limits: { maxBodyBytes: 64 * KiB } } })
    const mallory = await peer(h, 'mallory')
    await offer(mallory, 'Evil')
    mallory.send(toStore(mallory, 2, 'Evil', { flags: Flag.noReply }))
    const taken = await mallory.next(({ type }) => type === call)
    answer(mallory, taken, result, undefined, Flag.more)
    for (let n = 0; n < 2000; n++) answer(mallory, taken, answerChunk, undefined, Flag.more)
    expect(await ask(mallory, 3, 'receipts', {})).toMatchObject([{ state: 'failed' }])
  })

  test('outcomes make the oldest receipts go, as calls do', async () => {
    await using h = harness({ router: { limits: { maxReceiptBytes: 100 * KiB } } })
    const mallory = await peer(h, 'mallory')
    await offer(mallory, 'Evil')
    for (let n = 2; n < 22; n++) {
      mallory.send(toStore(mallory, n, 'Evil', { flags: Flag.noReply }))
      answer(mallory, await mallory.next(({ type }) => type === call), result, 'x'.repeat(30 * KiB))
    }
    const left = (await ask(mallory, 30, 'receipts', {})) as { sn: string }[]
    expect(left.length).toBeLessThanOrEqual(3)
    expect(left[0]).toMatchObject({ sn: serialNumber(INCARNATION, 21), state: 'succeeded' })
  })

  test('who does not take what it watches gets no more of it than fits, and its feeder no credit', async () => {
    let bytes = 0
    const tap = {
      sent: (wire: { client: { process: { name: string } } }, _from: unknown, packet: Uint8Array) =>
        void (wire.client.process.name === 'deaf' && (bytes += packet.byteLength)),
    }
    await using h = harness({
      tap: tap as never,
      router: { limits: { maxOutboundBytes: 256 * KiB, windowBytes: 64 * KiB, maxFrameBytes: 64 * KiB } },
    })
    const mallory = await peer(h, 'mallory')
    await offer(mallory, 'Evil')
    mallory.send(toStore(mallory, 2, 'Evil', { flags: Flag.noReply }))
    const taken = await mallory.next(({ type }) => type === call)
    const deaf = await peer(h, 'deaf', { acknowledges: false })
    deaf.send(watching(deaf, 5, 2))
    await h.advance(0)
    for (let n = 0; n < 400; n++) {
      answer(mallory, taken, progress, { total: 1, completed: 0, details: 'x'.repeat(30 * KiB) })
      await h.advance(0)
    }
    // One that goes on without credit is not read from any more.
    expect(bytes).toBeLessThan(2048 * KiB)
    deaf.send(frameOf({ type: goodbye }))
    await h.advance(0)
    mallory.send(frameOf({ type: goodbye }))
    await h.advance(0)
    await cleared(h)
  })

  test('one packet of watchings is not answered with all that was ever said', async () => {
    let bytes = 0
    const tap = { sent: (_wire: unknown, _from: unknown, packet: Uint8Array) => void (bytes += packet.byteLength) }
    await using h = harness({ tap: tap as never, router: { limits: { maxOutboundBytes: 256 * KiB } } })
    const mallory = await peer(h, 'mallory')
    await offer(mallory, 'Evil')
    mallory.send(toStore(mallory, 2, 'Evil', { flags: Flag.noReply }))
    answer(mallory, await mallory.next(({ type }) => type === call), result, 'x'.repeat(100 * KiB))
    await h.advance(0)
    bytes = 0
    mallory.send(...Array.from({ length: 1000 }, (_, at) => watching(mallory, 100 + at, 2)))
    await h.advance(0)
    expect(bytes).toBeLessThan(2048 * KiB)
    const refused = mallory.frames.filter(({ type }) => type === rejected)
    expect(refused.length).toBeGreaterThan(900)
    expect(refused[0]!.value).toMatchObject({ code: 'Overloaded' })
  })

  test('what travels beside the arguments of pending calls is bounded', async () => {
    await using h = harness({ router: { limits: { maxQueuedBytes: 1024 * KiB } } })
    const mallory = await peer(h, 'mallory')
    await offer(mallory, 'Evil')
    const data = extensionField(Tag.data, JSON.stringify('x'.repeat(50_000)))
    const extension = joinFields([extensionField(Tag.destination, 'Evil'), extensionField(Tag.method, 'any'), data])
    for (let n = 2; n < 52; n++) mallory.send(frameOf({ type: call, source: mallory.connected.symbol, call: n }, extension, body([])))
    await h.advance(0)
    const refused = mallory.frames.filter(({ type }) => type === rejected)
    expect(refused.length).toBeGreaterThan(20)
    expect(refused[0]!.value).toMatchObject({ code: 'Overloaded' })
    for (const taken of mallory.frames.filter(({ type }) => type === call)) answer(mallory, taken, result, 1)
    await h.advance(0)
    mallory.send(frameOf({ type: call, source: mallory.connected.symbol, call: 99 }, extension, body([])))
    expect(await mallory.next((frame) => frame.type === call && frame.call === 99)).toBeDefined()
  })
})

describe('a call runs once', () => {
  test('stored again under its number, in the next session, it is the same call', async () => {
    await using h = harness()
    const worker = await peer(h, 'worker', { incarnation: 'cafe'.repeat(5) })
    await offer(worker, 'Evil')
    const first = await peer(h, 'caller')
    first.send(toStore(first, 7, 'Evil'))
    const taken = await worker.next(({ type }) => type === call)
    first.send(frameOf({ type: goodbye }))
    await h.advance(0)
    const second = await peer(h, 'caller')
    second.send(toStore(second, 7, 'Evil'))
    expect((await second.next(({ type }) => type === stored)).value).toMatchObject({ duplicate: true })
    answer(worker, taken, result, 'done')
    expect((await second.next(outcome(7))).value).toBe('done')
    second.send(toStore(second, 7, 'Evil'))
    expect((await second.next(outcome(7))).value).toBe('done')
    await h.advance(10)
    expect(worker.frames.filter(({ type }) => type === call)).toEqual([])
    expect(await ask(second, 8, 'receipts', {})).toHaveLength(1)
    expect(h.router.view.info()).toMatchObject({ storedCalls: 0 })
  })
})

describe('what is said of a call that somebody had', () => {
  /** A stored call that may run twice, which its first instance took and was lost with. */
  async function lostOnce(h: Harness, ttlMs = 0, fields: readonly Uint8Array[] = []): Promise<HostilePeer> {
    const worker = await peer(h, 'first', { incarnation: 'cafe'.repeat(5) })
    await offer(worker, 'Evil', { idempotent: ['any'] })
    const caller = await peer(h, 'caller')
    caller.send(toStore(caller, 7, 'Evil', { ttlMs, fields }))
    answer(worker, await worker.next(({ type }) => type === call), FrameType.started)
    await h.advance(10)
    worker.send(frameOf({ type: goodbye }))
    await h.advance(10)
    return caller
  }

  test('nobody takes it again before its ttl', async () => {
    await using h = harness()
    const caller = await lostOnce(h, 3000)
    await h.advance(4000)
    const end = await caller.next(outcome(7))
    expect([end.type, executedOf(end), end.value]).toMatchObject([exception, 'maybe', { code: 'DeadlineExceeded' }])
    expect(await ask(caller, 9, 'receipts', {})).toMatchObject([{ state: 'indeterminate', attempts: 1 }])
  })

  test('it is cancelled while it waits', async () => {
    await using h = harness()
    const caller = await lostOnce(h)
    caller.send(frameOf({ type: cancel, source: caller.connected.symbol, call: 7 }))
    const end = await caller.next(outcome(7))
    expect([end.type, executedOf(end), end.value]).toMatchObject([exception, 'maybe', { code: 'Cancelled' }])
  })

  test('the next one refuses it', async () => {
    for (const [type, content, flags] of [
      [rejected, { code: 'Forbidden', description: 'no' }, 0],
      [exception, { exval: 'no', code: 'DeadlineExceeded' }, 0x08],
    ] as const) {
      await using h = harness()
      const caller = await lostOnce(h)
      const second = await peer(h, 'second', { incarnation: 'f00d'.repeat(5) })
      await offer(second, 'Evil', { idempotent: ['any'] })
      answer(second, await second.next((frame) => frame.type === call), type, content, flags)
      const end = await caller.next(outcome(7))
      expect([end.type, executedOf(end)]).toEqual([exception, 'maybe'])
    }
  })

  test('the router closes', async () => {
    await using h = harness()
    const caller = await lostOnce(h)
    h.router.close()
    const end = await caller.next(outcome(7))
    expect([end.type, executedOf(end), end.value]).toMatchObject([exception, 'maybe', { code: 'RouterLost' }])
  })

  test('an outcome that was cut off in the middle is not part of the next one', async () => {
    await using h = harness()
    const first = await peer(h, 'first', { incarnation: 'cafe'.repeat(5) })
    await offer(first, 'Evil', { idempotent: ['any'] })
    const caller = await peer(h, 'caller')
    caller.send(toStore(caller, 7, 'Evil'))
    const taken = await first.next(({ type }) => type === call)
    answer(first, taken, result, 'half', Flag.more)
    await h.advance(1)
    first.send(frameOf({ type: goodbye }))
    const second = await peer(h, 'second', { incarnation: 'f00d'.repeat(5) })
    await offer(second, 'Evil', { idempotent: ['any'] })
    const again = await second.next(({ type }) => type === call)
    answer(second, again, answerChunk, 'forged')
    answer(second, again, result, 'whole')
    await h.advance(1)
    caller.frames.length = 0
    caller.send(watching(caller, 9, 7))
    await h.advance(1)
    expect(caller.frames.filter((frame) => frame.call === 9).map(({ type, value }) => [type, value])).toEqual([[result, 'whole']])
  })
})

describe('a callee that gives back', () => {
  test('whatever it gets is not asked without end', async () => {
    await using h = harness()
    const mallory = await peer(h, 'mallory')
    await offer(mallory, 'Evil')
    mallory.send(toStore(mallory, 2, 'Evil', { ttlMs: 60_000 }))
    let given = 0
    const again = async (): Promise<void> => {
      for (;;) {
        const taken = await mallory.next(({ type }) => type === call)
        if (++given > 200) return
        answer(mallory, taken, rejected, { code: 'Overloaded', description: 'full', details: { retryAfterMs: 0 } })
      }
    }
    void again()
    await h.advance(10_000)
    expect(given).toBeGreaterThan(2)
    expect(given).toBeLessThan(50)
    await h.advance(60_000)
    expect((await mallory.next(outcome(2))).value).toMatchObject({ code: 'Expired' })
  })
})

describe('who is told', () => {
  test('not another principal that took the name since', async () => {
    const router: RouterOptions = { tokens: { alice: 'a', bob: 'b' } }
    await using h = harness({ router })
    const worker = await peer(h, 'worker', { incarnation: 'cafe'.repeat(5), token: 'a' })
    await offer(worker, 'Evil')
    const clerk = await peer(h, 'clerk', { incarnation: 'f00d'.repeat(5), token: 'a' })
    const caller = await peer(h, 'caller', { token: 'a' })
    caller.send(toStore(caller, 7, 'Evil', { fields: [extensionField(Tag.replyto, 'clerk')] }))
    const taken = await worker.next(({ type }) => type === call)
    clerk.send(frameOf({ type: goodbye }))
    await h.advance(0)
    const bob = await peer(h, 'clerk', { incarnation: 'dead'.repeat(5), token: 'b' })
    answer(worker, taken, result, 'secret')
    await caller.next(outcome(7))
    await h.advance(1)
    expect(bob.frames).toEqual([])
  })
})

describe('rules that others rely on', () => {
  test('a call without a reply that never arrives whole gives its place back at its ttl', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const one = service<{ any(): string }>('One@1.0.0', { any: {} }, { concurrency: 1 } as never)
    await worker.expose(one, { any: () => 'done' })
    const mallory = await peer(h, 'mallory')
    const extension = joinFields([extensionField(Tag.destination, 'One'), extensionField(Tag.method, 'any')])
    const { symbol: source } = mallory.connected
    mallory.send(frameOf({ type: call, flags: Flag.noReply | Flag.more, source, call: 1, ttlMs: 1000 }, extension, body([])))
    mallory.send(frameOf({ type: callChunk, flags: Flag.more, source, call: 1 }, undefined, body('x')))
    await h.advance(2000)
    const caller = await h.client('caller')
    expect(await h.until(caller.remote(one).any.with({ timeout: 1000 })())).toBe('done')
    expect(h.router.load.pendingCalls).toBe(0)
    expect(worker.pending.incoming).toBe(0)
  })

  test.each([
    ['an order key that is too long', extensionField(Tag.orderKey, 'x'.repeat(300))],
    ['an empty sticky key', extensionField(Tag.sticky, '')],
  ])('%s refuses the call and nothing else', async (_what, field) => {
    await using h = harness()
    const mallory = await peer(h, 'mallory')
    await offer(mallory, 'Evil')
    const extension = joinFields([extensionField(Tag.destination, 'Evil'), extensionField(Tag.method, 'any'), field])
    mallory.send(frameOf({ type: call, source: mallory.connected.symbol, call: 5 }, extension, body([])))
    expect((await mallory.next((frame) => frame.call === 5)).value).toMatchObject({ code: 'BadArguments' })
    expect(await ask(mallory, 6, 'receipts', {})).toEqual([])
  })

  test('conditions on data are bounded, whatever they ask', async () => {
    await using h = harness()
    const mallory = await peer(h, 'mallory')
    const conditions = [
      { eq: ['a.'.repeat(200) + 'a', 1] },
      { in: ['a', Array.from({ length: 5000 }, (_, at) => at)] },
      { or: Array.from({ length: 5000 }, () => ({ eq: ['a', 1] })) },
      { match: Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, 1])) },
    ]
    for (const [at, data] of conditions.entries())
      expect(await ask(mallory, 10 + at, 'receipts', { data })).toMatchObject({ code: 'BadArguments' })
    expect(await ask(mallory, 20, 'receipts', { data: { and: [{ in: ['a', [1, 2]] }, { eq: ['__proto__.x', 1] }] } })).toEqual([])
  })

  test('calls that wait for nobody cost the others nothing, and go when somebody comes', async () => {
    await using h = harness()
    const mallory = await peer(h, 'mallory')
    const worker = await h.client('worker')
    const work = service<{ any(): string }>('Work@1.0.0', { any: {} })
    await worker.expose(work, { any: () => 'done' })
    const { symbol: source } = mallory.connected
    const wait = extensionField(Tag.wait, Uint8Array.of(0, 16, 0, 0))
    const waiting = (number: number): Uint8Array => {
      const address = extensionField(Tag.destination, `Work?lane=l${number}`)
      return frameOf({ type: call, source, call: number }, joinFields([address, extensionField(Tag.method, 'any'), wait]), body([]))
    }
    for (let number = 1; number <= 4000; number++) mallory.send(waiting(number))
    await h.advance(0)
    const startMs = performance.now()
    const caller = await h.client('caller')
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 200 }, () => caller.remote(work).any()))
    expect(performance.now() - startMs).toBeLessThan(5000)
    expect(h.router.load.heldCalls).toBe(4000)
    mallory.send(frameOf({ type: cancel, source, call: 7 }))
    await h.advance(1)
    expect((await mallory.next(outcome(7))).value).toMatchObject({ code: 'Cancelled' })
    const eighth = await h.client('eighth', { labels: { lane: 'l8' } })
    await eighth.expose(work, { any: () => 'eight' })
    await h.advance(1)
    expect((await mallory.next(outcome(8))).value).toBe('eight')
    await h.advance(5000)
    expect((await mallory.next(outcome(9))).value).toMatchObject({ code: 'Expired' })
    expect(h.router.load.heldCalls).toBe(0)
  })

  test('patterns that part at each name do not make an event dear', async () => {
    await using h = harness()
    const mallory = await peer(h, 'mallory')
    const { symbol: source } = mallory.connected
    const names = (count: number, name: (at: number) => string): Uint8Array =>
      extensionField(Tag.topic, Array.from({ length: count }, (_, at) => name(at)).join('.'))
    for (const count of [16, 128]) {
      const patterns = Array.from({ length: 512 }, (_, n) =>
        frameOf(
          { type: FrameType.subscribe, source, call: count * 1000 + n },
          names(count, (at) => (at < 10 && (n >> at) & 1 ? '*' : 'a')),
        ),
      )
      mallory.send(...patterns)
      const startMs = performance.now()
      mallory.send(
        ...Array.from({ length: 200 }, () =>
          frameOf(
            { type: FrameType.publish, source, call: 2 },
            names(count, () => 'a'),
            body(1),
          ),
        ),
      )
      await h.advance(0)
      expect(performance.now() - startMs).toBeLessThan(2500)
    }
    expect(h.router.load.subscriptions).toBe(512)
    mallory.send(frameOf({ type: goodbye }))
    await h.advance(0)
  })

  test('the router’s own methods are not stored', async () => {
    await using h = harness()
    const mallory = await peer(h, 'mallory')
    mallory.send(toStore(mallory, 3, 'waybill.Router'))
    expect((await mallory.next((frame) => frame.call === 3)).value).toMatchObject({ code: 'NotStorable' })
  })

  test('who has a client drained that does not listen is held back', async () => {
    await using h = harness({ router: { limits: { maxOutboundBytes: 64 * KiB, windowBytes: 16 * KiB, maxFrameBytes: 16 * KiB } } })
    const mallory = await peer(h, 'mallory')
    const deaf = await peer(h, 'deaf', { acknowledges: false, incarnation: 'cafe'.repeat(5) })
    const extension = joinFields([extensionField(Tag.destination, 'waybill.Router'), extensionField(Tag.method, 'drain')])
    for (let n = 2; n < 20_000; n += 500) {
      const { symbol: source } = mallory.connected
      mallory.send(...Array.from({ length: 500 }, (_, at) => frameOf({ type: call, source, call: n + at }, extension, body(['deaf']))))
      await h.advance(0)
    }
    expect(deaf.frames.filter(({ type }) => type === FrameType.drain).length).toBeLessThan(8000)
    deaf.send(frameOf({ type: goodbye }))
    await h.advance(0)
  })
})

/** Nothing of stored calls that wait for nobody is left when their receipts are cancelled. */
async function cleared(h: Harness): Promise<void> {
  const janitor = await h.client('janitor')
  await h.until(janitor.cancelReceipts({ state: 'pending' }))
  await h.advance(3000)
  expect(h.router.load.pendingCalls).toBe(0)
  await janitor.close()
}
