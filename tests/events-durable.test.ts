/** Durable events: stored before anybody gets them, read from any id at the reader's pace, in order, over all starts of the router; what is dropped is a gap. */
import { topic, type Client, type EventGap, type Subscription, type TopicEvent } from '@waybill/client'
import { defaultLimits, EventLog, Store, type RouterApi, type RouterOptions } from '@waybill/server'
import { MemoryJournal } from '@waybill/server/store'
import { harness, Paper, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { EVENTS_AHEAD } from '../packages/server/src/event-log/reader.js'

const durable = { durable: true } as const

async function publishMany(h: Harness, client: Client, count: number, name = 'dog.barked', from = 1): Promise<number[]> {
  const stored = Array.from({ length: count }, (_, at) => client.publish(name, from + at, durable))
  return (await h.until(Promise.all(stored))).map(({ id }) => id)
}

/** The next ones: the value of each event, a gap as it is. */
async function read(h: Harness, events: Subscription<unknown>, count: number): Promise<unknown[]> {
  const all: unknown[] = []
  while (all.length < count) {
    const { value, done } = await h.until(events.next(), 10_000)
    if (done === true) break
    all.push(shown(value))
  }
  return all
}

const shown = (item: TopicEvent<unknown> | EventGap): unknown => (item.kind === 'event' ? item.value : item)
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at)

