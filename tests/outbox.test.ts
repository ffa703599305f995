/** Calls that wait in an outbox: over the end of the process that made them, in order, and never twice. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { service, type Client, type ConnectionStatus, type WaybillError } from '@waybill/client'
import { outbox as folderOutbox, type CallOutbox, type KeptCall } from '@waybill/client/outbox'
import { harness, Paper, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Office {
  order(what: string): string
}
const office = service<Office>('Office@1.0.0', { order: {} })

class MemoryOutbox implements CallOutbox {
  readonly kept = new Map<string, KeptCall>()
  isFull = false

  load(): Promise<readonly KeptCall[]> {
    // The other way round: whoever sends them finds their order himself.
    return Promise.resolve([...this.kept.values()].reverse())
  }

  put(call: KeptCall): Promise<void> {
    if (this.isFull) return Promise.reject(new Error('the disk is full'))
    this.kept.set(call.sn, structuredClone(call))
    return Promise.resolve()
  }

  remove(sn: string): Promise<void> {
    this.kept.delete(sn)
    return Promise.resolve()
  }
}

interface Stage {
  readonly outbox: MemoryOutbox
  readonly done: string[]
  readonly statuses: ConnectionStatus[]
  /** Another process of the page. */
  page(name?: string): Promise<Client>
}

async function stage(h: Harness, { isOpen = true } = {}): Promise<Stage> {
  const outbox = new MemoryOutbox()
  const done: string[] = []
  const statuses: ConnectionStatus[] = []
  if (isOpen) await h.until((await h.client('office')).expose(office, { order: (what) => (done.push(what), `has ${what}`) }))
  return {
    outbox,
    done,
    statuses,
    page: async (name = 'page') => {
      const client = await h.client(name, { outbox })
      client.onStatus((status) => statuses.push(status))
      await h.advance(0)
      return client
    },
  }
}

/** The page has no network from now on, and its session is over. */
async function goOffline(h: Harness, page: Client): Promise<void> {
  h.network.isolate('page', 'reset')
  h.network.cut(h.processOf(page))
  await h.advance(60_000)
  expect(page.isConnected).toBe(false)
}

function die(h: Harness, page: Client): void {
  h.kill(page)
  h.network.isolate('page', undefined)
}

function failed(call: Promise<unknown>): Promise<WaybillError> {
  return call.then(
    () => expect.unreachable(),
    (error: WaybillError) => error,
  )
}

describe('calls that are made offline', () => {
  test('are sent by the next process of the client, in their order, each once, and are where their numbers say', async () => {
    await using h = harness()
    const { outbox, done, page } = await stage(h)
    const first = await page()
    await goOffline(h, first)
    const there = first.remote<Office>('Office')
    const prepared = there.order.with({ durable: true }).prepare('bone')
    void prepared.fire().catch(() => {})
    for (const what of ['ball', 'leash']) void there.order.async(what).catch(() => {})
    void there.order.callback(() => {}, 'bed').catch(() => {})
    // Longer than anybody would wait for an answer.
    await h.advance(3_600_000)
    expect([outbox.kept.size, done]).toEqual([4, []])
    die(h, first)
    const second = await page()
    await h.advance(100)
    expect([done, outbox.kept.size]).toEqual([['bone', 'ball', 'leash', 'bed'], 0])
    expect(await h.until(second.receipt<string>(prepared.sn).result())).toBe('has bone')
  })

  test('go out when the page is back, before what it calls then', async () => {
    await using h = harness()
    const { outbox, done, page } = await stage(h)
    const client = await page()
    await goOffline(h, client)
    const there = client.remote<Office>('Office')
    const receipts = ['ball', 'leash'].map((what) => there.order.async(what))
    await h.advance(3_600_000)
    h.network.isolate('page', undefined)
    await h.advance(20_000)
    const last = await h.until(there.order.async('bed'))
    expect(await h.until((await receipts[0]!).result())).toBe('has ball')
    await h.until(last.result())
    expect([done, outbox.kept.size]).toEqual([['ball', 'leash', 'bed'], 0])
  })

  test('wait in front of those of the next process', async () => {
    await using h = harness()
    const { done, page, outbox } = await stage(h)
    const first = await page()
    await goOffline(h, first)
    for (const what of ['ball', 'leash'])
      void first
        .remote<Office>('Office')
        .order.async(what)
        .catch(() => {})
    await h.advance(1000)
    die(h, first)
    const second = await h.client('page', { outbox })
    const receipt = await h.until(second.remote<Office>('Office').order.async('bed'))
    await h.until(receipt.result())
    expect(done).toEqual(['ball', 'leash', 'bed'])
    await page('other')
  })

  test('are nobody else’s, and end with their ttl', async () => {
    await using h = harness()
    const { outbox, done, page, statuses } = await stage(h)
    const first = await page()
    await goOffline(h, first)
    const { order } = first.remote<Office>('Office')
    void order
      .with({ ttl: '10m' })
      .async('ball')
      .catch(() => {})
    const late = order.with({ ttl: '1m' }).async('leash')
    const ended = failed(late)
    await h.advance(61_000)
    expect(await ended).toMatchObject({ code: 'DeadlineExceeded', executed: 'no' })
    expect(outbox.kept.size).toBe(1)
    die(h, first)
    await page('other')
    await h.advance(600_000)
    expect([done, outbox.kept.size]).toEqual([[], 1])
    await page()
    await h.advance(100)
    expect([done, outbox.kept.size]).toEqual([[], 0])
    expect(statuses).toContainEqual(
      expect.objectContaining({ kind: 'notSent', error: expect.objectContaining({ code: 'DeadlineExceeded', executed: 'no' }) as Error }),
    )
  })

  test('are taken out where they are cancelled, and stay where the client is closed', async () => {
    await using h = harness()
    const { outbox, done, page } = await stage(h)
    const first = await page()
    await goOffline(h, first)
    const { order } = first.remote<Office>('Office', { durable: true })
    const call = order('ball')
    const kept = failed(order('leash'))
    await h.advance(100)
    expect(outbox.kept.size).toBe(2)
    const cancelled = failed(call)
    await call.cancel()
    expect(await h.until(cancelled)).toMatchObject({ code: 'Cancelled', executed: 'no' })
    await h.until(first.close())
    // Not `no`: another process will send it.
    expect(await kept).toMatchObject({ code: 'Closed', executed: 'maybe' })
    expect(outbox.kept.size).toBe(1)
    h.network.isolate('page', undefined)
    await page()
    await h.advance(100)
    expect([done, outbox.kept.size]).toEqual([['leash'], 0])
  })
})

