/** Nothing grows without a bound, whatever a client does. Titles begin with the row in docs/rows.md. */
import { connect, service, type Client } from '@waybill/client'
import { extensionField, FrameType, joinFields, Tag } from '@waybill/core'
import { createRouter, defaultLimits, type Limits } from '@waybill/server'
import { harness, ROUTER_URL, type End, type Harness, type HarnessOptions, type Wire } from '@waybill/testkit'
import { queryObjects } from 'node:v8'
import { describe, expect, test } from 'vitest'
import { IncomingCall } from '../packages/client/src/incoming-call.js'
import { Session } from '../packages/server/src/model.js'
import { body, frameOf, HostilePeer, packetOf, type PeerOptions } from './hostile-peer.js'

interface Any {
  [method: string]: (...args: unknown[]) => unknown
}

const KiB = 1024
const small: Partial<Limits> = { windowBytes: 16 * KiB, maxFrameBytes: 16 * KiB, maxOutboundBytes: 64 * KiB }

function peer(h: Harness, options?: PeerOptions, name = 'mallory'): Promise<HostilePeer> {
  return HostilePeer.open(h.network.transport(h.world.process(name)), ROUTER_URL, options)
}

/** Counts what the router sends to a process. */
function meter(name: string): { tap: NonNullable<HarnessOptions['tap']>; bytes: number } {
  const counted = {
    bytes: 0,
    tap: {
      sent: (wire: Wire, from: End, packet: Uint8Array) =>
        void (from === wire.router && wire.client.process.name === name && (counted.bytes += packet.byteLength)),
    },
  }
  return counted
}

function callTo(source: number, call: number, address: string, method = 'any', content: unknown = []): Uint8Array {
  return frameOf(
    { type: FrameType.call, source, call },
    joinFields([extensionField(Tag.destination, address), extensionField(Tag.method, method)]),
    body(content),
  )
}

function eventOf(type: number, source: number, call: number, topic: string): Uint8Array {
  return frameOf({ type, source, call }, joinFields([extensionField(Tag.topic, topic)]), body('x'))
}

async function others(h: Harness): Promise<void> {
  const caller = await h.client('innocent')
  const worker = await h.client('worker')
  await worker.expose(service<Any>('Work@1.0.0', { ping: {} }), { ping: (n: unknown) => n } as Any)
  const { ping } = caller.remote<Any>('Work')
  for (let n = 0; n < 10; n++) expect(await ping!(n)).toBe(n)
  await caller.close()
  await worker.close()
}

