/** Events when somebody is slow, or gone for a while: what is left out is announced, exactly, in its place; and nobody else waits. */
import type { Client, EventGap, Subscription, TopicEvent } from '@waybill/client'
import {
  extensionField,
  findText,
  FrameReader,
  FrameType,
  numberPacket,
  PACKET_HEADER_BYTES,
  readConnected,
  Tag,
  writeOpening,
} from '@waybill/core'
import { defaultLimits, type Limits } from '@waybill/server'
import { harness, ROUTER_URL, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { MAX_WAITING_EVENTS } from '../packages/client/src/event-buffer.js'
import { body, frameOf, HostilePeer, packetOf, type Seen } from './hostile-peer.js'

const KiB = 1024
const small: Partial<Limits> = { windowBytes: 16 * KiB, maxFrameBytes: 16 * KiB, maxOutboundBytes: 64 * KiB }
interface RouterFigures {
  info(): Promise<{ readonly eventsPublished: number; readonly eventsDelivered: number; readonly eventsLeftOut: number }>
}

/** A subscriber that acknowledges nothing until it is told to. */
async function sleeper(h: Harness, pattern: string): Promise<HostilePeer> {
  const peer = await HostilePeer.open(h.network.transport(h.world.process('sleeper')), ROUTER_URL, { acknowledges: false })
  const subscribe = { type: FrameType.subscribe, source: peer.connected.symbol, call: 1 }
  peer.send(frameOf(subscribe, extensionField(Tag.topic, pattern)))
  await peer.next(({ type }) => type === FrameType.result)
  return peer
}

async function wake(h: Harness, peer: HostilePeer): Promise<void> {
  peer.exchange.withhold(false)
  peer.link.send(peer.exchange.sealUnnumbered())
  await h.advance(0)
}

const cursorOf = (frame: Seen): number => Number(new TextDecoder().decode(frame.field(Tag.cursor)))

/** What a peer got: cursors, and gaps as they are. */
function got(peer: HostilePeer): readonly unknown[] {
  return peer.frames
    .splice(0)
    .filter(({ type }) => type === FrameType.event || type === FrameType.gap)
    .map((frame) => (frame.type === FrameType.gap ? frame.value : cursorOf(frame)))
}

async function publishMany(client: Client, count: number, filling = 'x'.repeat(100)): Promise<void> {
  for (let n = 0; n < count; n++) await client.publish('dog.barked', `${n} ${filling}`)
}

async function read<T>(events: Subscription<T>): Promise<(TopicEvent<T> | EventGap)[]> {
  const all: (TopicEvent<T> | EventGap)[] = []
  for await (const event of events) all.push(event)
  return all
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}

describe('a subscriber that does not take what it gets', () => {
  test('is left out from half of its room on, and told how many and which, in their place', async () => {
    await using h = harness({ router: { limits: small } })
    const peer = await sleeper(h, 'dog.*')
    const [kennel, walker] = [await h.client('kennel'), await h.client('walker')]
    const others = walker.events<string>('dog.barked')
    await others.ready
    const heard: unknown[] = []
    const reading = (async () => {
      for await (const event of others) heard.push(event.kind === 'event' ? event.cursor : event)
    })()
    for (let n = 0; n < 10; n++) {
      await publishMany(kennel, 100)
      await h.advance(0)
    }
    const before = got(peer) as number[]
    const first = before[0]!
    expect(before).toEqual(range(first, first + before.length - 1))
    expect(before.length).toBeGreaterThan(100)
    expect(peer.exchange.unacknowledgedBytes).toBeLessThan(small.maxOutboundBytes! / 2 + 16 * KiB)
    expect(heard).toEqual(range(first, first + 999))

    await wake(h, peer)
    const missed = 1000 - before.length
    expect(got(peer)).toEqual([{ missed, from: first + before.length, to: first + 999 }])
    await publishMany(kennel, 3)
    await h.advance(0)
    expect(got(peer)).toEqual(range(first + 1000, first + 1002))
    expect(await kennel.remote<RouterFigures>('waybill.Router').info()).toMatchObject({
      eventsDelivered: 2006 - missed,
      eventsLeftOut: missed,
    })
    await walker.close()
    await reading
    peer.link.end(1000, 'done')
  })

  test('many of them together pin no more than all may, and who takes what it gets misses nothing', async () => {
    const maxEventBacklogBytes = 128 * KiB
    await using h = harness({ router: { limits: { ...small, maxEventBacklogBytes } } })
    const stuck: HostilePeer[] = []
    for (let n = 0; n < 40; n++) stuck.push(await sleeper(h, 'dog.*'))
    const [kennel, walker] = [await h.client('kennel'), await h.client('walker')]
    const others = walker.events<string>('dog.barked')
    await others.ready
    const heard: unknown[] = []
    const reading = (async () => {
      for await (const event of others) heard.push(event.kind)
    })()
    for (let n = 0; n < 50; n++) {
      await publishMany(kennel, 10)
      await h.advance(25)
    }
    const bytes = stuck.map((peer) => peer.exchange.unacknowledgedBytes).reduce((sum, each) => sum + each, 0)
    expect(bytes).toBeGreaterThan(maxEventBacklogBytes / 2)
    expect(bytes).toBeLessThan(2 * maxEventBacklogBytes)
    expect(heard).toEqual(Array.from({ length: 500 }, () => 'event'))
    // Once they have taken it, or are gone, there is room for others again.
    for (const peer of stuck.slice(1)) peer.send(frameOf({ type: FrameType.goodbye }))
    await wake(h, stuck[0]!)
    got(stuck[0]!)
    await publishMany(kennel, 100)
    await h.advance(0)
    expect(got(stuck[0]!)).toHaveLength(100)
    await walker.close()
    await reading
    stuck[0]!.link.end(1000, 'done')
  })

  test('again and again: what it got and what it missed is all that was published', async () => {
    await using h = harness({ router: { limits: small } })
    const peer = await sleeper(h, '**')
    const kennel = await h.client('kennel')
    let [events, missed, gaps] = [0, 0, 0]
    let next = 0
    for (let round = 0; round < 5; round++) {
      await h.until(publishMany(kennel, 400))
      await wake(h, peer)
      for (const one of got(peer)) {
        if (typeof one === 'number') {
          if (next > 0) expect(one).toBe(next)
          next = one + 1
          events++
          continue
        }
        const gap = one as { missed: number; from: number; to: number }
        expect(gap).toEqual({ missed: gap.to - gap.from + 1, from: next, to: gap.to })
        next = gap.to + 1
        missed += gap.missed
        gaps++
      }
      peer.exchange.withhold(true)
    }
    // The coming of the publisher was an event too.
    expect([events + missed, gaps]).toEqual([2001, 5])
    peer.link.end(1000, 'done')
  })

  test('and takes a little of it gets nothing in between: one gap, for all that is left out until it has caught up', async () => {
    await using h = harness({ router: { limits: small } })
    const peer = await sleeper(h, 'dog.*')
    const kennel = await h.client('kennel')
    for (let n = 0; n < 10; n++) {
      await publishMany(kennel, 40)
      await h.advance(0)
    }
    const before = got(peer).length
    const some = new Uint8Array(PACKET_HEADER_BYTES)
    // The answer to its subscription, and the first of the events.
    numberPacket(some, 0, 2)
    peer.link.send(some)
    await publishMany(kennel, 10)
    await h.advance(0)
    expect(got(peer)).toEqual([])
    await wake(h, peer)
    expect(got(peer)).toEqual([expect.objectContaining({ missed: 410 - before })])
    peer.link.end(1000, 'done')
  })

  test('that comes back with everything received is told of its gap too', async () => {
    await using h = harness({ router: { limits: small } })
    const peer = await sleeper(h, 'dog.*')
    const kennel = await h.client('kennel')
    await h.until(publishMany(kennel, 1000))
    const before = got(peer).length
    const { session, token } = peer.connected
    peer.link.terminate()
    await h.advance(1)
    const resume = { session, token, received: peer.exchange.received }
    const again = await HostilePeer.link(h.network.transport(h.world.process('sleeper')), ROUTER_URL)
    again.exchange.received = peer.exchange.received
    // As many as its former self.
    again.exchange.seal(packetOf())
    again.link.send(writeOpening({ incarnation: 'beef'.repeat(5), resume }))
    expect(readConnected(await again.welcome).resumed).toBe(true)
    await h.advance(0)
    expect(got(again)).toEqual([expect.objectContaining({ missed: 1000 - before })])
    again.link.end(1000, 'done')
  })

  test('does not hold back who publishes', async () => {
    const holds: number[] = []
    await using h = harness({ router: { limits: small } })
    await sleeper(h, '**')
    const kennel = await h.client('kennel')
    for (let n = 0; n < 20; n++) {
      const began = h.world.nowMs
      await h.until(publishMany(kennel, 200))
      holds.push(h.world.nowMs - began)
    }
    // It waits for its own acknowledgements at the most.
    expect(Math.max(...holds)).toBeLessThanOrEqual(5 * defaultLimits.acknowledgeMs)
  })
})

describe('who publishes', () => {
  test('and waits for each never runs out of credit; who does not is told at once', async () => {
    await using h = harness({ router: { limits: small } })
    const kennel = await h.client('kennel')
    await h.until(publishMany(kennel, 2000))
    const flood = Array.from({ length: 1000 }, () => kennel.publish('dog.barked', 'x'.repeat(100)))
    const ends = await h.until(Promise.allSettled(flood))
    const refused = ends.filter((end) => end.status === 'rejected')
    expect(refused.length).toBeGreaterThan(500)
    expect(refused.length).toBeLessThan(1000)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'Overloaded', executed: 'no' })
    expect(ends.findLastIndex((end) => end.status === 'fulfilled')).toBe(999 - refused.length)
    const { eventsPublished } = await kennel.remote<RouterFigures>('waybill.Router').info()
    // With its own coming.
    expect(eventsPublished).toBe(1 + 2000 + 1000 - refused.length)
  })

  test('without a link is told at once, and after the end too', async () => {
    await using h = harness()
    const kennel = await h.client('kennel')
    h.network.isolate('kennel', 'reset')
    h.network.cut(h.processOf(kennel))
    await h.advance(0)
    expect(kennel.isConnected).toBe(false)
    await expect(kennel.publish('a', 1)).rejects.toMatchObject({ code: 'Overloaded', executed: 'no' })
    h.network.isolate('kennel', undefined)
    await h.advance(30_000)
    await kennel.publish('a', 1)
    await kennel.close()
    await expect(kennel.publish('a', 1)).rejects.toMatchObject({ code: 'Closed', executed: 'no' })
  })

  test('and waits for credit is let go when the session is lost, and when the client is closed', async () => {
    await using h = harness({ router: { limits: small } })
    const kennel = await h.client('kennel')
    const cutOff = async (): Promise<{ readonly isWaiting: boolean; readonly end: Promise<void> }> => {
      const first = kennel.publish('a', 'x'.repeat(900))
      let [end, isWaiting] = [first, false]
      for (let n = 0; n < 20 && !isWaiting; n++) {
        end = kennel.publish('a', 'x'.repeat(900))
        isWaiting = await Promise.race([end.then(() => false), Promise.resolve().then(() => Promise.resolve().then(() => true))])
      }
      h.network.isolate('kennel', 'reset')
      h.network.cut(h.processOf(kennel))
      return { isWaiting, end }
    }
    const first = await cutOff()
    expect(first.isWaiting).toBe(true)
    await h.advance(defaultLimits.resumeGraceMs + 1)
    await first.end
    h.network.isolate('kennel', undefined)
    await h.advance(30_000)
    const second = await cutOff()
    expect(second.isWaiting).toBe(true)
    await kennel.close({ drainMs: 0 })
    await second.end
  })
})