describe('a call whose word that it is stored was not heard', () => {
  /** A page that has written a call, and died before the answer came. */
  async function unheard(h: Harness, { page }: Stage): Promise<void> {
    const first = await page()
    h.network.silence(h.processOf(first), 'in')
    void first
      .remote<Office>('Office')
      .order.async('ball')
      .catch(() => {})
    await h.advance(100)
    die(h, first)
  }

  test('is known again', async () => {
    await using h = harness()
    const given = await stage(h)
    await unheard(h, given)
    expect([given.done, given.outbox.kept.size]).toEqual([['ball'], 1])
    await h.advance(1_800_000)
    await given.page()
    await h.advance(100)
    expect([given.done, given.outbox.kept.size]).toEqual([['ball'], 0])
  })

  test('also over a start of the router', async () => {
    const paper = new Paper()
    await using h = harness({ paper })
    const given = await stage(h, { isOpen: false })
    await unheard(h, given)
    await h.restartRouter(1000)
    const { done } = given
    await h.until((await h.client('office')).expose(office, { order: (what) => (done.push(what), '') }))
    await given.page()
    await h.advance(1000)
    expect([done, given.outbox.kept.size]).toEqual([['ball'], 0])
  })

  test.each(['later than it is known for certain', 'at a router that has forgotten'] as const)('is not sent %s', async (when) => {
    await using h = harness()
    const given = await stage(h)
    await unheard(h, given)
    if (when === 'at a router that has forgotten') await h.restartRouter(1000)
    else await h.advance(3_600_000 * 2)
    await given.page()
    await h.advance(60_000)
    expect([given.done, given.outbox.kept.size]).toEqual([['ball'], 0])
    expect(given.statuses).toContainEqual(
      expect.objectContaining({ kind: 'notSent', error: expect.objectContaining({ code: 'RouterLost', executed: 'maybe' }) as Error }),
    )
  })

  test('is not sent again by its own process either, when it was away for longer', async () => {
    await using h = harness()
    const { outbox, done, page } = await stage(h)
    const client = await page()
    h.network.silence(h.processOf(client), 'in')
    const error = failed(client.remote<Office>('Office').order.async('ball'))
    await h.advance(100)
    await goOffline(h, client)
    await h.advance(3_600_000 * 2)
    h.network.isolate('page', undefined)
    await h.advance(60_000)
    expect(await error).toMatchObject({ code: 'RouterLost', executed: 'maybe' })
    expect([done, outbox.kept.size]).toEqual([['ball'], 0])
  })
})

test('what the outbox does not keep is not sent', async () => {
  await using h = harness()
  const { outbox, done, page } = await stage(h)
  const client = await page()
  outbox.isFull = true
  const { order } = client.remote<Office>('Office')
  expect(await h.until(failed(order.async('ball')))).toMatchObject({ code: 'NotStorable', executed: 'no' })
  expect(await order('bone')).toBe('has bone')
  expect(done).toEqual(['bone'])
})

test('a folder is one: what is put there is there for the next process, and the later word counts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-'))
  try {
    const sn = '019b76da-a800-89d9-aa69-300000000001'
    const call: KeptCall = {
      ...{ sn, client: 'page', principal: 'local', address: 'Office', method: 'order', flags: 1, encoding: 1, untilMs: 5 },
      body: Uint8Array.of(0, 255),
      fields: new Uint8Array(),
    }
    const outbox = folderOutbox(join(folder, 'calls'))
    const later = { ...call, sent: { home: 'store', atMs: 1 } }
    await Promise.all([
      outbox.put(call),
      outbox.put(later),
      outbox.put({ ...call, sn: sn.replace('1', '2') }),
      outbox.remove(sn.replace('1', '2')),
    ])
    const [left, ...others] = await folderOutbox(join(folder, 'calls')).load()
    expect([{ ...left, body: Uint8Array.from(left!.body), fields: Uint8Array.from(left!.fields) }, others]).toEqual([later, []])
    await outbox.remove(sn)
    expect(await readdir(join(folder, 'calls'))).toEqual([])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
