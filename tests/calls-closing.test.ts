/** Hopping off: what runs may end, what has not begun goes back, and nothing is left behind. */
import { connect, service, type Client, type WaybillError } from '@waybill/client'
import { composeRouter, createRouter } from '@waybill/server'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { memoryTransport } from '../packages/server/src/gateways/memory.js'

interface Work {
  run(ms: number): Promise<string>
  big(bytes: number): Uint8Array
}
const work = service<Work>('Work@1.0.0', { run: { concurrency: 2 }, big: {} })

async function offer(h: Harness, name: string): Promise<Client> {
  const client = await h.client(name)
  await client.expose(work, {
    run: (ms) =>
      h
        .processOf(client)
        .sleep(ms)
        .then(() => name),
    big: (bytes) => new Uint8Array(bytes).fill(7),
  })
  return client
}

function failed(call: PromiseLike<unknown>): Promise<WaybillError> {
  return call.then(
    () => expect.unreachable(),
    (error: WaybillError) => error,
  ) as Promise<WaybillError>
}

function failure(h: Harness, call: PromiseLike<unknown>): Promise<WaybillError> {
  return h.until(failed(call))
}

describe('close() of a callee', () => {
  test('lets what runs end, and gives back what waits', async () => {
    await using h = harness()
    const worker = await offer(h, 'worker')
    const caller = await h.client('caller')
    const { run } = caller.remote(work, { timeout: '1m' })
    const running = [run(1000), run(2000)]
    const waiting = [run(10), run(10)]
    await h.advance(10)
    const closed = worker.close()
    await h.advance(10)
    await offer(h, 'other')
    expect(await h.until(Promise.all(waiting))).toEqual(['other', 'other'])
    expect(await h.until(Promise.all(running))).toEqual(['worker', 'worker'])
    await h.until(closed)
    expect(h.world.nowMs).toBeLessThan(2500)
    expect(h.router.load.sessions).toBe(2)
  })

  test('delivers the whole of a large answer first', async () => {
    await using h = harness({ latencyMs: 5 })
    const worker = await h.client('worker')
    await h.until(worker.expose(work, { run: () => Promise.resolve(''), big: (bytes) => new Uint8Array(bytes).fill(7) }))
    const caller = await h.client('caller')
    const call = caller.remote(work).big(6 * 1024 * 1024)
    await h.advance(12)
    const closed = worker.close()
    const answer = await h.until(call)
    expect([answer.byteLength, answer.at(-1)]).toEqual([6 * 1024 * 1024, 7])
    await h.until(closed)
  })

  test('after the time to drain: what still runs is lost to its caller, maybe', async () => {
    await using h = harness()
    const worker = await offer(h, 'worker')
    const caller = await h.client('caller')
    const call = caller.remote(work).run(10_000)
    await h.advance(1)
    const closed = worker.close({ drainMs: 500 })
    expect(await failure(h, call)).toMatchObject({ code: 'WorkerLost', executed: 'maybe', message: expect.stringContaining('worker') })
    await h.until(closed)
    expect(h.world.nowMs).toBeLessThan(1500)
    await h.advance(10_000)
  })

  test('without draining: at once', async () => {
    await using h = harness()
    const worker = await offer(h, 'worker')
    const caller = await h.client('caller')
    const call = caller.remote(work).run(10_000)
    await h.advance(1)
    await worker.close({ drainMs: 0 })
    expect(await failure(h, call)).toMatchObject({ code: 'WorkerLost', executed: 'maybe' })
    await h.advance(10_000)
    expect(worker.pending).toEqual({ outgoing: 0, incoming: 0 })
  })
})