describe('a durable event', () => {
  test('has an id once it is safe, and reaches whoever subscribes then', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 100 }) })
    const client = await h.client('kennel')
    const live = client.events('dog.*')
    await live.ready
    let stored: unknown
    void client.publish('dog.barked', 'wau', durable).then((word) => (stored = word))
    await h.advance(90)
    expect(stored).toBeUndefined()
    await h.advance(20)
    expect(stored).toEqual({ id: 1, durability: 'disk' })
    const { value } = await h.until(live.next())
    expect(value).toMatchObject({ kind: 'event', topic: 'dog.barked', value: 'wau', from: 'kennel', id: 1, cursor: 1 })
    expect((value as TopicEvent<unknown>).publishedAt).toBeInstanceOf(Date)
    // One that is not durable has none.
    await client.publish('dog.slept', 'rex')
    expect((await h.until(live.next())).value).not.toHaveProperty('id')
    await live.close()
  })

  test("is nobody's before it is safe, also of who asks meanwhile", async () => {
    await using h = harness({ paper: new Paper({ writeMs: 1000 }) })
    const client = await h.client('kennel')
    void client.publish('dog.barked', 'wau', durable)
    await h.advance(10)
    const events = client.events('dog.*', { after: 0 })
    let got: unknown
    void events.next().then(({ value }) => (got = value))
    await h.advance(900)
    expect(got).toBeUndefined()
    await h.advance(200)
    expect(got).toMatchObject({ value: 'wau', id: 1 })
    await events.close()
  })

  test('is read from the beginning, and then as it is published', async () => {
    await using h = harness()
    const client = await h.client('kennel')
    expect(await publishMany(h, client, 5)).toEqual([1, 2, 3, 4, 5])
    await publishMany(h, client, 1, 'cat.purred')
    const events = client.events('dog.*', { after: 0 })
    expect(await read(h, events, 5)).toEqual(range(1, 5))
    await publishMany(h, client, 2, 'dog.barked', 6)
    expect(await read(h, events, 2)).toEqual([6, 7])
    const later = client.events('**', { after: 4 })
    expect(await read(h, later, 4)).toEqual([5, 1, 6, 7])
    await Promise.all([events.close(), later.close()])
  })

  test('is what a topic says, unless publish says otherwise', async () => {
    await using h = harness()
    const client = await h.client()
    const barked = topic<string>('dog.barked', { durable: true })
    expect(await h.until(client.publish(barked, 'wau'))).toEqual({ id: 1, durability: 'memory' })
    expect(await h.until(client.publish(barked, 'not kept', { durable: false }))).toBeUndefined()
    expect(await h.until(client.publish(topic<string>('dog.slept'), 'rex', durable))).toEqual({ id: 2, durability: 'memory' })
    const events = client.events('dog.*', { after: 0 })
    expect(await read(h, events, 2)).toEqual(['wau', 'rex'])
    await events.close()
  })

  test('and others of the same client do not mix: each subscription gets each event once', async () => {
    await using h = harness()
    const client = await h.client()
    const plain = client.events('dog.*')
    const first = client.events('dog.*', { after: 0 })
    const second = client.events('dog.barked', { after: 0 })
    await Promise.all([plain.ready, first.ready, second.ready])
    await publishMany(h, client, 3)
    await client.publish('dog.barked', 'live')
    for (const events of [plain, first, second]) {
      const all = await read(h, events, 4)
      expect(all.filter((value) => value !== 'live')).toEqual([1, 2, 3])
      expect(all).toContain('live')
    }
    await client.close()
  })

  test('that does not fit, is not allowed, or finds no connection is refused, and not kept', async () => {
    await using h = harness({ router: { authorize: (_, action, { topic: name }) => action !== 'publish' || name !== 'dog.secret' } })
    const client = await h.client()
    const failed = (name: string, value: unknown): Promise<unknown> =>
      h.until(client.publish(name, value, durable).catch((error: unknown) => error))
    expect(await failed('dog.barked', 'x'.repeat(defaultLimits.maxFrameBytes))).toMatchObject({ code: 'TooLarge', executed: 'no' })
    expect(await failed('dog.secret', 1)).toMatchObject({ code: 'Forbidden', executed: 'no' })
    expect(await failed('dog.*', 1)).toMatchObject({ code: 'BadAddress', executed: 'no' })
    expect(await failed('waybill.client.joined', 1)).toMatchObject({ code: 'Forbidden', executed: 'no' })
    expect(await publishMany(h, client, 1)).toEqual([1])
    expect(() => client.events('dog.*', { after: -1 })).toThrow(expect.objectContaining({ code: 'BadArguments' }))
    expect(() => client.events('dog.*', { cursor: 'no name' })).toThrow(expect.objectContaining({ code: 'BadAddress' }))
  })

  test('finds no room and is not stored, and what is stored goes on', async () => {
    const paper = new Paper()
    await using h = harness({ paper })
    const client = await h.client()
    const events = client.events('dog.*', { cursor: 'printer' })
    await publishMany(h, client, 1)
    paper.isFull = true
    await expect(h.until(client.publish('dog.barked', 2, durable))).rejects.toMatchObject({
      code: 'Overloaded',
      executed: 'no',
      details: { retryAfterMs: 1000 },
    })
    expect(await read(h, events, 1)).toEqual([1])
    events.taken()
    paper.isFull = false
    expect(await publishMany(h, client, 1, 'dog.barked', 3)).toEqual([2])
    expect(await read(h, events, 1)).toEqual([3])
    await events.close()
  })

  test('waits for credit instead of being refused', async () => {
    await using h = harness({ router: { limits: { windowBytes: 16 * 1024, maxFrameBytes: 16 * 1024 } } })
    const client = await h.client()
    const stored = Array.from({ length: 100 }, (_, at) => client.publish('dog.barked', `${at} ${'x'.repeat(1000)}`, durable))
    expect((await h.until(Promise.all(stored))).map(({ id }) => id)).toEqual(range(1, 100))
  })
})

describe('a publisher', () => {
  test('that is faster than the disk is slowed down, and none of its events is lost or refused', async () => {
    await using h = harness({
      paper: new Paper({ writeMs: 1000 }),
      router: { limits: { windowBytes: 64 * 1024, maxFrameBytes: 64 * 1024 } },
    })
    const client = await h.client('kennel')
    const stored = Array.from({ length: 1000 }, (_, at) => client.publish('dog.barked', `${at} ${'x'.repeat(1000)}`, durable))
    // What the first write takes along, and what waits for the next: not all that there is.
    await h.advance(1500)
    const most = h.router.measured.eventsPublished
    expect(most).toBeLessThan(400)
    expect((await h.until(Promise.all(stored), 600_000)).map(({ id }) => id)).toEqual(range(1, 1000))
  })

  test('that dies has published what was stored, and nothing else', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 100 }) })
    const kennel = await h.client('kennel')
    const watcher = await h.client('watcher')
    const events = watcher.events('dog.*', { after: 0 })
    await publishMany(h, kennel, 2)
    void kennel.publish('dog.barked', 3, durable).catch(() => {})
    await h.advance(10)
    h.kill(kennel)
    await h.advance(1000)
    const other = await h.client('other')
    await publishMany(h, other, 1, 'dog.barked', 4)
    expect(await read(h, events, 4)).toEqual([1, 2, 3, 4])
    await events.close()
  })
})

