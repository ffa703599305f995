/** Stored calls over everything that breaks between their caller, the router and their callee, while the callee's process lives on. */
import { currentCall, service, type Client } from '@waybill/client'
import { harness, Paper, Seeded, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Dog {
  fetch(ms: number): Promise<string>
  walk(ms: number): Promise<string>
}
const dog = service<Dog>('Dog@1.0.0', { fetch: { idempotent: true }, walk: {} })
const alone = service<Dog>('Dog@1.0.0', { fetch: { idempotent: true }, walk: {} }, { concurrency: 1 })

async function kennel(h: Harness, name = 'kennel', offered = dog): Promise<{ client: Client; ran: string[] }> {
  const client = await h.client(name, { onIncident: () => {} })
  const ran: string[] = []
  const work = async (ms: number): Promise<string> => {
    const { method, signal, progress } = currentCall()
    ran.push(`begin ${method} ${ms}`)
    signal.addEventListener('abort', () => ran.push(`abort ${method} ${ms}`))
    await h.processOf(client).sleep(ms)
    progress({ total: 1, completed: 1 })
    ran.push(`end ${method} ${ms}`)
    return `${name} ${ms}`
  }
  await h.until(client.expose(offered, { fetch: work, walk: work }))
  return { client, ran }
}

/** The client has no way to the router for so long, and its session is lost. */
async function away(h: Harness, client: Client, ms: number): Promise<void> {
  h.network.isolate(client.name, 'reset')
  h.network.cut(h.processOf(client))
  await h.advance(ms)
  h.network.isolate(client.name, undefined)
}

async function failed(promise: Promise<unknown>): Promise<{ code: string; executed: string }> {
  return promise.then(
    (value) => Promise.reject(new Error(`it gave ${JSON.stringify(value)}`)),
    (error: { code: string; executed: string }) => error,
  )
}

describe('a worker without a way to the router', () => {
  test.each([
    ['while a call runs', 5000, 3000],
    ['when it ends', 2000, 5000],
  ])('%s: it runs once, and its caller has the result', async (_when, workMs, awayMs) => {
    await using h = harness()
    const { client, ran } = await kennel(h)
    const caller = await h.client('caller')
    const call = caller.remote(dog).walk.with({ durable: true })(workMs)
    const kinds: string[] = []
    void call.on('progress', () => kinds.push('progress')).on('result', () => kinds.push('result'))
    await h.until(call.receipt)
    await h.advance(100)
    await away(h, client, awayMs)
    expect(await h.until(call)).toBe(`kennel ${workMs}`)
    expect(ran).toEqual([`begin walk ${workMs}`, `end walk ${workMs}`])
    expect(await h.until(caller.receipts())).toMatchObject([{ state: 'succeeded', attempts: 0 }])
    expect(kinds).toEqual(workMs > awayMs ? ['progress', 'result'] : ['result'])
    await h.advance(20_000)
  })

  test('for longer than it is waited for: nobody knows, and when it comes back it is told', async () => {
    await using h = harness({ router: { limits: { leaseMs: 5000 } } })
    const { client, ran } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(60_000))
    await h.advance(100)
    await away(h, client, 8000)
    expect(await h.until(failed(receipt.result()))).toMatchObject({ code: 'WorkerLost', executed: 'maybe' })
    await h.advance(20_000)
    expect(ran).toEqual(['begin walk 60000', 'abort walk 60000'])
    await h.advance(60_000)
  })

  test('a call that may run twice goes to another one at once; the first one’s word is void', async () => {
    await using h = harness()
    const first = await kennel(h, 'first')
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).fetch.async(4000))
    await h.advance(100)
    const second = await kennel(h, 'second')
    await away(h, first.client, 6000)
    await h.advance(15_000)
    expect(await h.until(receipt.result())).toBe('second 4000')
    expect(first.ran).toEqual(['begin fetch 4000', 'end fetch 4000'])
    expect(second.ran).toEqual(['begin fetch 4000', 'end fetch 4000'])
    expect(await h.until(caller.receipts())).toMatchObject([{ state: 'succeeded', attempts: 1 }])
    expect(first.client.pending.incoming).toBe(0)
  })

  test('what waited there for its turn runs there, once, when it is back', async () => {
    await using h = harness()
    const { client, ran } = await kennel(h, 'kennel', alone)
    const caller = await h.client('caller')
    const { walk } = caller.remote(alone, { orderKey: 'one' })
    const receipts = await h.until(Promise.all([walk.async(3000), walk.async(10), walk.async(20)]))
    await h.advance(100)
    await away(h, client, 5000)
    expect(await h.until(Promise.all(receipts.map((receipt) => receipt.result())))).toEqual(['kennel 3000', 'kennel 10', 'kennel 20'])
    expect(ran).toEqual([3000, 10, 20].flatMap((ms) => [`begin walk ${ms}`, `end walk ${ms}`]))
  })

  test('calls of one order key wait for it, also where another one could take them', async () => {
    await using h = harness()
    const first = await kennel(h, 'first')
    const caller = await h.client('caller')
    const { walk } = caller.remote(dog, { orderKey: 'one' })
    const one = await h.until(walk.async(8000))
    await h.advance(100)
    const second = await kennel(h, 'second')
    const two = await h.until(walk.async(10))
    await away(h, first.client, 5000)
    expect(second.ran).toEqual([])
    expect(await h.until(one.result())).toBe('first 8000')
    expect(await h.until(two.result())).toMatch(/ 10$/)
    expect(first.ran.concat(second.ran)[1]).toBe('end walk 8000')
  })

  test('for less than its grace nothing is asked: the session goes on', async () => {
    await using h = harness()
    const { client, ran } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(2000))
    await h.advance(100)
    const lost: string[] = []
    client.onStatus(({ kind }) => lost.push(kind))
    h.network.cut(h.processOf(client))
    expect(await h.until(receipt.result())).toBe('kennel 2000')
    expect(ran).toEqual(['begin walk 2000', 'end walk 2000'])
    expect(lost).toEqual([])
  })
})