describe('row 21: everything is bounded', () => {
  const floods: readonly [string, (source: number, n: number) => Uint8Array][] = [
    ['refusals', (source, n) => callTo(source, n, `Nobody${n}`)],
    ['malformed addresses', (source, n) => callTo(source, n, `${'x'.repeat(300)}${n}`)],
    ['the router’s answers', (source, n) => callTo(source, n, 'waybill.Router', 'services')],
    ['refusals of events', (source, n) => eventOf(FrameType.publish, source, n, 'waybill.client.joined')],
    ['refusals of patterns', (source, n) => eventOf(FrameType.subscribe, source, n, '**.x')],
    ['unknown frames', (source, n) => frameOf({ type: 0x7f, source, call: n })],
  ]
  test.each(floods)('row 21: who never reads gets no more %s than fit', async (_what, flood) => {
    const sent = meter('mallory')
    await using h = harness({ router: { limits: small }, tap: sent.tap })
    const mallory = await peer(h, { acknowledges: false })
    for (let n = 1; n < 20_000; n += 100) {
      mallory.send(...Array.from({ length: 100 }, (_, at) => flood(mallory.connected.symbol, n + at)))
      if (n % 1000 === 1) await h.advance(0)
    }
    await h.advance(0)
    // What fits, and what was under way when it no longer did.
    expect(sent.bytes).toBeGreaterThan(small.maxOutboundBytes!)
    expect(sent.bytes).toBeLessThan(small.maxOutboundBytes! + 1000 * KiB)
    await others(h)
    await h.advance(defaultLimits.heartbeatMs + defaultLimits.heartbeatGraceMs + 5000)
    expect(h.router.load.sessions).toBe(0)
  })

  test('row 21: heartbeats that are never read are not answered for ever', async () => {
    const sent = meter('mallory')
    await using h = harness({ tap: sent.tap })
    const mallory = await peer(h)
    const before = sent.bytes
    const pings = packetOf(...Array.from({ length: 10_000 }, () => frameOf({ type: FrameType.ping })))
    mallory.link.send(pings)
    await h.advance(0)
    expect(sent.bytes - before).toBeLessThan(100)
  })

  test('row 21: pending calls, waiting calls and their bytes', async () => {
    await using h = harness({
      router: { limits: { maxCallsPerSession: 30, maxQueuedCalls: 20, maxQueuedBytes: 10_000, maxHeldBytes: 15_000 } },
    })
    const mallory = await peer(h, { introduction: { name: 'mallory' } })
    const { symbol } = mallory.connected
    const offers = ['One', 'Two', 'Three'].map((name) => ({ service: name, version: '1.0.0', methods: ['any'], concurrency: 1 }))
    mallory.send(callTo(symbol, 1, 'waybill.Router', 'offer', [offers]))
    await mallory.next(({ call, type }) => call === 1 && type === FrameType.result)
    let call = 1
    const verdicts = async (address: string, count: number, content: unknown): Promise<number> => {
      const from = call
      for (let n = 0; n < count; n++) mallory.send(callTo(symbol, ++call, address, 'any', content))
      await h.advance(0)
      const refused = mallory.frames.filter((frame) => frame.type === FrameType.rejected && frame.call > from)
      expect(new Set(refused.map(({ value }) => (value as { code: string }).code))).toEqual(
        new Set(refused.length === 0 ? [] : ['Overloaded']),
      )
      return refused.length
    }
    // One is handed over and 20 wait; the 30 of one client come next.
    expect(await verdicts('One', 25, [])).toBe(4)
    expect(h.router.load.heldCalls).toBe(20)
    expect(await verdicts('Two', 20, ['x'.repeat(900)])).toBe(11)
    expect(h.router.load.pendingCalls).toBe(30)
    const other = await peer(h, { introduction: { name: 'other' } }, 'other')
    for (let n = 1; n <= 29; n++) other.send(callTo(other.connected.symbol, n, n % 2 ? 'Two' : 'Three', 'any', ['x'.repeat(900)]))
    await h.advance(0)
    const refused = other.frames.filter(({ type }) => type === FrameType.rejected).length
    expect(refused).toBeGreaterThan(10)
    mallory.send(frameOf({ type: FrameType.goodbye }))
    await h.advance(0)
    expect(h.router.load).toMatchObject({ pendingCalls: 0, heldCalls: 0 })
  })

  test('row 21: what waits for all services together', async () => {
    await using h = harness({ router: { limits: { maxHeldBytes: 5000 } } })
    const mallory = await peer(h)
    const { symbol } = mallory.connected
    const offers = ['One', 'Two', 'Three'].map((name) => ({ service: name, version: '1.0.0', methods: ['any'], concurrency: 1 }))
    mallory.send(callTo(symbol, 1, 'waybill.Router', 'offer', [offers]))
    for (let call = 2; call <= 31; call++) mallory.send(callTo(symbol, call, ['One', 'Two', 'Three'][call % 3]!, 'any', ['x'.repeat(900)]))
    await h.advance(0)
    // Each is given one; of the others, of a little more than 900 bytes each, five fit.
    expect(h.router.load).toMatchObject({ pendingCalls: 8, heldCalls: 5 })
    mallory.send(frameOf({ type: FrameType.goodbye }))
    await h.advance(0)
    expect(h.router.load).toMatchObject({ pendingCalls: 0, heldCalls: 0 })
  })

  test('row 21: services, methods, labels and names of one client', async () => {
    await using h = harness({ router: { limits: { maxServicesPerSession: 3, maxMethodsPerService: 4 } } })
    const worker = await h.client('worker')
    const offer = (name: string, methods: number) =>
      worker.expose(service<Any>(`${name}@1.0.0`, Object.fromEntries(Array.from({ length: methods }, (_, at) => [`m${at}`, {}]))), {
        ...Object.fromEntries(Array.from({ length: methods }, (_, at) => [`m${at}`, () => at])),
      } as Any)
    await expect(offer('Wide', 5)).rejects.toMatchObject({ code: 'TooLarge' })
    for (const name of ['One', 'Two', 'Three']) await offer(name, 4)
    await expect(offer('Four', 1)).rejects.toMatchObject({ code: 'TooLarge' })
    expect(h.router.load.instances).toBe(3)
    const labels = Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`l${at}`, 'x']))
    await expect(h.client('many', { labels })).rejects.toMatchObject({ code: 'BadAddress' })
    await expect(peer(h, { introduction: { labels } })).rejects.toMatchObject({ code: 'ProtocolViolation' })
  })

  test('row 21: an answer of the router that grew too long is an error and not the end of who asked', async () => {
    await using h = harness({ router: { limits: { maxFrameBytes: 16 * KiB } } })
    const mallory = await peer(h)
    const methods = Array.from({ length: 400 }, (_, at) => `m${at}`)
    for (let n = 1; n <= 8; n++) {
      const offer = { service: `Long${n}`, version: '1.0.0', methods }
      mallory.send(callTo(mallory.connected.symbol, n, 'waybill.Router', 'offer', [[offer]]))
    }
    const client = await h.client('operator')
    const router = client.remote<{ services(): unknown; info(): { services: number } }>('waybill.Router')
    await expect(router.services()).rejects.toMatchObject({ code: 'TooLarge', executed: 'yes' })
    expect(await router.info()).toMatchObject({ services: 8 })
  })

  test('row 21: addresses made up by a client get no number', async () => {
    await using h = harness({ router: { limits: { maxAddressesPerSession: 5 } } })
    const worker = await h.client('worker')
    await worker.expose(service<Any>('Work@1.0.0', { ping: {} }), { ping: () => 1 } as Any)
    const mallory = await peer(h)
    for (let n = 1; n <= 50; n++) mallory.send(callTo(mallory.connected.symbol, n, `Work@>=0.0.${n}`, 'ping'))
    await h.advance(0)
    expect(mallory.frames.filter(({ type }) => type === FrameType.result)).toHaveLength(50)
    const learned = mallory.frames.filter(({ type, destination }) => type === FrameType.symbol && destination !== 0)
    expect(learned).toHaveLength(5)
  })

  test('row 21: bodies that never end cost their callee a bounded amount', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    await worker.expose(service<Any>('Work@1.0.0', { take: {} }), { take: () => 1 } as Any)
    const mallory = await peer(h)
    const { symbol: source } = mallory.connected
    const piece = new Uint8Array(900 * KiB)
    let refused = 0
    for (let call = 1; call <= 100; call++) {
      const fields = joinFields([extensionField(Tag.destination, 'Work'), extensionField(Tag.method, 'take')])
      mallory.send(frameOf({ type: FrameType.call, flags: 0x02, source, call }, fields, body(piece)))
      if (call % 10 === 0) await h.advance(0)
      refused = mallory.frames.filter(({ type }) => type === FrameType.rejected).length
    }
    // 64 MiB of 900 KiB each.
    expect(refused).toBe(100 - 72)
    expect(mallory.frames.find(({ type }) => type === FrameType.rejected)!.value).toMatchObject({ code: 'Overloaded' })
    expect(worker.pending.incoming).toBe(72)
    mallory.link.end(1000, '')
    await h.advance(1000)
    expect(worker.pending.incoming).toBe(0)
  })

  test('row 21: a router and its long-lived clients remember nobody who has gone', async () => {
    await using router = await createRouter({ listen: false })
    const client = (): Promise<Client> => connect('memory:', { transport: router.transport })
    const work = service<Any>('Work@1.0.0', { ping: {} })
    await using worker = await client()
    await worker.expose(work, { ping: () => 1 } as Any)
    await using caller = await client()
    const { ping } = caller.remote<Any>('Visitor')
    // Collects garbage, too.
    const left = (of: abstract new (...args: never) => object): number =>
      queryObjects(of as unknown as () => void, { format: 'count' }) as unknown as number
    const before = left(Session)
    for (let n = 0; n < 60; n++) {
      await using visitor = await client()
      await visitor.expose(service<Any>('Visitor@1.0.0', { ping: {} }), { ping: () => 1 } as Any)
      await visitor.remote(work)['ping']!()
      await ping!()
    }
    // One may still be on its way out.
    expect(left(Session) - before).toBeLessThan(3)
    expect(left(IncomingCall)).toBeLessThan(3)
  })
})