test('what becomes safe while the router closes leaves no timer behind', async () => {
  await using h = harness({ paper: new Paper({ writeMs: 1000 }) })
  const client = await h.client()
  void client.publish('dog.barked', 'wau', durable).catch(() => {})
  await h.advance(10)
  h.router.close()
  await h.advance(5000)
})

describe('over starts of the router', () => {
  test('a reader goes on after the last event that it got, and ids go on', async () => {
    await using h = harness({ paper: new Paper() })
    const kennel = await h.client('kennel')
    const watcher = await h.client('watcher')
    const events = watcher.events('dog.*', { after: 0 })
    await publishMany(h, kennel, 3)
    expect(await read(h, events, 2)).toEqual([1, 2])
    await h.restartRouter(100)
    await h.advance(2000)
    expect(await publishMany(h, kennel, 2, 'dog.barked', 4)).toEqual([4, 5])
    expect(await read(h, events, 3)).toEqual([3, 4, 5])
    await events.close()
  })

  test('a publisher whose event was on its way is told that nobody knows', async () => {
    const paper = new Paper({ writeMs: 100 })
    await using h = harness({ paper })
    const client = await h.client('kennel')
    const failed = client.publish('dog.barked', 'lost', durable).catch((error: unknown) => error)
    await h.advance(50)
    await h.restartRouter(100)
    expect(await h.until(failed)).toMatchObject({ code: 'RouterLost', executed: 'maybe' })
    await h.advance(2000)
    expect(await publishMany(h, client, 1)).toEqual([1])
  })

  test('without a store a reader is told that there is another log, and reads it from its beginning', async () => {
    await using h = harness()
    const kennel = await h.client('kennel')
    const events = kennel.events('dog.*', { after: 0 })
    await publishMany(h, kennel, 3)
    expect(await read(h, events, 1)).toEqual([1])
    await h.restartRouter(100)
    await h.advance(2000)
    await publishMany(h, kennel, 2, 'dog.barked', 11)
    expect(await read(h, events, 5)).toEqual([2, 3, { kind: 'gap', durable: true }, 11, 12])
    await publishMany(h, kennel, 300, 'dog.barked', 13)
    expect(await read(h, events, 300)).toEqual(range(13, 312))
    await events.close()
  })

  test('without a store it is told so also where the other log has come further than the first one', async () => {
    await using h = harness()
    const kennel = await h.client('kennel')
    const watcher = await h.client('watcher')
    const events = watcher.events('dog.*', { after: 0 })
    await publishMany(h, kennel, 3)
    expect(await read(h, events, 3)).toEqual([1, 2, 3])
    h.processOf(watcher).stop()
    await h.restartRouter(100)
    await h.advance(2000)
    await publishMany(h, kennel, 5, 'dog.barked', 11)
    h.processOf(watcher).goOn()
    await h.advance(5000)
    expect(await read(h, events, 6)).toEqual([{ kind: 'gap', durable: true }, ...range(11, 15)])
    await events.close()
  })

  test('an id that the router has never given means another log', async () => {
    await using h = harness()
    const client = await h.client()
    await publishMany(h, client, 2)
    const events = client.events('dog.*', { after: 7 })
    expect(await read(h, events, 3)).toEqual([{ kind: 'gap', durable: true }, 1, 2])
    await events.close()
  })

  test("an event that could not be made safe is nobody else's", async () => {
    const paper = new Paper()
    await using h = harness({ paper })
    const client = await h.client()
    const events = client.events('dog.*', { after: 0 })
    await publishMany(h, client, 1)
    paper.failing = 'keeps'
    await expect(h.until(client.publish('dog.barked', 2, durable))).rejects.toMatchObject({ code: 'Damaged', executed: 'maybe' })
    await expect(h.until(client.publish('dog.barked', 3, durable))).rejects.toMatchObject({ code: 'Damaged', executed: 'no' })
    expect(await read(h, events, 1)).toEqual([1])
    await h.advance(1000)
    paper.failing = undefined
    await h.restartRouter(100)
    await h.advance(2000)
    // It was written all the same, and is found now.
    expect(await publishMany(h, client, 1, 'dog.barked', 4)).toEqual([3])
    expect(await read(h, events, 2)).toEqual([2, 4])
    await events.close()
  })
})

