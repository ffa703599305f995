/**
 * A second process that takes a client's name has it for good: the first is told, ends, and does not fight back. On virtual and on real
 * time.
 */
import { service } from '@waybill/client'
import { harness, realHarness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Dog {
  who(): string | Promise<string>
}
const dog = service<Dog>('Dog@1.0.0', { who: {} })

describe('on virtual time', () => {
  test('the first is told, ends, and opens nothing any more', async () => {
    await using h = harness()
    const first = await h.client('kennel')
    await first.expose(dog, { who: () => 'first' })
    const caller = await h.client('caller')
    const remote = caller.remote(dog, { on: 'kennel' })
    expect(await remote.who()).toBe('first')
    const second = await h.client('kennel')
    await second.expose(dog, { who: () => 'second' })
    expect((await first.closed)?.code).toBe('Superseded')
    await h.advance(120_000)
    expect(h.network.wiresOf(h.processOf(first))).toEqual([])
    expect(second.isConnected).toBe(true)
    expect(await remote.who()).toBe('second')
    await expect(first.remote(dog).who()).rejects.toMatchObject({ code: 'Superseded', executed: 'no' })
  })

  test('also when the first does not hear of it, and comes back after its session is forgotten', async () => {
    await using h = harness()
    const first = await h.client('kennel')
    h.network.silence(h.processOf(first), 'both')
    const second = await h.client('kennel')
    await second.expose(dog, { who: () => 'second' })
    // By now the first has found out that its link is dead, and knocks again.
    await h.advance(60_000)
    expect((await first.closed)?.code).toBe('Superseded')
    expect(second.isConnected).toBe(true)
    expect(await (await h.client('caller')).remote(dog).who()).toBe('second')
  })

  test('calls of the first that were under way end with the truth', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const ran: string[] = []
    await worker.expose(dog, {
      who: () =>
        h
          .processOf(worker)
          .sleep(1000)
          .then(() => (ran.push('once'), 'worker')),
    })
    const first = await h.client('caller')
    const call = first.remote(dog).who()
    const ended = expect(call).rejects.toMatchObject({ code: 'Superseded', executed: 'maybe' })
    await h.advance(10)
    await h.client('caller')
    await ended
    await h.advance(2000)
    expect(ran).toEqual(['once'])
  })
})

describe('over real sockets', () => {
  test('the first is told, ends, and the second stays', async () => {
    await using h = await realHarness()
    const first = await h.client('kennel', { backoff: { firstMs: 5, mostMs: 10 } })
    const second = await h.client('kennel')
    await second.expose(dog, { who: () => 'second' })
    expect((await first.closed)?.code).toBe('Superseded')
    // Several of its attempts long.
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect([first.isConnected, second.isConnected, h.router.load.sessions]).toEqual([false, true, 1])
    expect(await (await h.client('caller')).remote(dog, { on: 'kennel' }).who()).toBe('second')
  })
})
