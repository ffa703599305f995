/** Stored calls: what a receipt promises, to whom, and what becomes of it when somebody dies. */
import { currentCall, service, type Client, type Outcome, type Receipt, type Rejection, type Status } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Dog {
  bark(phrase: string): Promise<string>
  walk(km: number): Promise<string>
  bite(): Promise<void>
  fetch(): Promise<string>
}
const dog = service<Dog>('Dog@1.0.0', { bark: {}, walk: {}, bite: {}, fetch: { idempotent: true } })

interface Kennel {
  readonly client: Client
  readonly ran: string[]
}

async function kennel(h: Harness, name = 'kennel'): Promise<Kennel> {
  const client = await h.client(name, { onIncident: () => {} })
  const ran: string[] = []
  const sleep = (ms: number): Promise<void> => h.processOf(client).sleep(ms)
  await client.expose(dog, {
    bark: async (phrase) => {
      ran.push(`bark ${phrase} ${currentCall().sn}`)
      return `wau ${phrase}`
    },
    walk: async (km) => {
      const { signal, progress } = currentCall()
      ran.push(`walk ${km}`)
      for (let completed = 1; completed <= km; completed++) {
        await sleep(1000)
        signal.throwIfAborted()
        progress({ total: km, completed })
      }
      return 'home'
    },
    bite: async () => {
      throw new RangeError('ouch')
    },
    fetch: async () => {
      ran.push('fetch')
      await sleep(1000)
      return 'stick'
    },
  })
  return { client, ran }
}

async function all<T>(watched: { status(): AsyncIterableIterator<Status | Outcome<T>> }): Promise<string[]> {
  const kinds: string[] = []
  for await (const event of watched.status()) kinds.push(event.kind)
  return kinds
}

async function failed(promise: Promise<unknown>): Promise<{ code: string; executed: string; message: string }> {
  return promise.then(
    (value) => Promise.reject(new Error(`it gave ${JSON.stringify(value)}`)),
    (error: { code: string; executed: string; message: string }) => error,
  )
}