describe('who reads', () => {
  test('more slowly than events come gets the last ones, and a gap in the place of the others', async () => {
    await using h = harness()
    const [kennel, walker] = [await h.client('kennel'), await h.client('walker')]
    const events = walker.events<string>('dog.*')
    await events.ready
    await h.until(publishMany(kennel, MAX_WAITING_EVENTS + 100, ''))
    await h.advance(0)
    await walker.close()
    const [gap, ...rest] = await read(events)
    const { from } = gap as { from: number }
    expect(gap).toEqual({ kind: 'gap', missed: 100, from, to: from + 99 })
    expect(rest.map((event) => event.kind === 'event' && event.value)).toEqual(range(100, MAX_WAITING_EVENTS + 99).map((n) => `${n} `))
  })

  test('gets a gap for what is no value', async () => {
    await using h = harness()
    const walker = await h.client('walker')
    const events = walker.events('dog.*')
    await events.ready
    const peer = await HostilePeer.open(h.network.transport(h.world.process('mallory')), ROUTER_URL)
    const bad = frameOf(
      { type: FrameType.publish, source: peer.connected.symbol, call: 1 },
      extensionField(Tag.topic, 'dog.barked'),
      body([1]),
    )
    peer.send(bad.fill(0x5b, -2))
    await walker.publish('dog.barked', 'good')
    await h.advance(0)
    expect(await events.next()).toMatchObject({ value: { kind: 'gap', missed: 1 } })
    expect(await events.next()).toMatchObject({ value: { value: 'good' } })
    expect(walker.isConnected).toBe(true)
    peer.link.end(1000, 'done')
  })
})

