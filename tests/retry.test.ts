/** Another attempt where the caller asks for it: when there is one and when there must not be, how long it waits, and what is said of a call after several. */
import { currentCall, service, WaybillError, type Client } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Shop {
  /** May run more than once. */
  stock(article: string): Promise<string>
  /** May not. */
  order(article: string): Promise<string>
  busy(): Promise<string>
}

const shop = service<Shop>('Shop@1.2.0', { stock: { idempotent: true }, order: {}, busy: {} })

/** Counts the calls that reach the router. */
class Counted {
  calls = 0
  readonly router = {
    authorize: (_principal: string, action: string, { service }: { readonly service?: string }): boolean => {
      if (action === 'call' && service === 'Shop') this.calls++
      return true
    },
  }
}

/** What ran, by the client that ran it. */
type Log = string[]

/** A worker whose methods are quick, or end when they are told to. */
async function open(h: Harness, name: string, log: Log, isQuick = false): Promise<Client> {
  const worker = await h.client(name, { onIncident: () => {} })
  const run = (what: string) => async (): Promise<string> => {
    log.push(`${name} ${what}`)
    const { signal } = currentCall()
    if (!isQuick) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return name
  }
  const busy = (): never => {
    log.push(`${name} busy`)
    throw new WaybillError('Overloaded', 'not now', { executed: 'no' })
  }
  await worker.expose(shop, { stock: run('stock'), order: run('order'), busy })
  return worker
}

function failed(call: Promise<unknown>): Promise<WaybillError> {
  return call.then(
    () => expect.unreachable(),
    (error: WaybillError) => error,
  )
}

function failure(h: Harness, call: Promise<unknown>): Promise<WaybillError> {
  return h.until(failed(call))
}

describe('a call that certainly did not run', () => {
  test('is made again until somebody is there, under the same number, with pauses that grow', async () => {
    const counted = new Counted()
    await using h = harness(counted)
    const caller = await h.client('caller')
    const log: Log = []
    const prepared = caller.remote<Shop>('Shop', { retry: 8 }).order.prepare('bone')
    const call = prepared.fire()
    await h.advance(100)
    expect([counted.calls, caller.pending.outgoing]).toEqual([2, 1])
    await h.advance(1500)
    // 100, 200, 400, 800 ms at most, each by chance between nothing and that.
    const attempts = counted.calls
    expect(attempts).toBeGreaterThan(3)
    expect(attempts).toBeLessThan(8)
    await open(h, 'kennel', log, true)
    expect([await h.until(call), call.sn, log]).toEqual(['kennel', prepared.sn, ['kennel order']])
  })

  test('without the option it fails at once, and with it after so many attempts', async () => {
    const counted = new Counted()
    await using h = harness(counted)
    const { order } = (await h.client('caller')).remote<Shop>('Shop')
    expect(await failure(h, order('bone'))).toMatchObject({ code: 'NoSuchService', executed: 'no' })
    expect(counted.calls).toBe(1)
    expect(await failure(h, order.with({ retry: 2 })('bone'))).toMatchObject({ code: 'NoSuchService', executed: 'no' })
    expect(counted.calls).toBe(4)
  })

  test('is not made again past its deadline, and a cancel ends the pause', async () => {
    await using h = harness()
    const { order } = (await h.client('caller')).remote<Shop>('Shop', { retry: 100 })
    const beganMs = h.world.nowMs
    expect(await failure(h, order.with({ deadline: '2s' })('bone'))).toMatchObject({ code: 'NoSuchService' })
    expect(h.world.nowMs - beganMs).toBeLessThan(2000)
    const call = order('bone')
    await h.advance(2000)
    await call.cancel()
    expect(await failure(h, call)).toMatchObject({ code: 'Cancelled', executed: 'no' })
  })

  test('is not made again where that cannot help', async () => {
    const counted = new Counted()
    await using h = harness(counted)
    const log: Log = []
    await open(h, 'kennel', log)
    const there = (await h.client('caller')).remote<Shop & { none(): void }>('Shop', { retry: 5 })
    expect(await failure(h, there.none())).toMatchObject({ code: 'NoSuchMethod' })
    expect(await failure(h, there.order.with({ on: 'nobody', ttl: '1s' })('bone'))).toMatchObject({ code: 'Expired' })
    // The method's own word: it ran.
    expect(await failure(h, there.busy())).toMatchObject({ code: 'RemoteException', executed: 'yes' })
    expect([counted.calls, log]).toEqual([3, ['kennel busy']])
  })

  test('a number that is none is refused', async () => {
    await using h = harness()
    const { order } = (await h.client('caller')).remote<Shop>('Shop')
    for (const retry of [-1, 0.5, 101, Number.NaN, '3' as never])
      expect(() => order.with({ retry })).toThrow(expect.objectContaining({ code: 'BadAddress' }) as Error)
  })
})

