/** The cancel of a stored call that somebody has: told when it is safe, also to who was away, so that every start of the router knows what its callee's word means. */
import { currentCall, service, type Client } from '@waybill/client'
import { harness, Paper, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Dog {
  walk(ms: number): Promise<string>
}
const dog = service<Dog>('Dog@1.0.0', { walk: {} }, { concurrency: 1 })

async function kennel(h: Harness): Promise<{ client: Client; ran: string[] }> {
  const client = await h.client('kennel', { onIncident: () => {} })
  const ran: string[] = []
  const walk = async (ms: number): Promise<string> => {
    const { signal } = currentCall()
    ran.push(`begin ${ms}`)
    signal.addEventListener('abort', () => ran.push(`abort ${ms}`))
    await h.processOf(client).sleep(ms)
    signal.throwIfAborted()
    return `walked ${ms}`
  }
  await h.until(client.expose(dog, { walk }))
  return { client, ran }
}

describe('a router that dies before a cancel is safe', () => {
  test('has not told its callee, so that a later start takes nothing for a failure', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 100 }) })
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(2000))
    await h.advance(150)
    expect(ran).toEqual(['begin 2000'])
    receipt.cancel().catch(() => {})
    await h.advance(50)
    await h.restartRouter(100)
    expect(await h.until(receipt.result())).toBe('walked 2000')
    expect(ran).toEqual(['begin 2000'])
    expect(await h.until(caller.receipts())).toMatchObject([{ state: 'succeeded' }])
  })

  test('but is told it where that was safe, whichever start hears of the end', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 100 }) })
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(400))
    await h.advance(150)
    await h.until(receipt.cancel())
    expect(ran).toEqual(['begin 400', 'abort 400'])
    await h.advance(260)
    await h.restartRouter(100)
    await expect(h.until(receipt.result())).rejects.toMatchObject({ code: 'Cancelled', executed: 'maybe' })
    expect(await h.until(caller.receipts())).toMatchObject([{ state: 'cancelled' }])
  })
})

test('who was away is told when it is back', async () => {
  await using h = harness()
  const { client, ran } = await kennel(h)
  const caller = await h.client('caller')
  const receipt = await h.until(caller.remote(dog).walk.async(10_000))
  await h.advance(100)
  h.network.isolate('kennel', 'reset')
  h.network.cut(h.processOf(client))
  await h.advance(3000)
  await h.until(receipt.cancel())
  h.network.isolate('kennel', undefined)
  await h.advance(1500)
  expect(ran).toEqual(['begin 10000', 'abort 10000'])
  await expect(h.until(receipt.result())).rejects.toMatchObject({ code: 'Cancelled', executed: 'maybe' })
  expect(await h.until(caller.receipts())).toMatchObject([{ state: 'cancelled' }])
  await h.advance(10_000)
})