describe('sessions that come to an end', () => {
  test('a link that breaks costs no event', async () => {
    await using h = harness()
    const [kennel, walker] = [await h.client('kennel'), await h.client('walker')]
    const events = walker.events<string>('dog.*')
    await events.ready
    await publishMany(kennel, 10)
    h.network.cut(h.processOf(walker))
    await publishMany(kennel, 10)
    await h.advance(500)
    await publishMany(kennel, 10)
    await h.advance(100)
    await walker.close()
    const all = await read(events)
    expect(all.map(({ kind }) => kind)).toEqual(Array.from({ length: 30 }, () => 'event'))
  })

  test('a lost session: subscribed again, with a gap of unknown size where it was away', async () => {
    await using h = harness()
    const walker = await h.client('walker')
    const events = walker.events<string>('dog.*')
    await events.ready
    await walker.publish('dog.barked', 'before')
    await h.advance(100)
    await h.restartRouter(100)
    const early = walker.events<string>('dog.*')
    await h.advance(30_000)
    await early.ready
    await walker.publish('dog.barked', 'after')
    await h.advance(0)
    expect(h.router.load.subscriptions).toBe(2)
    await walker.close()
    const seen = (all: readonly (TopicEvent<string> | EventGap)[]): unknown[] =>
      all.map((event) => (event.kind === 'event' ? event.value : event))
    expect(seen(await read(events))).toEqual(['before', { kind: 'gap' }, 'after'])
    // It is new, so nothing is missing.
    expect(seen(await read(early))).toEqual(['after'])
  })

  test('a subscription that is refused in a later session ends with the reason', async () => {
    let allowed = true
    await using h = harness({ router: { authorize: (_principal, action) => action !== 'subscribe' || allowed } })
    const walker = await h.client('walker')
    const events = walker.events('dog.*')
    await events.ready
    const next = events.next()
    next.catch(() => {})
    allowed = false
    await h.restartRouter()
    await h.advance(30_000)
    await expect(next).rejects.toMatchObject({ code: 'Forbidden' })
    await expect(events.ready).resolves.toBeUndefined()
  })

  test('closing the client ends what is read; being superseded says so', async () => {
    await using h = harness()
    const [walker, other] = [await h.client('walker'), await h.client('other')]
    const [mine, theirs] = [walker.events('a'), other.events('a')]
    await Promise.all([mine.ready, theirs.ready])
    await walker.publish('a', 1)
    await h.advance(0)
    const [ends, fails] = [mine.next().then(() => mine.next()), theirs.next().then(() => theirs.next())]
    fails.catch(() => {})
    await walker.close()
    expect(await ends).toEqual({ value: undefined, done: true })
    await h.client('other')
    await expect(fails).rejects.toMatchObject({ code: 'Superseded' })
    const late = walker.events('a')
    await expect(late.ready).rejects.toMatchObject({ code: 'Closed', executed: 'no' })
    await expect(late.next()).rejects.toMatchObject({ code: 'Closed' })
  })
})