describe('a call that may have run', () => {
  test('and may run twice, as its callee declared, goes to another one when its worker dies', async () => {
    await using h = harness()
    const log: Log = []
    const first = await open(h, 'first', log)
    const caller = await h.client('caller')
    const call = caller.remote<Shop>('Shop', { retry: 3 }).stock('bone')
    await h.advance(10)
    h.kill(first)
    await open(h, 'second', log, true)
    expect(await h.until(call)).toBe('second')
    expect(log).toEqual(['first stock', 'second stock'])
  })

  test('and may not run twice is never made again', async () => {
    await using h = harness()
    const log: Log = []
    const first = await open(h, 'first', log)
    await open(h, 'second', log, true)
    const caller = await h.client('caller')
    // Also where the caller believes otherwise: it is the callee's to declare, and the router says what that was.
    const call = caller.remote<Shop>('Shop', { retry: 3, on: 'first' }).order('bone')
    await h.advance(10)
    h.kill(first)
    expect(await failure(h, call)).toMatchObject({ code: 'WorkerLost', executed: 'maybe', details: undefined })
    await h.advance(60_000)
    expect(log).toEqual(['first order'])
  })

  test('survives the router where its definition says that it may run twice', async () => {
    await using h = harness()
    const log: Log = []
    await open(h, 'kennel', log)
    const caller = await h.client('caller')
    const declared = caller.remote(shop, { retry: 5 })
    const calls = [declared.stock('bone'), declared.order('bone'), caller.remote<Shop>('Shop', { retry: 5 }).stock('bone')]
    const others = [declared.stock.with({ version: '*' })('bone')]
    const lost = [...calls.slice(1), ...others].map(failed)
    await h.advance(10)
    expect(log).toHaveLength(4)
    await h.restartRouter()
    for (const error of await h.until(Promise.all(lost))) expect(error).toMatchObject({ code: 'RouterLost', executed: 'maybe' })
    await h.advance(10_000)
    expect(log.slice(4)).toEqual(['kennel stock'])
    await calls[0]!.cancel()
    expect(await h.until(calls[0]!)).toBe('kennel')
  })

  test('is told by a router that closes in order whether it may run twice', async () => {
    await using h = harness()
    const log: Log = []
    await open(h, 'kennel', log)
    const there = (await h.client('caller')).remote<Shop>('Shop', { retry: 5 })
    const stock = there.stock('bone')
    const order = failed(there.order('bone'))
    await h.advance(10)
    h.router.close()
    expect(await h.until(order)).toMatchObject({ code: 'RouterLost', executed: 'maybe' })
    await h.restartRouter()
    await h.advance(10_000)
    expect(log).toEqual(['kennel stock', 'kennel order', 'kennel stock'])
    await stock.cancel()
    expect(await h.until(stock)).toBe('kennel')
  })

  test('never ends as if it certainly had not: not when nobody is left, not when it is cancelled while it waits', async () => {
    await using h = harness()
    const log: Log = []
    const first = await open(h, 'first', log)
    const { stock } = (await h.client('caller')).remote<Shop>('Shop')
    const few = stock.with({ retry: 2 })('bone')
    const many = stock.with({ retry: 100 })('bone')
    await h.advance(10)
    h.kill(first)
    expect(await failure(h, few)).toMatchObject({
      code: 'WorkerLost',
      executed: 'maybe',
      message: expect.stringContaining('Shop') as string,
    })
    await many.cancel()
    expect(await failure(h, many)).toMatchObject({ code: 'Cancelled', executed: 'maybe' })
  })

  test('ends when its client does', async () => {
    await using h = harness()
    const first = await open(h, 'first', [])
    const caller = await h.client('caller')
    const call = caller.remote<Shop>('Shop', { retry: 100 }).stock('bone')
    await h.advance(10)
    h.kill(first)
    await h.advance(1000)
    const closing = caller.close({ drainMs: 0 })
    expect(await failure(h, call)).toMatchObject({ code: 'Closed', executed: 'maybe' })
    await h.until(closing)
  })
})

test('its timeout begins anew with each attempt', async () => {
  await using h = harness()
  const { order } = (await h.client('caller')).remote<Shop>('Shop')
  const call = order.with({ retry: 12, timeout: 500 })('bone')
  await h.advance(8000)
  // Some pause was longer than that.
  expect(await failure(h, call)).toMatchObject({ code: 'NoSuchService' })
})

test('what takes a stream with it, or gives one, is begun once', async () => {
  await using h = harness()
  interface Nose {
    smells(): AsyncGenerator<string>
    total(numbers: AsyncIterable<number>): Promise<number>
  }
  const nose = service<Nose>('Nose@1.0.0', { smells: { idempotent: true }, total: { idempotent: true } })
  const dog = await h.client('dog')
  let runs = 0
  await dog.expose(nose, {
    async *smells() {
      runs++
      yield 'grass'
      await new Promise(() => {})
    },
    async total(numbers) {
      runs++
      for await (const _ of numbers);
      return 1
    },
  })
  const there = (await h.client('caller')).remote(nose, { retry: 5 })
  const stream = await h.until(there.smells())
  await stream.next()
  async function* endless(): AsyncGenerator<number> {
    yield 1
    await new Promise(() => {})
  }
  const ends = Promise.all([failed(there.total(endless())), failed(stream.next())])
  await h.advance(10)
  h.kill(dog)
  expect((await h.until(ends)).map(({ code }) => code)).toEqual(['WorkerLost', 'WorkerLost'])
  expect(runs).toBe(2)
})
