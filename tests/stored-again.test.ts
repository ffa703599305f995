/** Stored calls that are given to somebody a second time, or asked for a second time; and what is said of them then. */
import { currentCall, service, type Client } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Dog {
  fetch(ms: number): Promise<string>
  walk(ms: number): Promise<string>
}
const dog = service<Dog>('Dog@1.0.0', { fetch: { idempotent: true }, walk: {} })

/** A worker that writes down what it runs, and goes on after a cancel. */
async function kennel(h: Harness, name = 'kennel'): Promise<{ client: Client; ran: string[] }> {
  const client = await h.client(name, { onIncident: () => {} })
  const ran: string[] = []
  const work = async (ms: number): Promise<string> => {
    ran.push(`begin ${currentCall().method} ${ms}`)
    await h.processOf(client).sleep(ms)
    ran.push(`end ${currentCall().method} ${ms}`)
    return name
  }
  await h.until(client.expose(dog, { fetch: work, walk: work }))
  return { client, ran }
}

async function failed(promise: Promise<unknown>): Promise<{ code: string; executed: string; message: string }> {
  return promise.then(
    (value) => Promise.reject(new Error(`it gave ${JSON.stringify(value)}`)),
    (error: { code: string; executed: string; message: string }) => error,
  )
}

describe('a call that somebody may have run', () => {
  async function lostOnce(h: Harness, ttl: '4s' | '10s' | '1m') {
    const first = await kennel(h, 'first')
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).fetch.with({ ttl }).async(5000))
    await h.advance(500)
    h.kill(first.client)
    await h.advance(1000)
    expect(first.ran).toEqual(['begin fetch 5000'])
    expect(await h.until(caller.receipts())).toMatchObject([{ state: 'stored', attempts: 1 }])
    return { caller, receipt }
  }

  test('is not said to have expired unseen', async () => {
    await using h = harness()
    const { receipt } = await lostOnce(h, '10s')
    expect(await h.until(failed(receipt.result()), 20_000)).toMatchObject({ code: 'DeadlineExceeded', executed: 'maybe' })
  })

  test('is not said never to have run when it is cancelled', async () => {
    await using h = harness()
    const { receipt } = await lostOnce(h, '1m')
    await h.until(receipt.cancel())
    expect(await h.until(failed(receipt.result()))).toMatchObject({ code: 'Cancelled', executed: 'maybe' })
  })

  test('nor when the next one refuses it', async () => {
    await using h = harness()
    const { receipt } = await lostOnce(h, '1m')
    const other = await h.client('other')
    await other.expose(service<{ walk(ms: number): Promise<string> }>('Dog@1.0.0', { walk: {} }), { walk: async () => '' })
    expect(await h.until(failed(receipt.result()))).toMatchObject({ code: 'WorkerLost', executed: 'maybe' })
  })

  test('has on its next way only the time that is left', async () => {
    await using h = harness()
    const { receipt } = await lostOnce(h, '4s')
    const { ran } = await kennel(h, 'second')
    expect(await h.until(failed(receipt.result()))).toMatchObject({ code: 'DeadlineExceeded', executed: 'maybe' })
    expect(ran).toEqual(['begin fetch 5000'])
    await h.advance(10_000)
  })

  test('is found by its method when everybody who offered that had left meanwhile', async () => {
    await using h = harness()
    const { receipt } = await lostOnce(h, '1m')
    const cat = await h.client('cat')
    // The symbol that the method had is somebody else's by now.
    await cat.expose(service<{ meow(): string }>('Cat@1.0.0', { meow: {} }), { meow: () => 'meow' })
    const { ran } = await kennel(h, 'second')
    expect(await h.until(receipt.result())).toBe('second')
    expect(ran).toEqual(['begin fetch 5000', 'end fetch 5000'])
  })
})

describe('the same serial number', () => {
  test('in the next session is the same call: it is stored once and runs once', async () => {
    await using h = harness({ latencyMs: 20 })
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const receiving = caller.remote(dog).walk.async(100)
    // The call has left, and the word that it is stored has not come.
    await h.advance(30)
    h.network.cut(h.processOf(caller))
    h.network.isolate('caller', 'reset')
    await h.advance(2000)
    h.network.isolate('caller', undefined)
    const receipt = await h.until(receiving)
    expect(await h.until(receipt.result())).toBe('kennel')
    expect(ran).toEqual(['begin walk 100', 'end walk 100'])
    expect(await h.until(caller.receipts())).toHaveLength(1)
  })
})

describe('a signal', () => {
  test("that is aborted while the client closes is nobody's unhandled failure", async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const aborting = new AbortController()
    const call = caller.remote(dog).walk.with({ durable: true, signal: aborting.signal })(1000)
    const seen = failed(call)
    await h.until(call.receipt)
    const unhandled: unknown[] = []
    const listen = (thrown: unknown): void => void unhandled.push(thrown)
    process.on('unhandledRejection', listen)
    aborting.abort()
    await h.until(caller.close({ drainMs: 0 }))
    expect(await h.until(seen)).toMatchObject({ code: 'Closed', executed: 'maybe' })
    await h.advance(2000)
    process.off('unhandledRejection', listen)
    expect(unhandled).toEqual([])
  })
})

describe('the turn of an order key', () => {
  test('is kept by a method that goes on after its cancel', async () => {
    await using h = harness()
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const walk = caller.remote(dog).walk.with({ orderKey: 'k' })
    const first = walk(2000)
    const seen = failed(first)
    const second = walk(1)
    await h.advance(100)
    await first.cancel()
    expect(await h.until(seen, 600)).toMatchObject({ code: 'Cancelled', executed: 'maybe' })
    expect(await h.until(second)).toBe('kennel')
    expect(ran).toEqual(['begin walk 2000', 'end walk 2000', 'begin walk 1', 'end walk 1'])
  })
})

describe('who is told', () => {
  test('of a postback is of the principal that was named, whoever has the name by then', async () => {
    await using h = harness({ router: { tokens: { alice: 'a', bob: 'b' } } })
    const worker = await h.client('kennel', { token: 'a' })
    await worker.expose(dog, { fetch: async () => 'stick', walk: async (ms) => (await h.processOf(worker).sleep(ms), 'secret') })
    const caller = await h.client('caller', { token: 'a' })
    const clerk = await h.client('clerk', { token: 'a' })
    await h.until(caller.remote(dog).walk.callback({ replyto: 'clerk' }, 3000))
    await h.until(clerk.close())
    const stranger = await h.client('clerk', { token: 'b' })
    const told: unknown[] = []
    stranger.onPostback((event) => told.push(event))
    await h.advance(5000)
    expect(told).toEqual([])
  })

  test('a watch goes on in the next session, also of a call that has begun', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const { sn } = await h.until(caller.remote(dog).walk.async(4000))
    const other = await h.client('other')
    const result = other.receipt<string>(sn).result()
    await h.advance(1000)
    h.network.cut(h.processOf(other))
    h.network.isolate('other', 'reset')
    await h.advance(1500)
    h.network.isolate('other', undefined)
    expect(await h.until(result)).toBe('kennel')
  })
})