test('events of one tick travel in one packet to each subscriber, with the same bytes', async () => {
  const packets: { readonly to: string; readonly cursors: readonly (string | undefined)[]; readonly bytes: string }[] = []
  await using h = harness({
    tap: {
      sent: (wire, from, packet) => {
        if (from !== wire.router || packet[0] === 1) return
        const frame = new FrameReader(2 ** 20)
        frame.open(packet.slice(), PACKET_HEADER_BYTES)
        const cursors: (string | undefined)[] = []
        while (frame.next()) if (frame.type === FrameType.event) cursors.push(findText(frame, Tag.cursor))
        if (cursors.length > 0)
          packets.push({ to: wire.client.process.name, cursors, bytes: Buffer.from(packet.subarray(8)).toString('hex') })
      },
    },
  })
  const kennel = await h.client('kennel')
  const names = ['a', 'b', 'c', 'd']
  for (const name of names) await (await h.client(name)).events('dog.*').ready
  for (let n = 0; n < 20; n++) void kennel.publish('dog.barked', n)
  await h.advance(0)
  expect(packets.map(({ to }) => to).toSorted()).toEqual(names)
  expect(new Set(packets.map(({ bytes }) => bytes)).size).toBe(1)
  expect(packets[0]!.cursors.length).toBe(20)
})