describe('row 22: who is slow, or cancels without end', () => {
  test('row 22: the router keeps a bounded amount for a slow client, and makes its feeder wait', async () => {
    const sent = meter('slow')
    const limits = { windowBytes: 64 * KiB, maxOutboundBytes: 256 * KiB }
    await using h = harness({ router: { limits }, tap: sent.tap })
    const worker = await h.client('worker')
    const big = 'x'.repeat(100 * KiB)
    let returned = 0
    await worker.expose(service<Any>('Work@1.0.0', { big: {}, ping: {} }), { big: () => (returned++, big), ping: (n: unknown) => n } as Any)
    const slow = await peer(h, { acknowledges: false }, 'slow')
    for (let call = 1; call <= 100; call++) slow.send(callTo(slow.connected.symbol, call, 'Work', 'big'))
    await h.advance(0)
    expect(returned).toBe(100)
    expect(sent.bytes).toBeLessThan(limits.maxOutboundBytes + 4 * limits.windowBytes + 200 * KiB)
    // It catches up, and everything arrives.
    slow.exchange.withhold(false)
    for (let turn = 0; turn < 300 && slow.frames.filter(({ type }) => type === FrameType.result).length < 100; turn++) {
      slow.link.send(slow.exchange.sealUnnumbered())
      await h.advance(5)
    }
    expect(slow.frames.filter(({ type }) => type === FrameType.result)).toHaveLength(100)
    await others(h)
  })

  test('row 22: a flood of cancels is slowed down, and nothing of it is lost', async () => {
    await using h = harness({ router: { limits: { maxCancelsPerSecond: 100, windowBytes: 2 * KiB } } })
    const worker = await h.client('worker')
    let started = 0
    const work = { wait: () => (started++, new Promise(() => {})) }
    await worker.expose(service<Any>('Work@1.0.0', { wait: { concurrency: 1 } }), work as unknown as Any)
    const mallory = await peer(h)
    const { symbol: source } = mallory.connected
    let call = 0
    const flood = async (): Promise<void> => {
      // As a client that keeps to its credit.
      while (mallory.exchange.retainedBytes < 2 * KiB) {
        call++
        mallory.send(callTo(source, call, 'Work', 'wait'), frameOf({ type: FrameType.cancel, source, call }))
        await h.advance(0)
      }
    }
    await flood()
    const burst = call
    expect(burst).toBeGreaterThanOrEqual(100)
    expect(burst).toBeLessThan(130)
    for (let second = 0; second < 10; second++) {
      await h.advance(1000)
      await flood()
    }
    expect(call).toBeLessThan(burst + 10 * 130)
    expect(call).toBeGreaterThan(burst + 10 * 80)
    expect(started).toBe(1)
    await h.advance(1000)
    const outcomes = mallory.frames.filter(({ type }) => type === FrameType.exception)
    expect(outcomes).toHaveLength(call)
    mallory.link.end(1000, '')
    h.kill(worker)
    await h.advance(2000)
  })
})
