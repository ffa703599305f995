/** Streams whose reader does not read: its producer waits for it, and nobody else does. */
import { service, type Client } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'

interface Spring {
  water(bytes: number): AsyncGenerator<string>
  drink(water: AsyncIterable<string>): Promise<number>
  echo(value: number): number
}

const spring = service<Spring>('Spring@1.0.0', { water: {}, drink: {}, echo: {} })

async function stage(h: Harness) {
  const worker = await h.until(h.client('worker'))
  const seen = { made: 0 }
  await h.until(
    worker.expose(spring, {
      async *water(bytes) {
        for (;;) {
          seen.made++
          yield 'w'.repeat(bytes)
        }
      },
      async drink(water) {
        let count = 0
        for await (const _item of water) count++
        return count
      },
      echo: (value) => value,
    }),
  )
  return { worker, seen }
}

/** Until the call has its result, in virtual milliseconds. */
async function took(h: Harness, client: Client): Promise<number> {
  const startMs = h.world.nowMs
  expect(await h.until(client.remote(spring).echo(1), 60_000)).toBe(1)
  return h.world.nowMs - startMs
}

describe('a reader that has stopped', () => {
  test.each([1, 4, 40])('with %i streams slows their producer only: calls of others to the same one go on', async (count) => {
    await using h = harness({ latencyMs: 5 })
    const { seen } = await stage(h)
    const stopped = await h.until(h.client('stopped'))
    const other = await h.until(h.client('other'))
    const ends = Array.from({ length: count }, () =>
      Promise.resolve(stopped.remote(spring).water(10_000)).then(
        () => 'result',
        ({ code }: { code: string }) => code,
      ),
    )
    // As by SIGSTOP, when the calls have reached the router: from now on it neither reads nor acknowledges.
    await h.advance(6)
    h.network.silence(h.processOf(stopped), 'both')
    await h.advance(50)
    for (let n = 0; n < 20; n++) expect(await took(h, other)).toBeLessThan(60)
    // 256 KiB for each, and no more.
    if (count < 10) expect(seen.made).toBeGreaterThan(count * 25)
    expect(seen.made).toBeLessThanOrEqual(count * 28)
    await h.advance(120_000)
    expect(new Set(await Promise.all(ends))).toEqual(new Set(['result']))
  })
})

describe('what a caller that goes on holds', () => {
  test('of an ended stream is its rest, and nothing of its call', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    await using h = harness()
    const { worker } = await stage(h)
    const caller = await h.client('caller')
    const kept: AsyncGenerator<string>[] = []
    const watched: WeakRef<object>[] = []
    for (let n = 0; n < 20; n++) {
      await (async () => {
        const call = caller.remote(spring).water(1)
        const stream = await call
        watched.push(new WeakRef(call))
        for (let item = 0; item < 3; item++) await stream.next()
        await call.cancel()
        await h.advance(1000)
        kept.push(stream)
      })()
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
    collect()
    await new Promise((resolve) => setTimeout(resolve, 20))
    collect()
    // The last one may still stand in somebody's registers.
    expect(watched.filter((call) => call.deref() !== undefined).length).toBeLessThanOrEqual(1)
    expect(worker.pending.incoming + caller.pending.outgoing).toBe(0)
    await expect(kept[0]!.next()).resolves.toMatchObject({ done: false })
  })
})