describe('close() of a caller', () => {
  test('waits for its own calls', async () => {
    await using h = harness()
    await offer(h, 'worker')
    const caller = await h.client('caller')
    const call = caller.remote(work).run(300)
    const closed = caller.close()
    expect(await h.until(call)).toBe('worker')
    await h.until(closed)
    expect(await caller.closed).toBeUndefined()
  })

  test('ends what is left with Closed, saying how far it had come', async () => {
    await using h = harness()
    const worker = await offer(h, 'worker')
    const caller = await h.client('caller')
    const written = caller.remote(work).run(5000)
    await h.advance(10)
    const unwritten = caller.remote(work).run(5000)
    const failures = Promise.all([failed(written), failed(unwritten)])
    await caller.close({ drainMs: 0 })
    expect(await failures).toMatchObject([
      { code: 'Closed', executed: 'maybe' },
      { code: 'Closed', executed: 'no' },
    ])
    expect(await failure(h, caller.remote(work).run(1))).toMatchObject({ code: 'Closed', executed: 'no' })
    await h.advance(6000)
    expect(worker.pending.incoming).toBe(0)
  })

  test('twice is once, and a closed client stays closed', async () => {
    await using h = harness()
    const caller = await h.client('caller')
    expect(caller.close()).toBe(caller.close())
    await caller.close()
    await h.advance(60_000)
    expect(caller.isConnected).toBe(false)
    expect(h.router.load.sessions).toBe(0)
  })

  test('while it looks for the router', async () => {
    await using h = harness()
    const caller = await h.client('caller')
    h.network.isolate('caller', 'reset')
    h.network.cut(h.processOf(caller))
    await h.advance(3000)
    await h.until(caller.close())
    h.network.isolate('caller', undefined)
    await h.advance(60_000)
    expect(h.router.load.sessions).toBe(0)
  })

  test('by a listener that hears of the loss', async () => {
    await using h = harness()
    const caller = await h.client('caller')
    const heard: string[] = []
    caller.onStatus(({ kind }) => {
      heard.push(kind)
      if (kind === 'lost') void caller.close()
    })
    await h.restartRouter(2000)
    await h.advance(60_000)
    expect(heard).toEqual(['lost', 'closed'])
    expect(h.router.load.sessions).toBe(0)
  })
})

describe('await using', () => {
  test('a client and a router end with their blocks', async () => {
    let port: number | undefined
    let left: Client | undefined
    {
      await using router = await createRouter({ listen: { port: 0 } })
      port = router.port
      await using client = await connect(router.url!)
      left = client
      expect(await client.remote<{ info(): { clients: number } }>('waybill.Router').info()).toMatchObject({ clients: 1 })
    }
    expect(left.isConnected).toBe(false)
    await expect(connect(`ws://127.0.0.1:${port}`, { timeout: 100 })).rejects.toMatchObject({ code: 'RouterUnreachable', executed: 'no' })
  })

  test('a router that closes tells its clients, who look for it again', async () => {
    await using h = harness()
    const client = await offer(h, 'worker')
    const caller = await h.client('caller')
    await client.expose(service<Work>('One@1.0.0', { run: {} }, { concurrency: 1 }), {
      run: (ms: number) =>
        h
          .processOf(client)
          .sleep(ms)
          .then(() => ''),
    } as Work)
    const { run } = caller.remote<Work>('One')
    const failures = Promise.all([failed(run(5000)), failed(run(1))])
    await h.advance(10)
    const heard: string[] = []
    client.onStatus(({ kind }) => heard.push(kind))
    h.router.close()
    // One had been handed over, one had not.
    expect(await h.until(failures)).toMatchObject([
      { code: 'RouterLost', executed: 'maybe' },
      { code: 'RouterLost', executed: 'no' },
    ])
    await h.restartRouter(10)
    await h.advance(20_000)
    expect(heard).toEqual(['lost', 'connected'])
    expect(await h.until(caller.remote(work).run(1))).toBe('worker')
  })
})

test('a link in memory to a router that is closed ends at once', async () => {
  const { router, ports } = composeRouter({ name: 'router' })
  router.close()
  const ended = new Promise((resolve) => {
    const { signal } = new AbortController()
    void memoryTransport(router, ports.soon).open('memory:', { packet: () => expect.unreachable(), ended: resolve }, signal)
  })
  expect(await ended).toEqual({ code: 1001, reason: 'the router is closing' })
})