describe('retention', () => {
  test('by number: the oldest are a gap for who asks for them', async () => {
    await using h = harness({ router: { limits: { maxLoggedEvents: 10 } } })
    const client = await h.client()
    await publishMany(h, client, 25)
    const events = client.events('dog.*', { after: 3 })
    expect(await read(h, events, 11)).toEqual([{ kind: 'gap', durable: true, from: 4, to: 15 }, ...range(16, 25)])
    await events.close()
  })

  test('by bytes', async () => {
    await using h = harness({ router: { limits: { maxLoggedBytes: 10_000 } } })
    const client = await h.client()
    for (let n = 1; n <= 30; n++) await h.until(client.publish('dog.barked', `${n} ${'x'.repeat(950)}`, durable))
    const events = client.events('dog.*', { after: 0 })
    const [gap, ...rest] = await read(h, events, 9)
    const { to } = gap as { to: number }
    expect(gap).toEqual({ kind: 'gap', durable: true, from: 1, to })
    expect(to).toBeGreaterThan(18)
    expect(to).toBeLessThan(23)
    expect((rest as string[]).map((value) => Number.parseInt(value, 10))).toEqual(range(to + 1, to + 8))
    await events.close()
  })

  test('by age, also where nobody publishes or a start comes between', async () => {
    await using h = harness({ paper: new Paper() })
    const client = await h.client()
    await publishMany(h, client, 3)
    await h.advance(20 * 3600_000)
    await publishMany(h, client, 2, 'dog.barked', 4)
    await h.advance(3 * 3600_000)
    await h.restartRouter(2 * 3600_000)
    await h.advance(2000)
    const events = client.events('dog.*', { after: 0 })
    expect(await read(h, events, 3)).toEqual([{ kind: 'gap', durable: true, from: 1, to: 3 }, 4, 5])
    await h.advance(24 * 3600_000)
    const later = client.events('dog.*', { after: 0 })
    expect(await read(h, later, 1)).toEqual([{ kind: 'gap', durable: true, from: 1, to: 5 }])
    await Promise.all([events.close(), later.close()])
  })

  test('writes down what it drops in steps', async () => {
    const paper = new Paper()
    await using h = harness({ paper, router: { limits: { maxLoggedEvents: 640, eventRetentionMs: 64_000 } } })
    const client = await h.client()
    await publishMany(h, client, 640)
    const before = paper.length
    await publishMany(h, client, 50)
    await h.advance(10)
    expect(paper.length - before).toBe(50 + 1)
    for (let second = 0; second < 80; second++) {
      await publishMany(h, client, 5)
      await h.advance(1000)
    }
    // Five at a time were published each second, and all of a second go together.
    expect(paper.length - before - 51 - 400).toBeLessThan(50)
  })

  test('drops what a slow reader has not read: it finds a gap there, and then the rest', async () => {
    await using h = harness({ router: { limits: { maxLoggedEvents: 400 } } })
    const kennel = await h.client('kennel')
    const watcher = await h.client('watcher')
    const events = watcher.events('dog.*', { after: 0 })
    await events.ready
    for (let at = 0; at < 20; at++) await publishMany(h, kennel, 100, 'dog.barked', at * 100 + 1)
    const first = await read(h, events, EVENTS_AHEAD)
    expect(first).toEqual(range(1, EVENTS_AHEAD))
    const [gap, ...rest] = await read(h, events, 300)
    const { to } = gap as { to: number }
    expect(gap).toEqual({ kind: 'gap', durable: true, from: EVENTS_AHEAD + 1, to })
    expect(to).toBeGreaterThanOrEqual(1600)
    expect(rest).toEqual(range(to + 1, to + 299))
    await events.close()
  })
})

