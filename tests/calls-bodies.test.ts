/** Large bodies travel in pieces, both ways at once, between small calls, and nobody is stalled: not for long, and never for good. */
import { service, type Client } from '@waybill/client'
import { realHarness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Echo {
  echo(bytes: Uint8Array): Uint8Array
  text(text: string): string
  ping(n: number): number
}
const echo = service<Echo>('Echo@1.0.0', { echo: {}, text: {}, ping: {} })
const work: Echo = { echo: (bytes) => bytes, text: (text) => text, ping: (n) => n + 1 }

const KiB = 1024
const MiB = 1024 * KiB

function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) + seed) & 0xff
  return bytes
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0
}

describe('pieces', () => {
  test('1 to 8 MiB there and back, while small calls go on', async () => {
    await using h = await realHarness()
    const worker = await h.client('worker')
    await worker.expose(echo, work)
    const caller = await h.client('caller')
    const proxy = caller.remote(echo)
    let small = 0
    let done = false
    const pings = (async () => {
      while (!done) expect(await proxy.ping(small)).toBe(++small)
    })()
    const sizes = [MiB - 100, MiB, MiB + 1, 2 * MiB + 7, 5 * MiB, 8 * MiB - 100]
    const answers = await Promise.all(sizes.map((size, seed) => proxy.echo(pattern(size, seed))))
    done = true
    await pings
    for (const [seed, answer] of answers.entries()) expect(same(answer, pattern(sizes[seed]!, seed))).toBe(true)
    // The second would have waited for 24 MiB each way, had they not been interleaved.
    expect(small).toBeGreaterThan(3)
  })

  test('a long text and an argument among others', async () => {
    await using h = await realHarness()
    await (await h.client('worker')).expose(echo, work)
    const { text } = (await h.client('caller')).remote(echo)
    const long = 'größe 吠 😀 '.repeat(100_000)
    expect(await text(long)).toBe(long)
  })

  test('at the edges of a piece', async () => {
    await using h = await realHarness()
    await (await h.client('worker')).expose(echo, work)
    const proxy = (await h.client('caller')).remote(echo)
    for (const size of [0, 1, 256 * KiB - 1, 256 * KiB, 256 * KiB + 1, 512 * KiB, 768 * KiB + 1]) {
      expect(same(await proxy.echo(pattern(size, 3)), pattern(size, 3)), String(size)).toBe(true)
    }
  })

  test('too large: refused here before it is sent, refused there after the work', async () => {
    await using h = await realHarness()
    const worker = await h.client('worker')
    await worker.expose(service<{ grow(): Uint8Array }>('Grow@1.0.0', { grow: {} }), { grow: () => new Uint8Array(8 * MiB + 1) })
    await worker.expose(echo, work)
    const caller = await h.client('caller')
    await expect(caller.remote(echo).echo(new Uint8Array(8 * MiB + 1))).rejects.toMatchObject({ code: 'TooLarge', executed: 'no' })
    await expect(caller.remote<{ grow(): Uint8Array }>('Grow').grow()).rejects.toMatchObject({ code: 'TooLarge', executed: 'yes' })
    expect(await caller.remote(echo).ping(1)).toBe(2)
  })

  test('what the caller changes after the call does not arrive', async () => {
    await using h = await realHarness()
    await (await h.client('worker')).expose(echo, work)
    const proxy = (await h.client('caller')).remote(echo)
    const bytes = pattern(600 * KiB, 1)
    const call = proxy.echo(bytes)
    bytes.fill(0)
    expect(same(await call, pattern(600 * KiB, 1))).toBe(true)
  })
})

describe('both ways at once', () => {
  async function collide(limits: { windowBytes: number; maxOutboundBytes: number }, size: number, count: number): Promise<void> {
    await using h = await realHarness({ limits })
    const clients = [await h.client('left'), await h.client('right')] as const
    for (const client of clients) await client.expose(echo, work)
    const other = (from: Client, to: string): { echo: (bytes: Uint8Array) => Promise<Uint8Array> } =>
      from.remote(echo, { on: to, timeout: '15s' })
    const [one, two] = [other(clients[0], 'right'), other(clients[1], 'left')]
    const big = pattern(size, 1)
    const calls = Array.from({ length: count }, (_, at) => (at % 2 === 0 ? one : two).echo(big))
    for (const call of calls) expect(same(await call, big)).toBe(true)
  }

  test('two clients that overflow each other go on', () => collide({ windowBytes: 64 * KiB, maxOutboundBytes: 128 * KiB }, 600 * KiB, 24))

  test('also with the defaults', () => collide({ windowBytes: MiB, maxOutboundBytes: 8 * MiB }, 3 * MiB, 10))
})
