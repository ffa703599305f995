/** Events: who gets what, in which order, and who may not. */
import {
  service,
  topic,
  type Client,
  type ConnectionStatus,
  type EventGap,
  type Subscription,
  type TopicEvent,
  type WaybillError,
} from '@waybill/client'
import { extensionField, FrameReader, FrameType, PACKET_HEADER_BYTES, Tag } from '@waybill/core'
import type { RouterOptions } from '@waybill/server'
import { harness, ROUTER_URL } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { body, frameOf, HostilePeer } from './hostile-peer.js'

interface Bark {
  readonly phrase: string
}
const barked = topic('dog.barked', { schema: z.object({ phrase: z.string() }) })

async function take<T>(events: Subscription<T>, count: number): Promise<(TopicEvent<T> | EventGap)[]> {
  const taken: (TopicEvent<T> | EventGap)[] = []
  while (taken.length < count) {
    const { value, done } = await events.next()
    if (done === true) break
    taken.push(value)
  }
  return taken
}

const values = (events: readonly (TopicEvent<unknown> | EventGap)[]): unknown[] =>
  events.map((event) => (event.kind === 'event' ? event.value : event))

async function ready<S extends Subscription<unknown>>(events: S): Promise<S> {
  await events.ready
  return events
}

function statuses(client: Client): ConnectionStatus[] {
  const heard: ConnectionStatus[] = []
  client.onStatus((status) => heard.push(status))
  return heard
}

describe('who gets what', () => {
  test('an event reaches who subscribes to its topic, its publisher included', async () => {
    await using h = harness()
    const [kennel, walker, stranger] = [await h.client('kennel'), await h.client('walker'), await h.client('stranger')]
    const heard = await Promise.all([kennel, walker].map((client) => ready(client.events<Bark>('dog.barked'))))
    const other = await ready(stranger.events('cat.purred'))
    await kennel.publish('dog.barked', { phrase: 'wau' })
    await kennel.publish('cat.purred', 'purr')
    for (const events of heard) {
      expect(await take(events, 1)).toEqual([
        { kind: 'event', topic: 'dog.barked', value: { phrase: 'wau' }, from: 'kennel', cursor: expect.any(Number) as number },
      ])
    }
    expect(values(await take(other, 1))).toEqual(['purr'])
  })

  test.each<[pattern: string, topics: readonly string[]]>([
    ['dog.*', ['dog.barked', 'dog.slept']],
    ['*.barked', ['dog.barked', 'wolf.barked']],
    ['dog.**', ['dog.barked', 'dog.slept', 'dog.rex.barked']],
    ['dog.*.barked', ['dog.rex.barked']],
    ['**', ['dog', 'dog.barked', 'dog.slept', 'dog.rex.barked', 'wolf.barked']],
    ['dog', ['dog']],
  ])('%s covers %j', async (pattern, topics) => {
    await using h = harness()
    const client = await h.client('kennel')
    const events = await ready(client.events(pattern))
    for (const name of ['dog', 'dog.barked', 'dog.slept', 'dog.rex.barked', 'wolf.barked']) await client.publish(name, name)
    await h.advance(0)
    await client.close()
    const found: string[] = []
    for await (const event of events) if (event.kind === 'event') found.push(event.topic)
    expect(found).toEqual(topics)
  })

  test('once for a client however many of its subscriptions match, to each of which the value is its own', async () => {
    await using h = harness()
    const [kennel, walker] = [await h.client('kennel'), await h.client('walker')]
    const three = await Promise.all(['dog.*', 'dog.**', 'dog.*'].map((pattern) => ready(walker.events<string[]>(pattern))))
    await kennel.publish('dog.barked', ['x'])
    const read = (await Promise.all(three.map((one) => take(one, 1)))).flat().map((event) => (event.kind === 'event' ? event.value : []))
    read[0]!.push('changed')
    expect(read).toEqual([['x', 'changed'], ['x'], ['x']])
    expect(await kennel.remote<{ info(): object }>('waybill.Router').info()).toMatchObject({
      subscriptions: 3,
      eventsDelivered: 1,
      eventsLeftOut: 0,
    })
  })

  test('events of one publisher keep their order, and cursors grow', async () => {
    await using h = harness()
    const [kennel, walker] = [await h.client('kennel'), await h.client('walker')]
    const events = await ready(walker.events<number>('count.*'))
    const all = take(events, 500)
    await Promise.all(Array.from({ length: 500 }, (_, n) => kennel.publish(`count.n${n % 3}`, n)))
    const read = (await all).map((event) => event as TopicEvent<number>)
    expect(read.map(({ value }) => value)).toEqual(Array.from({ length: 500 }, (_, n) => n))
    expect(read.every(({ cursor }, at) => at === 0 || cursor === read[at - 1]!.cursor + 1)).toBe(true)
  })

  test.each<[what: string, value: unknown]>([
    ['nothing', undefined],
    ['a date', { at: new Date(7) }],
    ['bytes', new Uint8Array([1, 2, 3])],
    ['a long text', 'wau '.repeat(10_000)],
  ])('%s is a value', async (_what, value) => {
    await using h = harness()
    const client = await h.client('kennel')
    const events = await ready(client.events('dog.barked'))
    await client.publish('dog.barked', value)
    expect(values(await take(events, 1))).toEqual([value])
  })

  test('leaving the loop ends the subscription', async () => {
    await using h = harness()
    const client = await h.client('kennel')
    const events = client.events<number>('a')
    expect(events.pattern).toBe('a')
    await events.ready
    expect(h.router.load.subscriptions).toBe(1)
    await client.publish('a', 1)
    for await (const event of events) {
      expect(event).toMatchObject({ value: 1 })
      break
    }
    await h.advance(0)
    expect(h.router.load).toMatchObject({ subscriptions: 0, patterns: 0 })
    expect(await events.next()).toEqual({ value: undefined, done: true })
    {
      await using other = client.events('b')
      await other.ready
      expect(h.router.load.subscriptions).toBe(1)
    }
    await h.advance(0)
    expect(h.router.load.subscriptions).toBe(0)
    const early = client.events('c')
    await early.close()
    await expect(early.ready).rejects.toMatchObject({ code: 'Closed' })
    await h.advance(0)
    expect(h.router.load.subscriptions).toBe(0)
  })
})

