/** Durable events over the real journal, in a folder: what a start finds of them, whatever ended the one before, and what a long log costs. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type Client, type Subscription } from '@waybill/client'
import { systemPorts } from '@waybill/core/system'
import { createRouter, EventLog, foldOf, Store, type Place, type RouterHandle } from '@waybill/server'
import { nodeDisk, openJournal, type JournalOptions } from '@waybill/server/store'
import { Seeded } from '@waybill/testkit'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EventIndex } from '../packages/server/src/event-log/event-index.js'
import { endChildren, startRouter } from './fixtures/children.js'

let root: string
let folder: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'waybill-'))
  folder = join(root, 'store')
})
afterEach(() => rm(root, { recursive: true }))
afterAll(() => endChildren())

const durable = { durable: true } as const
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

async function openLog(options: Partial<JournalOptions> = {}): Promise<EventLog> {
  const store = new Store()
  const log = new EventLog()
  const { journal } = await openJournal(nodeDisk(folder), foldOf(store, log), { ports: systemPorts, ...options })
  store.begin(journal)
  log.begin(journal)
  return log
}

const safe = (log: EventLog): Promise<void> => new Promise((resolve, reject) => log.journal.whenSafe(resolve, reject))

function add(log: EventLog, topic: string, value: string, ms = 1): number {
  return log.add({ topic, sender: 'kennel', ms, encoding: 3, value: bytesOf(value) }).id
}

async function readAll(log: EventLog): Promise<unknown[]> {
  const all: Promise<unknown>[] = []
  for (let id = log.first; id <= log.last; id++) {
    all.push(
      new Promise((resolve) =>
        log.read(id, (event, error) => resolve(event ? [event.id, event.topic, Buffer.from(event.value).toString()] : error)),
      ),
    )
  }
  return Promise.all(all)
}

describe('the log', () => {
  test('is the same at a later start, over snapshots and compaction, whatever was dropped and moved', { timeout: 60_000 }, async () => {
    const random = new Seeded(7)
    const kept = new Map<number, unknown>()
    const cursors = new Map<string, number>()
    let last = 0
    for (let start = 0; start < 6; start++) {
      const log = await openLog({ snapshotBytes: 20_000, segmentBytes: 10_000 })
      expect(log.last).toBe(last)
      expect(await readAll(log)).toEqual([...kept.values()])
      expect(Object.fromEntries(Array.from(log.cursors.all(), ({ name, id }) => [name, id]))).toEqual(Object.fromEntries(cursors))
      for (let step = 0; step < 300; step++) {
        const topic = `dog.${random.whole(1, 5)}`
        const value = `${step} ${'x'.repeat(random.whole(0, random.chance(1 / 60) ? 70_000 : 200))}`
        last = add(log, topic, value)
        kept.set(last, [last, topic, value])
        if (random.chance(1 / 10)) {
          const name = `reader-${random.whole(1, 4)}`
          if (random.chance(1 / 5)) {
            log.forget('local', name)
            cursors.delete(name)
          } else {
            log.move('local', name, last, 1)
            cursors.set(name, last)
          }
        }
        if (!random.chance(1 / 20)) continue
        await safe(log)
        log.reached(last)
        log.dropBefore(last - random.whole(20, 200))
        for (const id of [...kept.keys()]) if (id < log.first) kept.delete(id)
      }
      // What goes on beside the work comes to its end.
      await safe(log)
      log.reached(last)
      await expect.poll(async () => (await readdir(folder)).some((name) => name.endsWith('.snapshot')), { timeout: 20_000 }).toBe(true)
      await new Promise((resolve) => setTimeout(resolve, 50))
      await log.journal.close()
    }
  })

  test('keeps nothing of the disk that it has dropped', { timeout: 60_000 }, async () => {
    const log = await openLog({ snapshotBytes: 100_000, segmentBytes: 20_000 })
    for (let round = 0; round < 40; round++) {
      for (let n = 0; n < 20; n++) add(log, 'dog.barked', 'x'.repeat(1000))
      await safe(log)
      log.reached(log.first + log.size - 1)
      log.dropBefore(log.last - 19)
    }
    expect([log.first, log.last, log.size]).toEqual([781, 800, 20])
    const segments = async (): Promise<number> => (await readdir(folder)).filter((name) => name.endsWith('.log')).length
    // Files go beside the work: of 800 kB, what stands behind the last snapshot is left.
    await expect.poll(segments, { timeout: 20_000 }).toBeLessThan(10)
    expect((await readAll(log)).length).toBe(20)
    await log.journal.close()
  })

  test('gives no id twice, also when nothing is left of what it gave', { timeout: 60_000 }, async () => {
    const log = await openLog({ snapshotBytes: 5000, segmentBytes: 5000 })
    for (let n = 0; n < 10; n++) add(log, 'dog.barked', 'wau')
    await safe(log)
    log.reached(10)
    log.dropBefore(11)
    const hasFirst = async (): Promise<boolean> => {
      log.move('local', 'printer', 10, 1)
      await safe(log)
      return (await readdir(folder)).includes('00000001.log')
    }
    await expect.poll(hasFirst, { interval: 1, timeout: 20_000 }).toBe(false)
    await log.journal.close()
    const again = await openLog()
    expect([again.first, again.last, again.size, add(again, 'dog.barked', 'wau')]).toEqual([11, 10, 0, 11])
    await again.journal.close()
  })

  test('knows events of more topics than it has names for', async () => {
    const log = await openLog()
    for (let n = 0; n < 70_000; n++) add(log, `dog.${n}`, '')
    await safe(log)
    expect(log.topicOf(1)).toBe('dog.0')
    expect(log.topicOf(70_000)).toBeUndefined()
    await log.journal.close()
    const again = await openLog({ snapshotBytes: 1 })
    expect(again.topicOf(1)).toBe('dog.0')
    expect(await new Promise((resolve) => again.read(70_000, (event) => resolve(event?.topic)))).toBe('dog.69999')
    await again.journal.close()
  })

  test('refuses a store in which events are missing', () => {
    const log = new EventLog()
    const records: Uint8Array[][] = []
    const journal = { append: (_: number, parts: Uint8Array[]): Place => (records.push(parts), { segment: 1, offset: 0, bytes: 1 }) }
    log.begin(journal as never)
    for (let n = 0; n < 3; n++) add(log, 'dog.barked', 'wau')
    const later = new EventLog()
    const place = { segment: 1, offset: 0, bytes: 1 }
    const told = (at: number): void => later.record(32, Buffer.concat(records[at]!), place)
    told(0)
    told(0)
    expect(() => told(2)).toThrow(expect.objectContaining({ code: 'Damaged' }))
  })
})

test('the index of a million events takes less than 60 MiB', () => {
  const before = process.memoryUsage()
  const index = new EventIndex()
  for (let n = 0; n < 1_000_000; n++) index.add(`dog.${n % 1000}`, n, { segment: n >> 10, offset: n, bytes: 100 })
  const after = process.memoryUsage()
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(30 * 1024 * 1024)
  expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(60 * 1024 * 1024)
  expect([index.topicOf(1_000_000), index.placeOf(1_000_000).offset]).toEqual(['dog.999', 999_999])
})

// ---- routers

async function router(): Promise<RouterHandle> {
  return createRouter({ data: folder, name: 'router' })
}

const here = (handle: RouterHandle, name?: string): Promise<Client> =>
  connect('memory:', { transport: handle.transport, ...(name !== undefined && { name }) })

async function readValues(events: Subscription<unknown>, count: number): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const item of events) {
    all.push(item.kind === 'event' ? item.value : item)
    if (all.length === count) break
  }
  return all
}

describe('a router', () => {
  test('replays 20,000 events of earlier starts, in order', { timeout: 120_000 }, async () => {
    const first = await router()
    const kennel = await here(first)
    for (let from = 0; from < 20_000; from += 2000)
      await Promise.all(Array.from({ length: 2000 }, (_, at) => kennel.publish('dog.barked', from + at + 1, durable)))
    await kennel.close()
    await first.close()
    const second = await router()
    const watcher = await here(second)
    let next = 1
    for await (const item of watcher.events('dog.*', { after: 0 })) {
      if (item.kind !== 'event' || item.value !== next) throw new Error(`${JSON.stringify(item)} instead of ${next}`)
      if (next++ === 20_000) break
    }
    await watcher.close()
    await second.close()
  })

  test(
    'and its publisher and reader are killed again and again: what was said to be stored is read, in order, and nothing twice in one process',
    {
      timeout: 120_000,
    },
    async () => {
      let { child, url, port } = await startRouter(['--data', folder])
      const kennel = await connect(url, { name: 'kennel' })
      const watcher = await connect(url, { name: 'watcher' })
      const stored = new Map<number, unknown>()
      const got: { readonly id: number; readonly value: unknown }[] = []
      const events = watcher.events('dog.*', { after: 0 })
      const reading = (async () => {
        for await (const item of events) {
          if (item.kind === 'gap') {
            if (item.durable) throw new Error('a gap')
            continue
          }
          if (item.id !== undefined) got.push({ id: item.id, value: item.value })
          if (item.value === 'end') return
        }
      })()
      let value = 0
      for (let round = 0; round < 3; round++) {
        const end = stored.size + 200
        while (stored.size < end) {
          const batch = Array.from({ length: 50 }, async () => {
            const bark = ++value
            stored.set((await kennel.publish('dog.barked', bark, durable)).id, bark)
          })
          // In the middle of the work.
          if (stored.size + 50 >= end) child.kill('SIGKILL')
          await Promise.allSettled(batch)
          if (child.isRunning) continue
          await child.ended
          ;({ child, url, port } = await startRouter(['--data', folder, '--port', String(port)]))
          while (!kennel.isConnected) await new Promise((resolve) => setTimeout(resolve, 20))
          break
        }
      }
      while ((await kennel.publish('dog.barked', 'end', durable).catch(() => undefined)) === undefined)
        await new Promise((resolve) => setTimeout(resolve, 50))
      await reading
      const ids = got.map(({ id }) => id)
      expect(ids).toEqual(Array.from({ length: ids.length }, (_, at) => at + 1))
      const values = new Map(got.map((event) => [event.id, event.value]))
      expect([...stored].filter(([id, bark]) => values.get(id) !== bark)).toEqual([])
      expect(stored.size).toBeGreaterThan(350)
      await Promise.all([kennel.close(), watcher.close()])
    },
  )

  test('reads events that are longer than a record of the journal', async () => {
    const handle = await router()
    const client = await here(handle)
    const values = [1, 100_000, 500_000, 3].map((length) => 'x'.repeat(length))
    for (const value of values) await client.publish('dog.barked', value, durable)
    expect(await readValues(client.events('dog.*', { after: 0 }), 4)).toEqual(values)
    await client.close()
    await handle.close()
  })
})