test('events of topics that the index has no names for are read to know them', async () => {
  const journal = new MemoryJournal()
  const kept = { store: new Store(), eventLog: new EventLog() }
  kept.store.begin(journal)
  kept.eventLog.begin(journal)
  const event = { sender: 'kennel', ms: Date.UTC(2100, 0), encoding: 3, value: new Uint8Array(0) }
  for (let n = 1; n <= 66_000; n++) kept.eventLog.reached(kept.eventLog.add({ ...event, topic: `dog.${n}` }).id)
  expect(kept.eventLog.topicOf(66_000)).toBeUndefined()
  await using h = harness({ router: kept as RouterOptions })
  const client = await h.client()
  const events = client.events('dog.65990', { after: 0 })
  expect((await h.until(events.next())).value).toMatchObject({ topic: 'dog.65990', id: 65_990 })
  await publishMany(h, client, 1, 'dog.65990')
  expect(await read(h, events, 1)).toEqual([1])
  await events.close()
})

describe('a slow reader', () => {
  test('misses nothing, and costs nobody memory', async () => {
    await using h = harness()
    const kennel = await h.client('kennel')
    const watcher = await h.client('watcher')
    const events = watcher.events('dog.*', { after: 0 })
    await events.ready
    for (let at = 0; at < 50; at++) await publishMany(h, kennel, 100, 'dog.barked', at * 100 + 1)
    const all: unknown[] = []
    while (all.length < 5000) all.push(...(await read(h, events, 100)))
    expect(all).toEqual(range(1, 5000))
    await events.close()
  })
})