describe('a receipt', () => {
  test('comes when the router has stored the call, before anybody runs it, and gives the result', async () => {
    await using h = harness()
    const { client, ran } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(2))
    expect(receipt.durability).toBe('memory')
    expect(receipt.sn).toMatch(/^[0-9a-f]{8}-/)
    const seen = all(receipt)
    expect(await h.until(receipt.result())).toBe('home')
    expect(ran).toEqual(['walk 2'])
    expect(await seen).toEqual(['started', 'progress', 'progress', 'result'].toSpliced(0, 0, 'accepted'))
    // Asked for again, and from elsewhere, it says the same.
    expect(await h.until(receipt.result())).toBe('home')
    expect(await h.until(client.receipt<string>(receipt.sn).result())).toBe('home')
    expect(await h.until(all(client.receipt<string>(receipt.sn)))).toEqual(['progress', 'result'])
  })

  test('its sn is the one that the method sees', async () => {
    await using h = harness()
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).bark.async('hi'))
    await h.until(receipt.result())
    expect(ran).toEqual([`bark hi ${receipt.sn}`])
  })

  test('an exception arrives as it was thrown, a rejection with its code', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).bite.async())
    expect(await h.until(failed(receipt.result()))).toMatchObject({ xclass: 'RangeError', message: 'ouch', executed: 'yes' })
    const nothing = await h.until(caller.remote<{ sit(): void }>('Dog').sit.async())
    expect(await h.until(failed(nothing.result()))).toMatchObject({ code: 'NoSuchMethod', executed: 'no' })
    expect(await h.until(caller.receipts())).toMatchObject([{ state: 'rejected' }, { state: 'failed' }])
  })

  test('its caller may leave; another client of the principal fetches the result', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const { sn } = await h.until(caller.remote(dog).walk.async(3))
    h.kill(caller)
    const other = await h.client('other')
    expect(await h.until(other.receipt<string>(sn).result())).toBe('home')
    expect(await h.until(other.receipts())).toMatchObject([{ sn, client: 'caller', service: 'Dog', method: 'walk', state: 'succeeded' }])
  })

  test('nobody of another principal sees it', async () => {
    await using h = harness({ router: { tokens: { alice: 'a', bob: 'b' } } })
    const worker = await h.client('kennel', { token: 'b' })
    await worker.expose(dog, { bark: async () => 'wau', walk: async () => 'home', bite: async () => {}, fetch: async () => 'stick' })
    const alice = await h.client('alice', { token: 'a' })
    const bob = await h.client('bob', { token: 'b' })
    const { sn } = await h.until(alice.remote(dog).bark.async('hi'))
    expect(await h.until(failed(bob.receipt(sn).result()))).toMatchObject({ code: 'NoSuchReceipt', executed: 'no' })
    expect(await h.until(bob.receipts())).toEqual([])
    expect(await h.until(bob.cancelReceipts({ sn }))).toEqual([])
    expect(await h.until(alice.receipt(sn).result())).toBe('wau')
  })

  test('waits for a service that is not there, and expires', async () => {
    await using h = harness()
    const caller = await h.client('caller')
    const late = await h.until(caller.remote(dog).bark.with({ ttl: '1m' }).async('hi'))
    const never = await h.until(caller.remote<{ meow(): string }>('Cat').meow.with({ ttl: '5s' }).async())
    expect(await h.until(failed(never.result()), 10_000)).toMatchObject({ code: 'Expired', executed: 'no' })
    await kennel(h)
    expect(await h.until(late.result())).toBe('wau hi')
    expect(await h.until(caller.receipts({ state: 'expired' }))).toMatchObject([{ sn: never.sn, service: 'Cat' }])
  })

  test('is kept for its time, then forgotten', async () => {
    await using h = harness({ router: { limits: { receiptRetentionMs: 5000 } } })
    await kennel(h)
    const caller = await h.client('caller')
    const { sn } = await h.until(caller.remote(dog).bark.async('hi'))
    await h.advance(4000)
    expect(await h.until(caller.receipt(sn).result())).toBe('wau hi')
    await h.advance(2000)
    expect(await h.until(failed(caller.receipt(sn).result()))).toMatchObject({ code: 'NoSuchReceipt' })
  })

  test('the oldest that has ended makes room; what has not ended is never dropped', async () => {
    await using h = harness({ router: { limits: { maxReceipts: 3 } } })
    await kennel(h)
    const caller = await h.client('caller')
    const first = await h.until(caller.remote(dog).bark.async('1'))
    await h.until(first.result())
    const slow = await Promise.all([1, 2, 3].map(() => h.until(caller.remote(dog).walk.async(2))))
    expect(await h.until(failed(caller.receipt(first.sn).result()))).toMatchObject({ code: 'NoSuchReceipt' })
    const waiting = caller.remote(dog).bark.with({ ttl: '1m' }).async('4')
    // Who has no time to wait for room is told at once.
    expect(await h.until(failed(caller.remote(dog).bark.with({ ttl: 100 }).async('5')), 100)).toMatchObject({ code: 'Overloaded' })
    await h.advance(10)
    for (const receipt of slow) expect(await h.until(receipt.result())).toBe('home')
    expect(await h.until((await h.until(waiting)).result())).toBe('wau 4')
  })
})

