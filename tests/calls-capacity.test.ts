/** How many calls run at once: what a callee declares is never exceeded, what finds no room waits, and what finds no place to wait comes again. */
import { service, type Client, type WaybillError } from '@waybill/client'
import type { MethodConditions, ServiceTerms } from '@waybill/core'
import type { Limits } from '@waybill/server'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Work {
  run(ms: number): Promise<number>
  quick(n: number): number
}

class Gauge {
  running = 0
  most = 0
  total = 0
  order: number[] = []
  enter(): void {
    this.total++
    this.most = Math.max(this.most, ++this.running)
  }
  leave(): void {
    this.running--
  }
}

async function offer(
  h: Harness,
  client: Client,
  gauge: Gauge,
  terms: { method?: MethodConditions; service?: Omit<ServiceTerms, 'name' | 'version'> },
): Promise<void> {
  await client.expose(service<Work>('Work@1.0.0', { run: terms.method ?? {}, quick: terms.method ?? {} }, terms.service), {
    run: async (ms) => {
      gauge.enter()
      if (gauge.running > (terms.method?.concurrency ?? terms.service?.concurrency ?? Infinity)) throw new Error('too many at once')
      await h.processOf(client).sleep(ms)
      gauge.leave()
      return ms
    },
    quick: (n) => {
      gauge.order.push(n)
      return n
    },
  })
}

describe('what the callee declares', () => {
  const places: readonly [string, Parameters<typeof offer>[3]][] = [
    ['a method', { method: { concurrency: 3 } }],
    ['a service', { service: { concurrency: 3 } }],
    ['both', { method: { concurrency: 3 }, service: { concurrency: 5 } }],
  ]
  test.each(places)('for %s is never exceeded and always used', async (_what, terms) => {
    await using h = harness()
    const gauge = new Gauge()
    const worker = await h.client('worker')
    await offer(h, worker, gauge, terms)
    const callers = [await h.client('one'), await h.client('two')]
    const calls = Array.from({ length: 30 }, (_, at) => callers[at % 2]!.remote<Work>('Work').run(10 + (at % 7)))
    expect(await h.until(Promise.all(calls))).toHaveLength(30)
    expect([gauge.most, gauge.running, gauge.total]).toEqual([3, 0, 30])
  })

  test('counts a cancelled method until it ends', async () => {
    await using h = harness()
    const gauge = new Gauge()
    const worker = await h.client('worker')
    await offer(h, worker, gauge, { service: { concurrency: 2 } })
    const caller = await h.client('caller')
    const { run } = caller.remote<Work>('Work')
    const stubborn = [run(3000), run(3000)]
    await h.advance(10)
    for (const call of stubborn) {
      call.catch(() => {})
      await call.cancel()
    }
    const next = [run(10), run(10), run(10)]
    await h.advance(2000)
    expect([gauge.running, gauge.total]).toEqual([2, 2])
    await h.until(Promise.all(next))
    expect(gauge.most).toBe(2)
  })

  test('two instances share the work', async () => {
    await using h = harness()
    const gauges = [new Gauge(), new Gauge()]
    for (const [at, gauge] of gauges.entries()) await offer(h, await h.client(`worker${at}`), gauge, { service: { concurrency: 1 } })
    const caller = await h.client('caller')
    const calls = Array.from({ length: 20 }, () => caller.remote<Work>('Work').run(10))
    await h.until(Promise.all(calls))
    expect(gauges.map(({ most, total }) => [most, total])).toEqual([
      [1, 10],
      [1, 10],
    ])
  })

  test('many quick calls behind a slow one do not pile up on the stack, and keep their order', async () => {
    await using h = harness()
    const gauge = new Gauge()
    const worker = await h.client('worker')
    let slow = true
    await worker.expose(service<Work>('Work@1.0.0', { quick: { concurrency: 1 } }), {
      quick: (n: number) => {
        gauge.order.push(n)
        if (!slow) return n
        slow = false
        return h
          .processOf(worker)
          .sleep(50)
          .then(() => n)
      },
    } as unknown as Work)
    const caller = await h.client('caller')
    const calls = Array.from({ length: 5000 }, (_, n) => caller.remote<Work>('Work').quick(n))
    const answers = await h.until(Promise.all(calls))
    expect(answers).toEqual(Array.from({ length: 5000 }, (_, n) => n))
    expect(gauge.order).toEqual(answers)
  })
})