describe('the router ends and starts anew with the same store', () => {
  test.each([
    ['before the call has ended', 5000, 1000],
    ['and the call ends meanwhile', 2000, 8000],
  ])('%s: whoever awaits it has its result, and it ran once', async (_when, workMs, downMs) => {
    await using h = harness({ paper: new Paper() })
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const remote = caller.remote(dog)
    const call = remote.walk.with({ durable: true })(workMs)
    const receipt = await h.until(remote.walk.async(workMs + 1))
    const told: unknown[] = []
    await h.until(remote.fetch.callback({ result: (value) => told.push(value) }, workMs + 2))
    await h.advance(100)
    const result = receipt.result()
    await h.restartRouter(downMs)
    expect(await h.until(Promise.all([call, result]))).toEqual([`kennel ${workMs}`, `kennel ${workMs + 1}`])
    await h.advance(5000)
    expect(told).toEqual([`kennel ${workMs + 2}`])
    expect(ran.filter((line) => line.startsWith('begin'))).toHaveLength(3)
    expect(ran.filter((line) => line.startsWith('end'))).toHaveLength(3)
    const receipts = await h.until(caller.receipts())
    expect(receipts.map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(['succeeded 0', 'succeeded 0', 'succeeded 0'])
  })

  test('before an outcome is safe there: it is said again', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 200 }) })
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(1000))
    await h.advance(900)
    expect(ran).toEqual(['begin walk 1000'])
    await h.advance(250)
    expect(ran).toEqual(['begin walk 1000', 'end walk 1000'])
    await h.restartRouter(1000)
    expect(await h.until(receipt.result())).toBe('kennel 1000')
    expect(ran).toEqual(['begin walk 1000', 'end walk 1000'])
  })

  test('before a call is promised: it is made again, and runs once', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 200 }) })
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const call = caller.remote(dog).walk.with({ durable: true })(10)
    await h.advance(50)
    await h.restartRouter(1000)
    expect(await h.until(call)).toBe('kennel 10')
    expect(ran).toEqual(['begin walk 10', 'end walk 10'])
  })

  test('a worker that closes meanwhile waits for it, and leaves nothing behind', async () => {
    await using h = harness({ paper: new Paper() })
    const { client, ran } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(1000))
    await h.advance(100)
    const restarting = h.restartRouter(3000)
    await h.advance(500)
    const closing = client.close()
    await restarting
    await h.until(closing)
    expect(ran).toEqual(['begin walk 1000', 'end walk 1000'])
    expect(await h.until(receipt.result())).toBe('kennel 1000')
  })

  test('without a store: what runs is told, and its caller too', async () => {
    await using h = harness()
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const call = caller.remote(dog).walk.with({ durable: true })(60_000)
    const end = failed(call)
    await h.until(call.receipt)
    await h.advance(100)
    await h.restartRouter(1000)
    expect(await h.until(end)).toMatchObject({ code: 'RouterLost', executed: 'maybe' })
    await h.advance(15_000)
    expect(ran).toEqual(['begin walk 60000', 'abort walk 60000'])
    await h.advance(60_000)
  })
})

test.each([1, 2, 3, 4, 5, 6])('through a storm of cuts and starts each call runs once and gives its result: seed %i', async (seed) => {
  await using h = harness({ paper: new Paper({ writeMs: 20 }), seed })
  const dice = new Seeded(seed)
  const workers = [await kennel(h, 'first'), await kennel(h, 'second', alone)]
  const caller = await h.client('caller')
  const calls: Promise<string>[] = []
  for (let n = 0; n < 60; n++) {
    const options = { ttl: '1h', ...(dice.chance(0.3) && { orderKey: 'one' }) } as const
    const { walk } = caller.remote(dog, options)
    const workMs = 10_000 + n
    calls.push(dice.chance(0.5) ? walk.with({ durable: true })(workMs) : walk.async(workMs).then((receipt) => receipt.result()))
    await h.advance(dice.whole(0, 1500))
    if (dice.chance(0.1)) await h.restartRouter(dice.whole(1, 5000))
    if (dice.chance(0.1)) h.network.cut(h.processOf(caller))
    if (dice.chance(0.15)) await away(h, dice.pick(workers).client, dice.whole(1, 6000))
  }
  const results = await h.until(Promise.all(calls), 3_600_000)
  expect(results.map((result) => result.split(' ')[1])).toEqual(calls.map((_one, n) => `${10_000 + n}`))
  const ran = workers.flatMap((worker) => worker.ran)
  for (const word of ['begin', 'end']) {
    expect(ran.filter((line) => line.startsWith(word)).toSorted()).toEqual(calls.map((_one, n) => `${word} walk ${10_000 + n}`))
  }
  expect(ran).toHaveLength(120)
  await h.advance(20_000)
  for (const { client } of workers) expect(client.pending.incoming).toBe(0)
})