describe('a named cursor', () => {
  test('goes on where its last reader has asked for the next one, in another process too', async () => {
    await using h = harness({ paper: new Paper() })
    const kennel = await h.client('kennel')
    await publishMany(h, kennel, 5)
    const first = await h.client('printer')
    const events = first.events('dog.*', { cursor: 'printer' })
    expect(await read(h, events, 3)).toEqual([1, 2, 3])
    await h.advance(10)
    // The third was given, but the next one was not asked for.
    h.kill(first)
    await h.restartRouter(100)
    await h.advance(2000)
    const second = await h.client('printer-2')
    const again = second.events('dog.*', { cursor: 'printer' })
    expect(await read(h, again, 3)).toEqual([3, 4, 5])
    again.taken()
    await again.close()
    const third = second.events('dog.*', { cursor: 'printer' })
    await publishMany(h, kennel, 1, 'dog.barked', 6)
    expect(await read(h, third, 1)).toEqual([6])
    await third.close()
  })

  test('is not read twice in one process that only lost its session', async () => {
    await using h = harness({ paper: new Paper() })
    const kennel = await h.client('kennel')
    await publishMany(h, kennel, 600)
    const events = kennel.events('dog.*', { cursor: 'printer' })
    const all = await read(h, events, 100)
    await h.restartRouter(100)
    await h.advance(2000)
    all.push(...(await read(h, events, 500)))
    expect(all).toEqual(range(1, 600))
    await publishMany(h, kennel, 1, 'dog.barked', 601)
    expect(await read(h, events, 1)).toEqual([601])
    await events.close()
  })

  test('moves on by what is read while there is no router', async () => {
    await using h = harness({ paper: new Paper() })
    const kennel = await h.client('kennel')
    await publishMany(h, kennel, 1500)
    const events = kennel.events('dog.*', { cursor: 'printer' })
    const all = await read(h, events, 1)
    await h.restartRouter(100)
    all.push(...(await read(h, events, EVENTS_AHEAD - 1)))
    events.taken()
    await h.advance(2000)
    all.push(...(await read(h, events, 1500 - EVENTS_AHEAD)))
    expect(all).toEqual(range(1, 1500))
    events.taken()
    expect(await h.until(kennel.remote<RouterApi>('waybill.Router').cursors())).toMatchObject([{ after: 1500, behind: 0 }])
    await events.close()
  })

  test('of a router that kept nothing begins anew, and is not moved by ids of before', async () => {
    await using h = harness()
    const client = await h.client()
    await publishMany(h, client, 5)
    const events = client.events('dog.*', { cursor: 'printer' })
    expect(await read(h, events, 1)).toEqual([1])
    await h.restartRouter(100)
    await h.advance(2000)
    await publishMany(h, client, 3, 'dog.barked', 11)
    expect(await read(h, events, 4)).toEqual([2, 3, 4, 5])
    events.taken()
    const router = client.remote<RouterApi>('waybill.Router')
    expect(await h.until(router.cursors())).toMatchObject([{ after: 0, behind: 3 }])
    expect(await read(h, events, 4)).toEqual([{ kind: 'gap', durable: true }, 11, 12, 13])
    events.taken()
    expect(await h.until(router.cursors())).toMatchObject([{ after: 3, behind: 0 }])
    await events.close()
  })

  test('is of its principal, begins where it is told, and is taken by its newest reader', async () => {
    await using h = harness({ router: { tokens: { a: 'token-a', b: 'token-b' } } })
    const [one, other, stranger] = [
      await h.client('one', { token: 'token-a' }),
      await h.client('other', { token: 'token-a' }),
      await h.client('stranger', { token: 'token-b' }),
    ]
    await publishMany(h, one, 5)
    const older = one.events('dog.*', { cursor: 'printer', after: 2 })
    expect(await read(h, older, 1)).toEqual([3])
    const foreign = stranger.events('dog.*', { cursor: 'printer' })
    expect(await read(h, foreign, 1)).toEqual([1])
    const newer = other.events('dog.*', { cursor: 'printer', after: 4 })
    await newer.ready
    // What it has it may still read; then it knows.
    expect(await read(h, older, 2)).toEqual([4, 5])
    await expect(h.until(older.next())).rejects.toMatchObject({ code: 'Superseded' })
    expect(await read(h, newer, 3)).toEqual([3, 4, 5])
    const router = one.remote<RouterApi>('waybill.Router')
    expect(await h.until(router.cursors())).toMatchObject([{ name: 'printer', after: 4, behind: 1, reader: 'other' }])
    expect(await h.until(router.forgetCursor('printer'))).toBe(true)
    expect(await h.until(router.forgetCursor('printer'))).toBe(false)
    expect(await h.until(router.cursors())).toEqual([])
    await expect(h.until(newer.next())).rejects.toMatchObject({ code: 'Closed' })
    await foreign.close()
  })

  test('of a reader that has read all of its own does not lag behind for what is not for it', async () => {
    await using h = harness({ router: { limits: { maxLoggedEvents: 10 } } })
    const client = await h.client()
    await publishMany(h, client, 2)
    const events = client.events('dog.*', { cursor: 'printer' })
    expect(await read(h, events, 2)).toEqual([1, 2])
    events.taken()
    await publishMany(h, client, 50, 'cat.purred')
    await events.close()
    const again = client.events('dog.*', { cursor: 'printer' })
    await publishMany(h, client, 1, 'dog.barked', 3)
    expect(await read(h, again, 1)).toEqual([3])
    await again.close()
  })

  test('is one of few', async () => {
    await using h = harness({ router: { limits: { maxCursors: 1 } } })
    const client = await h.client()
    const first = client.events('dog.*', { cursor: 'one' })
    await h.until(first.ready)
    await expect(h.until(client.events('dog.*', { cursor: 'two' }).ready)).rejects.toMatchObject({ code: 'TooLarge' })
    await first.close()
  })
})
