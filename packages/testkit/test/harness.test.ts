/** The harness itself: it carries calls, its time is virtual, and its disposal finds what was left behind. */
import { service, type Client } from '@waybill/client'
import { harness, realHarness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Dog {
  bark(times: number): string
  sleep(): Promise<void>
}
const dog = service<Dog>('Dog@1.0.0', { bark: {}, sleep: {} })

async function kennel(h: Harness): Promise<Client> {
  const worker = await h.client('kennel')
  await worker.expose(dog, { bark: (times) => 'wau'.repeat(times), sleep: () => h.processOf(worker).sleep(1000) })
  return worker
}

describe('in memory', () => {
  test('a call needs no time', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    expect(await caller.remote(dog).bark(2)).toBe('wauwau')
    expect(h.world.nowMs).toBe(0)
  })

  test('a timer needs an advance', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    let woken = false
    const sleeping = caller
      .remote(dog)
      .sleep()
      .then(() => (woken = true))
    await h.advance(999)
    expect(woken).toBe(false)
    await h.advance(1)
    await sleeping
    expect(woken).toBe(true)
  })

  test('with latency, time passes', async () => {
    await using h = harness({ latencyMs: 5 })
    const worker = await h.client('kennel')
    await h.until(worker.expose(dog, { bark: (times) => 'wau'.repeat(times), sleep: () => Promise.resolve() }))
    const caller = await h.client('caller')
    const before = h.world.nowMs
    expect(await h.until(caller.remote(dog).bark(1))).toBe('wau')
    expect(h.world.nowMs - before).toBe(20)
  })

  test('a call that is left pending fails the disposal', async () => {
    const h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    void caller
      .remote(dog)
      .sleep()
      .catch(() => {})
    await h.advance(0)
    await expect(h[Symbol.asyncDispose]()).rejects.toThrow('caller has 1 calls out')
  })

  test('a timer that is left set fails the disposal', async () => {
    const h = harness()
    const client = await h.client('caller')
    h.processOf(client).clock.timer(1e9, () => {})
    await expect(h[Symbol.asyncDispose]()).rejects.toThrow('caller has 1 timers')
  })

  test('a router that is killed comes back with a higher epoch', async () => {
    await using h = harness()
    await kennel(h)
    const caller = await h.client('caller')
    const before = await h.until(caller.remote<{ info(): { epoch: number } }>('waybill.Router').info())
    await h.restartRouter(500)
    await h.advance(5000)
    const after = await h.until(caller.remote<{ info(): { epoch: number } }>('waybill.Router').info())
    expect(after.epoch).toBeGreaterThan(before.epoch)
    expect(await caller.remote(dog).bark(1)).toBe('wau')
  })
})

describe('over real sockets', () => {
  test('a call goes through and no handle is left', async () => {
    await using h = await realHarness()
    const worker = await h.client('kennel')
    await worker.expose(dog, { bark: (times) => 'wau'.repeat(times), sleep: () => Promise.resolve() })
    const caller = await h.client('caller')
    expect(await caller.remote(dog).bark(2)).toBe('wauwau')
  })

  test('a socket that is left open fails the disposal', async () => {
    const h = await realHarness()
    const other = await realHarness()
    await expect(h[Symbol.asyncDispose]()).rejects.toThrow('left behind')
    await other[Symbol.asyncDispose]()
  })
})