test('a subscription begins when the router has it, whatever the same client gets before', async () => {
  await using h = harness({ latencyMs: 10 })
  const [kennel, walker] = [await h.client('kennel'), await h.client('walker')]
  const first = walker.events<string>('a')
  await h.until(first.ready)
  await kennel.publish('a', 'early')
  await h.advance(5)
  const second = walker.events<string>('a')
  await h.until(second.ready)
  await kennel.publish('a', 'late')
  expect(values(await h.until(take(first, 2)))).toEqual(['early', 'late'])
  expect(values(await h.until(take(second, 1)))).toEqual(['late'])
})

describe('row 004-16', () => {
  test('row 004-16: an event goes to whoever subscribes to its topic, and no reply comes back', async () => {
    const types: number[] = []
    await using h = harness({
      tap: {
        sent: (wire, from, packet) => {
          if (wire.client.process.name !== 'kennel' || from !== wire.router || packet[1] === 0x6f) return
          const frame = new FrameReader(2 ** 20)
          frame.open(packet, PACKET_HEADER_BYTES)
          while (frame.next()) types.push(frame.type)
        },
      },
    })
    const kennel = await h.client('kennel')
    await expect(kennel.publish('dog.barked', 'to nobody')).resolves.toBeUndefined()
    const walkers = await Promise.all(['a', 'b', 'c'].map((name) => h.client(name)))
    const heard = await Promise.all(walkers.map((walker) => ready(walker.events<string>('dog.*'))))
    await kennel.publish('dog.barked', 'wau')
    await kennel.publish('cat.purred', 'purr')
    await kennel.publish('dog.barked', 'wuff')
    for (const events of heard) expect(values(await take(events, 2))).toEqual(['wau', 'wuff'])
    expect(types).toEqual([])
  })
})