describe('when somebody dies', () => {
  test('a worker: what may not run twice is indeterminate, and says so', async () => {
    await using h = harness()
    const { client } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(5))
    await h.advance(1500)
    h.kill(client)
    expect(await h.until(failed(receipt.result()))).toMatchObject({ code: 'WorkerLost', executed: 'maybe' })
    expect(await h.until(caller.receipts())).toMatchObject([{ state: 'indeterminate', attempts: 1 }])
  })

  test('a worker: what may run twice goes to another one', async () => {
    await using h = harness()
    const first = await kennel(h, 'first')
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).fetch.async())
    await h.advance(500)
    expect(first.ran).toEqual(['fetch'])
    const second = await kennel(h, 'second')
    h.kill(first.client)
    expect(await h.until(receipt.result())).toBe('stick')
    expect(second.ran).toEqual(['fetch'])
  })

  test('every worker that takes it: it is dead after as many attempts as are allowed', async () => {
    await using h = harness({ router: { limits: { maxAttempts: 2 } } })
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).fetch.async())
    for (const name of ['first', 'second']) {
      const { client } = await kennel(h, name)
      await h.advance(500)
      h.kill(client)
      await h.advance(1000)
    }
    expect(await h.until(failed(receipt.result()))).toMatchObject({ code: 'WorkerLost', executed: 'maybe' })
    expect(await h.until(caller.receipts())).toMatchObject([{ state: 'dead', attempts: 2 }])
  })

  test('a worker that drains gives back what it has not started, and another one runs it', async () => {
    await using h = harness()
    const one = await h.client('one')
    const sleep = (ms: number): Promise<void> => h.processOf(one).sleep(ms)
    const busy = service<{ work(n: number): Promise<string> }>('Busy@1.0.0', { work: { concurrency: 1 } })
    await one.expose(busy, { work: async (n) => (await sleep(1000), `one ${n}`) })
    const caller = await h.client('caller')
    const receipts = await h.until(Promise.all([1, 2].map((n) => caller.remote(busy).work.async(n))))
    await h.advance(100)
    const two = await h.client('two')
    await two.expose(busy, { work: async (n) => `two ${n}` })
    const closing = one.close()
    expect(await h.until(Promise.all(receipts.map((receipt) => receipt.result())))).toEqual(['one 1', 'two 2'])
    await h.until(closing)
  })

  test('the session of who waits: a stored call is heard of again in the next one', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const call = caller.remote(dog).walk.with({ durable: true })(4)
    const { sn } = await h.until(call.receipt)
    await h.advance(1200)
    h.network.cut(h.processOf(caller))
    await h.advance(5000)
    expect(await h.until(call)).toBe('home')
    expect(await h.until(caller.receipts())).toMatchObject([{ sn, state: 'succeeded' }])
  })

  test('the session of who follows a receipt: it is followed on in the next one, whatever was heard before', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const follower = await h.client('follower')
    const { sn } = await h.until(caller.remote(dog).walk.async(6))
    const seen = all(follower.receipt(sn))
    const result = follower.receipt<string>(sn).result()
    await h.advance(1500)
    h.network.isolate('follower', 'reset')
    h.network.cut(h.processOf(follower))
    await h.advance(1500)
    h.network.isolate('follower', undefined)
    await h.advance(15_000)
    expect(await h.until(result)).toBe('home')
    expect((await seen).at(-1)).toBe('result')
  })

  test('a worker, while somebody follows: what was heard of it does not hide that another one refuses the call', async () => {
    await using h = harness()
    const first = await kennel(h, 'first')
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).fetch.async())
    const seen = all(receipt)
    await h.advance(500)
    h.kill(first.client)
    const second = await h.client('second')
    await second.expose(service<{ bark(): string }>('Dog@1.0.0', { bark: {} }), { bark: () => 'wau' })
    // It may have run at the first.
    expect(await h.until(failed(receipt.result()))).toMatchObject({ code: 'WorkerLost', executed: 'maybe' })
    expect(await seen).toEqual(['accepted', 'started', 'exception'])
  })

  test('the router: what it held in memory is gone, and nobody pretends otherwise', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(3))
    const call = caller.remote(dog).walk.with({ durable: true })(3)
    const seen = failed(call)
    await h.until(call.receipt)
    await h.restartRouter(100)
    expect(await h.until(seen)).toMatchObject({ code: 'RouterLost', executed: 'maybe' })
    expect(await h.until(failed(receipt.result()))).toMatchObject({ code: 'NoSuchReceipt' })
    await h.advance(5000)
  })
})

