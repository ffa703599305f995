/** Which instance a call goes to, and in which order: policies, keys, order, and calls that would wait for themselves. */
import { service, type Client } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Dog {
  work(n: number): Promise<string>
}
const dog = (concurrency?: number) => service<Dog>('Dog@1.0.0', { work: {} }, concurrency === undefined ? {} : { concurrency })

/** A worker that needs `ms` for each call, says its name, and never has more at once than it said. */
async function worker(h: Harness, name: string, ms: number, concurrency?: number): Promise<Client> {
  const client = await h.client(name)
  let running = 0
  await client.expose(dog(concurrency), {
    work: async () => {
      if (++running > (concurrency ?? Number.POSITIVE_INFINITY)) throw new Error(`${running} at once`)
      await h.processOf(client).sleep(ms)
      running--
      return name
    },
  })
  return client
}

async function failed(promise: Promise<unknown>): Promise<{ code: string; executed: string; message: string }> {
  return promise.then(
    (value) => Promise.reject(new Error(`it gave ${JSON.stringify(value)}`)),
    (error: { code: string; executed: string; message: string }) => error,
  )
}

/** Times of `count` calls, 16 of them in flight. */
async function times(h: Harness, client: Client, policy: 'leastBusy' | 'roundRobin', count: number): Promise<number[]> {
  const work = client.remote(dog()).work.with({ policy })
  const taken: number[] = []
  let begun = 0
  const lane = async (): Promise<void> => {
    while (begun++ < count) {
      const before = h.world.nowMs
      await work(begun)
      taken.push(h.world.nowMs - before)
    }
  }
  await h.until(Promise.all(Array.from({ length: 16 }, lane)), 600_000)
  return taken.sort((left, right) => left - right)
}

describe('the least busy', () => {
  test('one of three workers is ten times slower: p99 is at most half of that in turn', async () => {
    const p99: Record<string, number> = {}
    for (const policy of ['leastBusy', 'roundRobin'] as const) {
      await using h = harness()
      await Promise.all([worker(h, 'a', 10, 1), worker(h, 'b', 10, 1), worker(h, 'slow', 100, 1)])
      const taken = await times(h, await h.client('caller'), policy, 600)
      p99[policy] = taken[Math.floor(taken.length * 0.99)]!
    }
    expect(p99['leastBusy']).toBeLessThanOrEqual(p99['roundRobin']! / 2)
  })

  test('a worker that declares 2 never holds 3', async () => {
    await using h = harness()
    await Promise.all([worker(h, 'a', 7, 2), worker(h, 'b', 13, 2)])
    for (const policy of ['leastBusy', 'roundRobin'] as const) await times(h, await h.client(`caller-${policy}`), policy, 100)
    const client = await h.client('sender')
    for (let n = 0; n < 20; n++) await client.remote(dog()).work.send(n)
    await h.advance(1000)
    expect(h.router.view.info().droppedCalls).toBe(0)
  })

  test('without a declared concurrency, who has fewer calls gets the next', async () => {
    await using h = harness()
    await Promise.all([worker(h, 'fast', 10), worker(h, 'slow', 1000)])
    const client = await h.client('caller')
    const names: Promise<string>[] = []
    for (let n = 0; n < 20; n++) {
      names.push(client.remote(dog()).work(n))
      await h.advance(20)
    }
    const done = await h.until(Promise.all(names))
    expect(done.filter((name) => name === 'slow')).toHaveLength(1)
  })

  test('among equals in turn', async () => {
    await using h = harness()
    await Promise.all([worker(h, 'a', 0), worker(h, 'b', 0), worker(h, 'c', 0)])
    const client = await h.client('caller')
    const names: string[] = []
    for (let n = 0; n < 6; n++) names.push(await h.until(client.remote(dog()).work(n)))
    expect(names.slice(0, 3).toSorted()).toEqual(['a', 'b', 'c'])
    expect(names.slice(3)).toEqual(names.slice(0, 3))
  })
})