describe('definitions', () => {
  test('tie name and type, and check what is published', async () => {
    await using h = harness()
    const client = await h.client('kennel')
    const events = await ready(client.events(barked))
    await client.publish(barked, { phrase: 'wau', more: 1 } as Bark)
    const [event] = await take(events, 1)
    expect(event).toMatchObject({ topic: 'dog.barked', value: { phrase: 'wau' } })
    expect((event as TopicEvent<Bark>).value).not.toHaveProperty('more')
    // @ts-expect-error not a bark
    await expect(client.publish(barked, { phrase: 7 })).rejects.toMatchObject({ code: 'BadArguments', executed: 'no' })
  })
})

describe('who may not', () => {
  test('what is malformed is refused here', async () => {
    await using h = harness()
    const client = await h.client('kennel')
    expect(() => client.events('dog..*')).toThrow(expect.objectContaining({ code: 'BadAddress' }) as Error)
    await expect(client.publish('dog.*', 1)).rejects.toMatchObject({ code: 'BadAddress', executed: 'no' })
    await expect(client.publish('waybill.client.joined', 1)).rejects.toMatchObject({ code: 'Forbidden', executed: 'no' })
    await expect(client.publish('a', () => 1)).rejects.toMatchObject({ code: 'NotRepresentable', executed: 'no' })
  })

  test('what does not fit in a frame is too large, and what just fits arrives', async () => {
    await using h = harness({ router: { limits: { maxFrameBytes: 1000 } } })
    const client = await h.client('k'.repeat(64))
    const events = await ready(client.events<string>('a'))
    const size = await client.publish('a', 'x'.repeat(1000)).catch((thrown: unknown) => thrown as WaybillError)
    expect(size).toMatchObject({ code: 'TooLarge', executed: 'no', details: { size: 1002 } })
    const { limit } = (size as WaybillError).details as { limit: number }
    await client.publish('a', 'x'.repeat(limit - 2))
    await expect(client.publish('a', 'x'.repeat(limit - 1))).rejects.toMatchObject({ code: 'TooLarge' })
    expect(values(await take(events, 1))).toEqual(['x'.repeat(limit - 2)])
  })

  test('each publication and each subscription is asked for', async () => {
    const asked: unknown[] = []
    const authorize: RouterOptions['authorize'] = (principal, action, subject) => {
      if (action === 'publish' || action === 'subscribe') asked.push([principal, action, subject])
      return !subject.topic?.startsWith('secret')
    }
    await using h = harness({ router: { authorize } })
    const client = await h.client('kennel')
    const heard = statuses(client)
    const events = await ready(client.events('dog.*'))
    await client.publish('dog.barked', 1)
    await client.publish('secret.plan', 2)
    const refused = client.events('secret.**')
    await expect(refused.ready).rejects.toMatchObject({ code: 'Forbidden', executed: 'no' })
    await expect(refused.next()).rejects.toMatchObject({ code: 'Forbidden' })
    await expect(refused.next()).rejects.toMatchObject({ code: 'Forbidden' })
    expect(values(await take(events, 1))).toEqual([1])
    expect(asked).toEqual([
      ['local', 'subscribe', { client: 'kennel', topic: 'dog.*' }],
      ['local', 'publish', { client: 'kennel', topic: 'dog.barked' }],
      ['local', 'publish', { client: 'kennel', topic: 'secret.plan' }],
      ['local', 'subscribe', { client: 'kennel', topic: 'secret.**' }],
    ])
    expect(heard).toEqual([
      { kind: 'notPublished', topic: 'secret.plan', error: expect.objectContaining({ code: 'Forbidden', executed: 'no' }) as Error },
    ])
    expect(h.router.load.subscriptions).toBe(1)
  })

  test('nobody looks at a refusal, and nothing is unhandled', async () => {
    await using h = harness({ router: { authorize: (_principal, action) => action !== 'subscribe' } })
    const client = await h.client('kennel')
    client.events('a')
    await h.advance(0)
  })

  test('so many for one client', async () => {
    await using h = harness({ router: { limits: { maxSubscriptionsPerSession: 3 } } })
    const client = await h.client('kennel')
    const three = await Promise.all(['a', 'a', 'b'].map((pattern) => ready(client.events(pattern))))
    const fourth = client.events('c')
    await expect(fourth.ready).rejects.toMatchObject({ code: 'TooLarge', details: { limit: 3, size: 4 } })
    await three[0]!.close()
    await ready(client.events('c'))
  })

  test('a peer that speaks by hand is refused the same, and ends its session only where it breaks the protocol', async () => {
    await using h = harness()
    const peer = await HostilePeer.open(h.network.transport(h.world.process('mallory')), ROUTER_URL)
    const { symbol } = peer.connected
    const named = (name: string): Uint8Array => extensionField(Tag.topic, name)
    const refusal = async (call: number): Promise<unknown> =>
      ((await peer.next((frame) => frame.type === FrameType.rejected && frame.call === call)).value as { code: string }).code
    const publish = (call: number, name: string, flags = 0, source = symbol): Uint8Array =>
      frameOf({ type: FrameType.publish, source, call, flags }, named(name), body(1))
    peer.send(publish(1, 'waybill.client.joined'), publish(2, 'dog.*'), publish(3, 'dog', 2), publish(4, 'dog', 0, symbol + 1))
    peer.send(publish(5, 'dog', 0x20), frameOf({ type: FrameType.publish, source: symbol, call: 6 }))
    expect(await Promise.all([1, 2, 3, 4, 5, 6].map(refusal))).toEqual([
      'Forbidden',
      'BadAddress',
      'TooLarge',
      'Forbidden',
      'Unsupported',
      'BadAddress',
    ])
    peer.send(
      frameOf({ type: FrameType.subscribe, source: symbol, call: 7 }, named('**.a')),
      frameOf({ type: FrameType.unsubscribe, source: symbol, call: 99 }),
      frameOf({ type: FrameType.subscribe, source: symbol, call: 8 }, named('a.**')),
    )
    expect(await refusal(7)).toBe('BadAddress')
    await peer.next((frame) => frame.type === FrameType.result && frame.call === 8)
    expect(h.router.load.subscriptions).toBe(1)
    peer.send(frameOf({ type: FrameType.subscribe, source: symbol, call: 8 }, named('b')))
    expect((await peer.ended).code).toBe(4001)
    expect(h.router.load.subscriptions).toBe(0)
  })
})