describe('no room', () => {
  async function crowded(limits: Partial<Limits>): Promise<{ h: Harness; caller: Client; gauge: Gauge }> {
    const h = harness({ router: { limits } })
    const gauge = new Gauge()
    await offer(h, await h.client('worker'), gauge, { service: { concurrency: 1 } })
    return { h, caller: await h.client('caller'), gauge }
  }

  test('waits in the order of arrival', async () => {
    const { h, caller, gauge } = await crowded({})
    await using _ = h
    const { run, quick } = caller.remote<Work>('Work')
    const first = run(100)
    const rest = Array.from({ length: 50 }, (_, n) => quick(n))
    await h.advance(50)
    expect(h.router.load.heldCalls).toBe(50)
    expect(gauge.order).toEqual([])
    await h.until(Promise.all([first, ...rest]))
    expect(gauge.order).toEqual(Array.from({ length: 50 }, (_, n) => n))
  })

  test('nor a place to wait: the call comes again by itself, and runs once', async () => {
    const { h, caller, gauge } = await crowded({ maxQueuedCalls: 2 })
    await using _ = h
    const { run } = caller.remote<Work>('Work')
    const calls = Array.from({ length: 10 }, () => run(50))
    expect(await h.until(Promise.all(calls))).toHaveLength(10)
    expect([gauge.total, gauge.most]).toEqual([10, 1])
  })

  test('until the deadline: Overloaded or DeadlineExceeded, and never executed', async () => {
    const { h, caller, gauge } = await crowded({ maxQueuedCalls: 1 })
    await using _ = h
    const first = caller.remote<Work>('Work').run(10_000)
    await h.advance(1)
    const late = Array.from({ length: 5 }, () => caller.remote<Work>('Work', { deadline: 500 }).run(1))
    const errors = (await h.until(Promise.all(late.map((call) => call.then(undefined, (error: unknown) => error))))) as WaybillError[]
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['Overloaded', 'DeadlineExceeded']))
    expect(errors.every(({ executed }) => executed === 'no')).toBe(true)
    expect(h.world.nowMs).toBeLessThan(1000)
    await h.until(first)
    await h.advance(1000)
    expect(gauge.total).toBe(1)
  })

  test('a large body that is refused in its middle comes again whole', async () => {
    const { h, caller, gauge } = await crowded({ maxQueuedCalls: 1, maxQueuedBytes: 300 * 1024 })
    await using _ = h
    const { run } = caller.remote<Work & { run(ms: number, load?: Uint8Array): Promise<number> }>('Work')
    const load = new Uint8Array(2 * 1024 * 1024)
    const calls = Array.from({ length: 6 }, () => run(20, load))
    expect(await h.until(Promise.all(calls))).toHaveLength(6)
    expect(gauge.total).toBe(6)
    expect(caller.isConnected).toBe(true)
  })

  test('a caller may give up while its call rests', async () => {
    const { h, caller, gauge } = await crowded({ maxQueuedCalls: 1 })
    await using _ = h
    const { run } = caller.remote<Work>('Work')
    const first = run(1000)
    const second = run(1)
    const third = run(1)
    await h.advance(20)
    await third.cancel()
    await expect(third).rejects.toMatchObject({ code: 'Cancelled', executed: 'no' })
    await h.until(Promise.all([first, second]))
    await h.advance(1000)
    expect(gauge.total).toBe(2)
  })
})
