/**
 * What a client must survive that others have it told: callees that answer with frames of another kind or with garbage, and sessions that are lost at the
 * worst moment. None of it may end its session, nor make it say what is not so.
 */
import { service, type Client } from '@waybill/client'
import { extensionField, Flag, FrameType, joinFields, serialBytes, serialNumber, Tag } from '@waybill/core'
import { harness, ROUTER_URL, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { body, frameOf, HostilePeer, type Seen } from './hostile-peer.js'

const { call, result, rejected } = FrameType
const INCARNATION = 'beef'.repeat(5)

interface Any {
  any(...args: unknown[]): Promise<unknown>
}

async function evil(h: Harness): Promise<HostilePeer> {
  const introduction = { name: 'mallory', incarnation: INCARNATION }
  const mallory = await HostilePeer.open(h.network.transport(h.world.process('mallory')), ROUTER_URL, { introduction })
  const extension = joinFields([extensionField(Tag.destination, 'waybill.Router'), extensionField(Tag.method, 'offer')])
  const offers = [{ service: 'Evil', version: '1.0.0', methods: ['any'] }]
  mallory.send(frameOf({ type: call, source: mallory.connected.symbol, call: 1 }, extension, body([offers])))
  await mallory.next((frame) => frame.call === 1)
  return mallory
}

function answer(
  it: HostilePeer,
  { source, call: number }: Seen,
  type: number,
  extension?: Uint8Array,
  content?: unknown,
  flags = 0,
): Uint8Array {
  return frameOf({ type, flags, destination: source, source: it.connected.symbol, call: number }, extension, body(content))
}

async function watched(client: Client): Promise<{ readonly kinds: string[] }> {
  const kinds: string[] = []
  client.onStatus(({ kind }) => kinds.push(kind))
  return { kinds }
}

const failed = (promise: PromiseLike<unknown>): Promise<{ code: string; executed: string }> =>
  Promise.resolve(promise).then(
    (value) => Promise.reject(new Error(`it gave ${JSON.stringify(value)}`)),
    (error: { code: string; executed: string }) => error,
  )

describe('a hostile callee', () => {
  test('its refusals are of calls, never of what the client published', async () => {
    await using h = harness()
    const mallory = await evil(h)
    const caller = await h.client('caller')
    const { kinds } = await watched(caller)
    const calling = failed(caller.remote<Any>('Evil').any())
    const taken = await mallory.next(({ type }) => type === call)
    const content = { code: 'Forbidden', description: 'no' }
    mallory.send(answer(mallory, taken, rejected, extensionField(Tag.topic, 'dog.barked'), content))
    expect(await calling).toMatchObject({ code: 'Forbidden', executed: 'no' })
    expect(kinds).toEqual([])
  })

  test('a topic that is no text does not end the session', async () => {
    await using h = harness()
    const mallory = await evil(h)
    const caller = await h.client('caller')
    const { kinds } = await watched(caller)
    const calling = failed(caller.remote<Any>('Evil').any())
    const taken = await mallory.next(({ type }) => type === call)
    mallory.send(
      answer(mallory, taken, rejected, extensionField(Tag.topic, Uint8Array.of(0xff, 0xfe)), { code: 'Forbidden', description: '' }),
    )
    expect(await calling).toMatchObject({ code: 'Forbidden' })
    expect(kinds).toEqual([])
  })

  test('an answer that begins longer than a body may be ends that call alone', async () => {
    await using h = harness({ router: { limits: { maxBodyBytes: 10_000 } } })
    const mallory = await evil(h)
    const caller = await h.client('caller')
    const { kinds } = await watched(caller)
    const calling = failed(caller.remote<Any>('Evil').any())
    const taken = await mallory.next(({ type }) => type === call)
    mallory.send(answer(mallory, taken, result, undefined, 'x'.repeat(20_000), Flag.more))
    expect(await calling).toMatchObject({ code: 'TooLarge' })
    expect(kinds).toEqual([])
  })

  test('what it has others told in garbage is dropped, and they go on', async () => {
    await using h = harness({ router: { limits: { maxLeased: 100 } } })
    const mallory = await evil(h)
    const clerk = await h.client('clerk')
    const told: unknown[] = []
    clerk.onPostback({ result: (value) => told.push(value) })
    const { kinds } = await watched(clerk)
    const extension = (number: number): Uint8Array =>
      joinFields([
        extensionField(Tag.destination, 'Evil'),
        extensionField(Tag.method, 'any'),
        extensionField(Tag.sn, serialBytes(serialNumber(INCARNATION, number))),
        extensionField(Tag.replyto, 'clerk'),
      ])
    const { symbol: source } = mallory.connected
    const take = async (number: number): Promise<Seen> => {
      mallory.send(frameOf({ type: call, flags: Flag.durable | Flag.noReply, source, call: number }, extension(number), body([])))
      return mallory.next(({ type }) => type === call)
    }
    // More of them than may be under way at once, none of which goes on.
    for (let number = 2; number < 80; number++) mallory.send(answer(mallory, await take(number), result, undefined, 'x', Flag.more))
    const garbage = answer(mallory, await take(80), result, undefined, ['text'])
    garbage.fill(0x5b, -3)
    mallory.send(garbage)
    const whole = await take(81)
    mallory.send(answer(mallory, whole, result, undefined, 'a', Flag.more))
    const rest = answer(mallory, whole, FrameType.answerChunk, undefined, 'b')
    mallory.send(rest)
    const last = await take(82)
    mallory.send(answer(mallory, last, result, undefined, 'read'))
    await h.advance(10)
    expect(kinds).toEqual([])
    expect(told).toEqual(['read'])
  })
})

describe('a session that is lost', () => {
  const once = service<Any>('Once@1.0.0', { any: {} })

  async function lose(h: Harness, client: Client, name: string, forMs = 2000): Promise<void> {
    h.network.isolate(name, 'reset')
    h.network.cut(h.processOf(client))
    await h.advance(forMs)
    h.network.isolate(name, undefined)
  }

  test('before its caller hears that the call is stored: the call runs once', async () => {
    await using h = harness({ latencyMs: 10 })
    const worker = await h.client('worker')
    let ran = 0
    await h.until(worker.expose(once, { any: async () => `run ${++ran}` }))
    const caller = await h.client('caller')
    const calling = caller.remote(once).any.with({ durable: true })()
    await h.advance(15)
    await lose(h, caller, 'caller')
    await h.advance(20_000)
    expect(await h.until(calling)).toBe('run 1')
    expect(ran).toBe(1)
  })

  test('and does not come back before the caller is closed: nobody says that it never ran', async () => {
    await using h = harness({ latencyMs: 10 })
    const caller = await h.client('caller')
    const calling = failed(caller.remote<Any>('Nobody').any.with({ durable: true, ttl: '1m' })())
    await h.advance(15)
    h.network.isolate('caller', 'reset')
    h.network.cut(h.processOf(caller))
    await h.advance(2000)
    const closing = caller.close({ drainMs: 0 })
    expect(await h.until(calling)).toMatchObject({ executed: 'maybe' })
    await h.until(closing)
    await h.advance(60_000)
  })

  test('nor before its deadline', async () => {
    await using h = harness({ latencyMs: 10 })
    const caller = await h.client('caller')
    const calling = failed(caller.remote<Any>('Nobody').any.with({ durable: true, deadline: 3000 })())
    await h.advance(15)
    await lose(h, caller, 'caller', 5000)
    expect(await h.until(calling)).toMatchObject({ code: 'DeadlineExceeded', executed: 'maybe' })
    await h.advance(10_000)
  })
})

describe('what is watched', () => {
  test('a router that has no room for another watching is asked again, and nobody says that the call never ran', async () => {
    await using h = harness({ router: { limits: { maxCallsPerSession: 2 } } })
    const caller = await h.client('caller')
    const nobody = caller.remote<Any>('Nobody').any
    const made = await h.until(Promise.all([1, 2].map(() => nobody.with({ ttl: '30s' }).async())))
    const outcomes = [
      ...made.map((receipt) => receipt.result()),
      caller.receipt(made[0]!.sn).result(),
      caller.receipt(made[1]!.sn).result(),
    ].map(failed)
    await h.advance(40_000)
    for (const error of await h.until(Promise.all(outcomes))) expect(error).toMatchObject({ code: 'Expired', executed: 'no' })
  })

  test('nor in the next session of the caller', async () => {
    await using h = harness({ router: { limits: { maxCallsPerSession: 1 } } })
    const worker = await h.client('worker')
    const sleep = (ms: number): Promise<void> => h.processOf(worker).sleep(ms)
    await worker.expose(service<Any>('Slow@1.0.0', { any: {} }), { any: async (n) => (await sleep(8000), n) })
    const caller = await h.client('caller')
    const slow = caller.remote<Any>('Slow').any.with({ durable: true })
    const [one, two] = [slow(1), slow(2)]
    await h.until(Promise.all([one.receipt, two.receipt]))
    h.network.isolate('caller', 'reset')
    h.network.cut(h.processOf(caller))
    await h.advance(2000)
    h.network.isolate('caller', undefined)
    expect(await h.until(Promise.all([one, two]), 30_000)).toEqual([1, 2])
  })
})