describe('presence', () => {
  test('clients and services that come and go', async () => {
    await using h = harness()
    const watcher = await h.client('watcher')
    const events = await ready(watcher.events<Record<string, unknown>>('waybill.**'))
    const kennel = await h.client('kennel', { labels: { region: 'eu' } })
    const exposed = await kennel.expose(service<{ bark(): string }>('Dog@1.2.0', { bark: {} }, { labels: { breed: 'x' } }), {
      bark: () => 'wau',
    })
    await exposed.withdraw()
    await kennel.expose(service<{ bark(): string }>('Dog@1.2.0', { bark: {} }), { bark: () => 'wau' })
    h.network.cut(h.processOf(kennel))
    await h.advance(500)
    h.kill(kennel)
    await h.advance(5000)
    const read = (await take(events, 6)).map((event) => {
      const { topic: name, value, from } = event as TopicEvent<Record<string, unknown>>
      expect(from).toBe('router')
      return [name, value]
    })
    const dog = (labels: object): object => ({ service: 'Dog', version: '1.2.0', client: 'kennel', labels })
    const client = { name: 'kennel', id: expect.any(String) as string, principal: 'local', labels: { region: 'eu' } }
    // It was away for a moment, which is nobody's business.
    expect(read.slice(0, 1)).toEqual([['waybill.client.joined', client]])
    expect(read.slice(1, 3).map(([name]) => name)).toEqual(['waybill.service.joined', 'waybill.service.left'])
    expect(read[1]![1]).toMatchObject({ service: 'Dog', labels: { breed: 'x' } })
    expect(read.slice(3)).toEqual([
      ['waybill.service.joined', dog({})],
      ['waybill.service.left', dog({})],
      ['waybill.client.left', client],
    ])
  })
})