describe('a sticky key', () => {
  test('stays with its instance; when one leaves, only its own keys move', async () => {
    await using h = harness()
    const clients = await Promise.all(['a', 'b', 'c'].map((name) => worker(h, name, 0)))
    const client = await h.client('caller')
    const keys = Array.from({ length: 60 }, (_, index) => `user-${index}`)
    const homes = async (): Promise<string[]> => h.until(Promise.all(keys.map((sticky) => client.remote(dog()).work.with({ sticky })(1))))
    const before = await homes()
    expect(await homes()).toEqual(before)
    expect(new Set(before).size).toBe(3)
    const [gone] = clients
    await h.until(gone!.close())
    const after = await homes()
    for (const [index, home] of before.entries()) if (home !== 'a') expect(after[index]).toBe(home)
    expect(after).not.toContain('a')
  })

  test('waits for its instance while others have room', async () => {
    await using h = harness()
    await Promise.all(['a', 'b'].map((name) => worker(h, name, 100, 1)))
    const client = await h.client('caller')
    const work = client.remote(dog()).work.with({ sticky: 'rex' })
    const started = h.world.nowMs
    const names = await h.until(Promise.all([work(1), work(2), work(3)]))
    expect(new Set(names).size).toBe(1)
    expect(h.world.nowMs - started).toBeGreaterThanOrEqual(300)
  })

  test('what waits for an instance that leaves goes elsewhere', async () => {
    await using h = harness()
    const clients = await Promise.all(['a', 'b'].map((name) => worker(h, name, 1000, 1)))
    const client = await h.client('caller')
    const work = client.remote(dog()).work.with({ sticky: 'rex' })
    const names = [work(1), work(2)]
    const seen = Promise.allSettled(names)
    await h.advance(100)
    const home = clients.find((one) => one.pending.incoming > 0)!
    h.kill(home)
    const [first, second] = await h.until(seen)
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'WorkerLost' } })
    expect(second!.status).toBe('fulfilled')
  })
})

describe('stored calls that waited for anybody', () => {
  const ofItsOwn = service<Dog>('Dog@1.0.0', { work: {} }, { instance: 'session', concurrency: 1 })

  /** Who had each of six that were stored before `first` came, and `second` right behind it; each has one at a time. */
  async function homes(h: Harness, options: { sticky?: string }, offer: typeof ofItsOwn): Promise<string[]> {
    const caller = await h.client('caller')
    const work = caller.remote(dog()).work.with({ durable: true, ...options })
    const names = Promise.all(Array.from({ length: 6 }, (_, n) => work(n)))
    await h.advance(100)
    for (const name of ['first', 'second']) {
      const client = await h.client(name)
      class Own implements Dog {
        async work(): Promise<string> {
          await h.processOf(client).sleep(500)
          return name
        }
      }
      await h.until(offer === ofItsOwn ? client.expose(offer, Own) : client.expose(offer, new Own()))
    }
    return h.until(names)
  }

  test('go to who comes', async () => {
    await using h = harness()
    expect(new Set(await homes(h, {}, dog(1)))).toEqual(new Set(['first', 'second']))
  })

  test('all go to one that keeps what each caller has, though another one has room', async () => {
    await using h = harness()
    expect(new Set(await homes(h, {}, ofItsOwn)).size).toBe(1)
  })

  test('all go to one where they have one key, though another one has room', async () => {
    await using h = harness()
    expect(new Set(await homes(h, { sticky: 'rex' }, dog(1))).size).toBe(1)
  })
})