describe('cancel', () => {
  test('by serial number, queued and running: each has an outcome', async () => {
    await using h = harness()
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const running = await h.until(caller.remote(dog).walk.async(5))
    const waiting = await h.until(caller.remote<{ meow(): void }>('Cat').meow.async())
    await h.advance(1500)
    await h.until(Promise.all([running.cancel(), waiting.cancel()]))
    expect(await h.until(failed(running.result()))).toMatchObject({ code: 'Cancelled', executed: 'maybe' })
    expect(await h.until(failed(waiting.result()))).toMatchObject({ code: 'Cancelled', executed: 'no' })
    expect(ran).toEqual(['walk 5'])
    expect(await h.until(caller.receipts({ state: 'cancelled' }))).toHaveLength(2)
    // What has ended is not cancelled again.
    expect(await h.until(caller.cancelReceipts({ sn: running.sn }))).toEqual([])
    await h.advance(2000)
  })

  test('by conditions on the data, those that fit and no others', async () => {
    await using h = harness()
    const caller = await h.client('caller')
    const cat = caller.remote<{ meow(): void }>('Cat')
    const made: Receipt<void>[] = []
    for (const data of [
      { group: 1, at: { priority: 5 } },
      { group: 2, at: { priority: 1 } },
      { group: 2, at: { priority: 9 } },
      undefined,
    ]) {
      made.push(await h.until(cat.meow.with({ data }).async()))
    }
    expect(await h.until(caller.cancelReceipts({ data: { and: [{ match: { group: 2 } }, { gt: ['at.priority', 3] }] } }))).toEqual([
      made[2]!.sn,
    ])
    expect(await h.until(caller.receipts({ data: { or: [{ in: ['group', [1, 7]] }, { neq: ['group', 2] }] } }))).toHaveLength(2)
    expect(await h.until(failed(caller.cancelReceipts({})))).toMatchObject({ code: 'BadArguments' })
    expect(await h.until(failed(caller.cancelReceipts({ data: { like: ['a', 1] } as never })))).toMatchObject({ code: 'BadArguments' })
    await h.until(caller.cancelReceipts({ service: 'Cat' }))
    expect(await h.until(caller.receipts({ state: 'pending' }))).toEqual([])
  })
})

describe('a listener', () => {
  test('an object is told of each event, with the receipt, and one last word', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const told: unknown[] = []
    const receipt = await h.until(
      caller.remote(dog).walk.callback(
        {
          accepted: () => told.push('accepted'),
          started: () => told.push('started'),
          progress: ({ completed }) => told.push(completed),
          result: (value, { sn }) => told.push(value, sn),
          exception: () => told.push('exception'),
        },
        2,
      ),
    )
    await h.advance(5000)
    expect(told).toEqual(['accepted', 'started', 1, 2, 'home', receipt.sn])
  })

  test('a function is told all of it; its own faults are its own', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const told: string[] = []
    await h.until(caller.remote(dog).bite.callback((event) => told.push(event.kind)))
    await h.until(caller.remote<{ sit(): void }>('Dog').sit.callback((event) => told.push((event as Rejection).code)))
    await h.advance(100)
    expect(told).toEqual(['accepted', 'started', 'exception', 'NoSuchMethod'])
  })

  test('that is none, or hears nothing, is refused before the call is made', async () => {
    await using h = harness()
    const { ran } = await kennel(h)
    const { walk } = (await h.client('caller')).remote(dog)
    for (const listener of [undefined, null, 3, {}, { replyTo: 'kennel' }, { reslt: () => {} }]) {
      expect(await failed(walk.callback(listener as never, 1))).toMatchObject({ code: 'BadAddress', executed: 'no' })
    }
    await h.advance(10)
    expect(ran).toEqual([])
  })

  test('another client is told, when it is there', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const clerk = await h.client('clerk')
    const told: unknown[] = []
    const stop = clerk.onPostback({ progress: ({ completed }) => told.push(completed), result: (value, { sn }) => told.push(value, sn) })
    const receipt = await h.until(caller.remote(dog).walk.callback({ replyto: 'clerk' }, 2))
    await h.advance(5000)
    expect(told).toEqual([1, 2, 'home', receipt.sn])
    stop()
  })
})

describe('number first', () => {
  test('a prepared call has its number before anything is sent, and is fired once', async () => {
    await using h = harness()
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const prepared = caller.remote(dog).bark.prepare('hi')
    await h.advance(100)
    expect(ran).toEqual([])
    expect(await h.until(prepared.fire())).toBe('wau hi')
    expect(ran).toEqual([`bark hi ${prepared.sn}`])
    expect(() => prepared.fire()).toThrow(/fired before/)
  })

  test('a call that is not stored has no receipt, and says so', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const call = caller.remote(dog).bark('hi')
    expect(await h.until(failed(call.receipt))).toMatchObject({ code: 'NotStorable', executed: 'no' })
    expect(await h.until(call)).toBe('wau hi')
  })
})
