/** Large bodies: in pieces, both ways at once, between small calls, and nobody is stalled for good. */
import { service } from '@waybill/client'
import { realHarness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Echo {
  echo(bytes: Uint8Array): Uint8Array
  ping(n: number): number
}
const echo = service<Echo>('Echo@1.0.0', { echo: {}, ping: {} })
const work: Echo = { echo: (bytes) => bytes, ping: (n) => n + 1 }

const KiB = 1024
const MiB = 1024 * KiB

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed) & 0xff)
}

describe('both ways at once', () => {
  test('two clients that overflow each other go on', async () => {
    await using h = await realHarness({ limits: { windowBytes: 64 * KiB, maxOutboundBytes: 128 * KiB } })
    const [left, right] = [await h.client('left'), await h.client('right')]
    await left.expose(echo, work)
    await right.expose(echo, work)
    const one = left.remote(echo, { on: 'right', timeout: '20s' })
    const two = right.remote(echo, { on: 'left', timeout: '20s' })
    const big = pattern(600 * KiB, 1)
    const calls = Array.from({ length: 24 }, (_, at) => (at % 2 === 0 ? one : two).echo(big))
    for (const call of calls) expect((await call).byteLength).toBe(big.byteLength)
  })
})