describe('an order key', () => {
  test('calls of one key never overlap, whatever the instance; others do', async () => {
    await using h = harness()
    const running = new Map<number, number>()
    let most = 0
    let together = 0
    for (const name of ['a', 'b', 'c']) {
      const client = await h.client(name)
      await client.expose(dog(), {
        work: async (n) => {
          running.set(n, (running.get(n) ?? 0) + 1)
          most = Math.max(most, running.get(n)!)
          together = Math.max(
            together,
            [...running.values()].reduce((sum, one) => sum + one, 0),
          )
          await h.processOf(client).sleep(5 + (n % 3))
          running.set(n, running.get(n)! - 1)
          return name
        },
      })
    }
    const callers = await Promise.all([1, 2, 3].map((n) => h.client(`caller-${n}`)))
    const calls = Array.from({ length: 120 }, (_, index) => {
      const n = index % 4
      return callers[index % 3]!.remote(dog()).work.with({ orderKey: `key-${n}` })(n)
    })
    await h.until(Promise.all(calls))
    expect(most).toBe(1)
    expect(together).toBeGreaterThan(2)
  })

  test('keeps the order of its caller', async () => {
    await using h = harness()
    const seen: number[] = []
    const client = await h.client('kennel')
    await client.expose(dog(), {
      work: async (n) => {
        await h.processOf(client).sleep(10 - n)
        seen.push(n)
        return ''
      },
    })
    const caller = await h.client('caller')
    await h.until(Promise.all(Array.from({ length: 10 }, (_, n) => caller.remote(dog()).work.with({ orderKey: 'k' })(n))))
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('a call whose turn does not come ends by its deadline; the next has its turn', async () => {
    await using h = harness()
    await worker(h, 'a', 1000)
    const caller = await h.client('caller')
    const work = caller.remote(dog()).work.with({ orderKey: 'k' })
    const first = work(1)
    const second = failed(work.with({ deadline: 100 })(2))
    const third = work(3)
    expect(await h.until(second)).toMatchObject({ code: 'DeadlineExceeded', executed: 'no' })
    expect(await h.until(Promise.all([first, third]))).toEqual(['a', 'a'])
  })

  test('a worker that is lost gives the turn to the next', async () => {
    await using h = harness()
    const lost = await worker(h, 'a', 1000)
    const caller = await h.client('caller')
    const work = caller.remote(dog()).work.with({ orderKey: 'k', ttl: '1m' })
    const first = failed(work(1))
    const second = work(2)
    await h.advance(100)
    h.kill(lost)
    await worker(h, 'b', 10)
    expect(await h.until(first)).toMatchObject({ code: 'WorkerLost', executed: 'maybe' })
    expect(await h.until(second)).toBe('b')
  })
})

describe('a call that would wait for itself', () => {
  interface Echo {
    again(depth: number): Promise<string>
  }
  const echo = (concurrency: number) => service<Echo>('Echo@1.0.0', { again: {} }, { concurrency })

  /** What its method says of a call that it makes and that fails. */
  async function echoing(h: Harness, concurrency: number, options: object): Promise<Client> {
    const client = await h.client('echo')
    await client.expose(echo(concurrency), {
      again: async (depth) => (depth === 0 ? '0' : `1+${await told(client.remote(echo(1)).again.with(options)(depth - 1))}`),
    })
    return client
  }

  async function told(call: Promise<string>): Promise<string> {
    return call.catch((error: { code: string; executed: string }) => `${error.code} ${error.executed}`)
  }

  test('is refused at once where its service has no place that it does not hold', async () => {
    await using h = harness()
    await echoing(h, 1, {})
    const caller = await h.client('caller')
    expect(await h.until(caller.remote(echo(1)).again(0))).toBe('0')
    expect(await h.until(caller.remote(echo(1)).again(1), 1000)).toBe('1+Reentrant no')
  })

  test('is not refused where there is another place', async () => {
    await using h = harness()
    await echoing(h, 3, {})
    const caller = await h.client('caller')
    expect(await h.until(caller.remote(echo(1)).again(2))).toBe('1+1+0')
  })

  test('is refused at once where it has the order key itself', async () => {
    await using h = harness()
    await echoing(h, 9, { orderKey: 'k' })
    const caller = await h.client('caller')
    const again = caller.remote(echo(1)).again.with({ orderKey: 'k' })
    expect(await h.until(again(1), 1000)).toBe('1+Reentrant no')
    expect(await h.until(again(0))).toBe('0')
  })

  test('through another service too', async () => {
    await using h = harness()
    const relay = service<Echo>('Relay@1.0.0', { again: {} })
    const client = await h.client('both')
    const other = await h.client('other')
    await client.expose(echo(1), { again: (depth) => client.remote(relay).again(depth) })
    await other.expose(relay, { again: (depth) => told(other.remote(echo(1)).again(depth)) })
    const caller = await h.client('caller')
    expect(await h.until(caller.remote(echo(1)).again(1), 1000)).toBe('Reentrant no')
  })
})

describe('a call that may wait', () => {
  test('finds a service that comes in time, and expires otherwise', async () => {
    await using h = harness()
    const caller = await h.client('caller')
    const early = caller.remote(dog()).work.with({ ttl: '10s' })(1)
    const expired = failed(caller.remote(dog()).work.with({ ttl: '1s' })(2))
    const refused = failed(caller.remote(dog()).work(3))
    expect(await h.until(refused, 10)).toMatchObject({ code: 'NoSuchService', executed: 'no' })
    expect(await h.until(expired)).toMatchObject({ code: 'Expired', executed: 'no' })
    await worker(h, 'late', 10)
    expect(await h.until(early)).toBe('late')
  })

  test('for a version that is not there does not hold up the others', async () => {
    await using h = harness()
    await worker(h, 'a', 10, 1)
    const caller = await h.client('caller')
    const waiting = failed(caller.remote<Dog>('Dog@^9').work.with({ ttl: '5s' })(1))
    expect(await h.until(Promise.all([1, 2, 3].map((n) => caller.remote(dog()).work(n))), 100)).toEqual(['a', 'a', 'a'])
    expect(await h.until(waiting)).toMatchObject({ code: 'Expired' })
  })
})

describe('fire and forget', () => {
  test('runs, and nobody says a word', async () => {
    await using h = harness()
    const ran: number[] = []
    const client = await h.client('kennel')
    await client.expose(dog(), { work: async (n) => (ran.push(n), 'never seen') })
    const caller = await h.client('caller')
    const { sn } = await h.until(caller.remote(dog()).work.send(1))
    expect(sn).toMatch(/^[0-9a-f-]{36}$/)
    await h.advance(1000)
    expect(ran).toEqual([1])
    expect(caller.pending.outgoing).toBe(0)
    expect(h.router.load.pendingCalls).toBe(0)
  })

  test('without a service it is dropped and counted; without credit it is refused at once', async () => {
    await using h = harness({ router: { limits: { windowBytes: 4096 } } })
    const caller = await h.client('caller')
    await h.until(caller.remote(dog()).work.send(1))
    await h.advance(10)
    expect(h.router.view.info().droppedCalls).toBe(1)
    const send = (): Promise<unknown> =>
      caller
        .remote(dog())
        .work.with({ data: 'x'.repeat(3000) })
        .send(2)
    const [first, second, third] = [send(), send(), failed(send())]
    expect(await third).toMatchObject({ code: 'Overloaded', executed: 'no' })
    await Promise.all([first, second])
    await h.advance(100)
    expect(h.router.view.info().droppedCalls).toBe(3)
    await send()
  })

  test('keeps its place among the calls of its caller', async () => {
    await using h = harness()
    const seen: number[] = []
    const client = await h.client('kennel')
    await client.expose(dog(), { work: async (n) => (seen.push(n), '') })
    const caller = await h.client('caller')
    const { work } = caller.remote(dog())
    const calls = [work(1), work.send(2), work(3), work.async(4), work.send(5), work(6)]
    await h.until(Promise.all(calls))
    await h.advance(10)
    expect(seen).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('of eight megabytes arrives whole', async () => {
    await using h = harness()
    const seen: number[] = []
    const store = service<{ put(text: string): void }>('Store@1.0.0', { put: {} })
    const client = await h.client('kennel')
    await client.expose(store, { put: (text) => void seen.push(text.length) })
    const caller = await h.client('caller')
    const length = 7 * 1024 * 1024
    await h.until(Promise.all([1, 2].map(() => caller.remote(store).put.send('x'.repeat(length)))))
    await h.advance(1000)
    expect(seen).toEqual([length, length])
  })

  test('goes on when its caller has left', async () => {
    await using h = harness()
    const ran: number[] = []
    const client = await h.client('kennel')
    await client.expose(dog(1), { work: async (n) => (await h.processOf(client).sleep(100), ran.push(n), '') })
    const caller = await h.client('caller')
    for (const n of [1, 2, 3]) await h.until(caller.remote(dog()).work.send(n))
    await h.advance(10)
    h.kill(caller)
    await h.advance(5000)
    expect(ran).toEqual([1, 2, 3])
  })

  test('takes its turn and its place like any other', async () => {
    await using h = harness()
    await worker(h, 'a', 100, 1)
    const caller = await h.client('caller')
    for (const n of [1, 2]) await caller.remote(dog()).work.with({ orderKey: 'k' }).send(n)
    const started = h.world.nowMs
    expect(await h.until(caller.remote(dog()).work.with({ orderKey: 'k' })(3))).toBe('a')
    expect(h.world.nowMs - started).toBeGreaterThanOrEqual(300)
  })
})
