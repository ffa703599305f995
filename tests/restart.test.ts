/** What a later start of the router makes of what an earlier one has promised. On paper: what is written survives the process, and nothing else. */
import { currentCall, service, type Client, type Exceptional } from '@waybill/client'
import { harness, Paper, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Dog {
  fetch(ms: number): Promise<string>
  walk(ms: number): Promise<string>
}
const dog = service<Dog>('Dog@1.0.0', { fetch: { idempotent: true }, walk: {} })

async function kennel(h: Harness, name = 'kennel'): Promise<{ client: Client; ran: string[] }> {
  const client = await h.client(name, { onIncident: () => {} })
  const ran: string[] = []
  const work = async (ms: number): Promise<string> => {
    ran.push(`begin ${currentCall().method} ${ms}`)
    await h.processOf(client).sleep(ms)
    ran.push(`end ${currentCall().method} ${ms}`)
    return `${name} ${ms}`
  }
  await h.until(client.expose(dog, { fetch: work, walk: work }))
  return { client, ran }
}

describe('a start over what an earlier one has written', () => {
  test('knows what was promised, and gives it to who comes', async () => {
    await using h = harness({ paper: new Paper() })
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.with({ ttl: '1h' }).async(10))
    expect(receipt.durability).toBe('disk')
    await h.restartRouter(100)
    const other = await h.client('other')
    expect(await h.until(other.receipts())).toMatchObject([{ sn: receipt.sn, state: 'stored', client: 'caller', method: 'walk' }])
    const { ran } = await kennel(h)
    expect(await h.until(other.receipt(receipt.sn).result())).toBe('kennel 10')
    expect(ran).toEqual(['begin walk 10', 'end walk 10'])
    expect(await h.until(other.receipts())).toMatchObject([{ state: 'succeeded', attempts: 0 }])
  })

  test('knows outcomes as they were', async () => {
    await using h = harness({ paper: new Paper() })
    await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(10))
    expect(await h.until(receipt.result())).toBe('kennel 10')
    await h.restartRouter(100)
    const other = await h.client('other')
    expect(await h.until(other.receipt(receipt.sn).result())).toBe('kennel 10')
  })

  test('keeps order, and what is cancelled cancelled', async () => {
    await using h = harness({ paper: new Paper() })
    const caller = await h.client('caller')
    const { walk } = caller.remote(dog, { ttl: '1h', orderKey: 'one' })
    const [first, second, third] = await h.until(Promise.all([walk.async(1), walk.async(2), walk.async(3)]))
    await h.until(second!.cancel())
    await h.restartRouter(100)
    const { ran } = await kennel(h)
    const other = await h.client('other')
    expect(await h.until(Promise.all([first!, third!].map(({ sn }) => other.receipt(sn).result())))).toEqual(['kennel 1', 'kennel 3'])
    expect(ran).toEqual(['begin walk 1', 'end walk 1', 'begin walk 3', 'end walk 3'])
    expect(await h.until(other.receipts({ state: 'cancelled' }))).toHaveLength(1)
  })

  test('has a new process of a worker run again what may run again, and says of the rest that nobody knows', async () => {
    await using h = harness({ paper: new Paper() })
    const first = await kennel(h)
    const caller = await h.client('caller')
    const again = await h.until(caller.remote(dog).fetch.async(5000))
    const once = await h.until(caller.remote(dog).walk.async(5000))
    await h.advance(100)
    h.kill(first.client)
    await h.restartRouter(100)
    const second = await kennel(h)
    const other = await h.client('other')
    expect(await h.until(other.receipt(again.sn).result())).toBe('kennel 5000')
    expect(second.ran).toEqual(['begin fetch 5000', 'end fetch 5000'])
    expect(await h.until(other.receipts({ sn: once.sn }))).toMatchObject([{ state: 'indeterminate' }])
  })

  test('does not wait for ever for a worker that does not come back', async () => {
    await using h = harness({ paper: new Paper(), router: { limits: { leaseMs: 5000 } } })
    const first = await kennel(h, 'gone')
    const caller = await h.client('caller')
    const again = await h.until(caller.remote(dog).fetch.async(5000))
    const once = await h.until(caller.remote(dog).walk.async(5000))
    await h.advance(100)
    h.kill(first.client)
    await h.restartRouter(100)
    await kennel(h, 'other-kennel')
    const other = await h.client('other')
    expect(await h.until(other.receipts({ state: 'pending' }))).toHaveLength(2)
    await h.advance(6000)
    expect(await h.until(other.receipts({ sn: once.sn }))).toMatchObject([{ state: 'indeterminate' }])
    expect(await h.until(other.receipt(again.sn).result())).toBe('other-kennel 5000')
  })
})

describe('what is not written', () => {
  test('was not promised, and has not left', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 100 }) })
    const { ran } = await kennel(h)
    const caller = await h.client('caller')
    let stored = false
    const receipt = caller.remote(dog).walk.async(1000)
    receipt.then(
      () => (stored = true),
      () => {},
    )
    await h.advance(90)
    expect([stored, ran]).toEqual([false, []])
    await h.advance(20)
    expect([stored, ran]).toEqual([true, ['begin walk 1000']])
    await h.advance(2000)
  })

  test('goes to another process of its callee, where the first one has gone meanwhile', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 100 }) })
    const first = await kennel(h)
    const caller = await h.client('caller')
    const receipt = caller.remote(dog).walk.async(10)
    await h.advance(50)
    const second = await kennel(h)
    expect(await h.until((await h.until(receipt)).result())).toBe('kennel 10')
    expect([first.ran, second.ran]).toEqual([[], ['begin walk 10', 'end walk 10']])
  })

  test('is an outcome that nobody was told of', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 100 }) })
    await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(10))
    let ended = false
    void receipt.result().then(() => (ended = true))
    await h.advance(50)
    expect(ended).toBe(false)
    expect(await h.until(caller.receipts({ state: 'pending' }))).toHaveLength(1)
    await h.advance(300)
    expect(ended).toBe(true)
  })
})

describe('what could not be made safe', () => {
  test('is a call of which nobody knows whether it will run, as the next start may find it', async () => {
    const paper = new Paper()
    await using h = harness({ paper })
    const caller = await h.client('caller')
    paper.isFailing = true
    const failed = await h.until(
      caller
        .remote(dog)
        .walk.with({ ttl: '1h' })
        .async(10)
        .catch((error: Exceptional) => error),
    )
    expect(failed).toMatchObject({ code: 'Damaged', executed: 'maybe' })
    // Nothing more is even tried.
    await expect(h.until(caller.remote(dog).walk.async(10))).rejects.toMatchObject({ code: 'Damaged', executed: 'no' })
    paper.isFailing = false
    await h.restartRouter(100)
    const { ran } = await kennel(h)
    await h.advance(1000)
    expect(ran).toEqual(['begin walk 10', 'end walk 10'])
  })

  test('is an outcome of which those who wait are told that nobody knows it', async () => {
    const paper = new Paper()
    await using h = harness({ paper })
    await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(100))
    await h.advance(50)
    paper.isFailing = true
    await expect(h.until(receipt.result())).rejects.toMatchObject({ code: 'Damaged', executed: 'maybe' })
    paper.isFailing = false
    await h.restartRouter(100)
    const other = await h.client('other')
    expect(await h.until(other.receipt(receipt.sn).result())).toBe('kennel 100')
  })
})

describe('a wall clock that is wrong', () => {
  test('and was put back gives no call more time than it had', async () => {
    await using h = harness({ paper: new Paper() })
    const caller = await h.client('caller')
    await h.until(caller.remote(dog).walk.with({ ttl: '10s' }).async(10))
    await h.restartRouter(100, { skewMs: -3_600_000 })
    const other = await h.client('other')
    await h.advance(9000)
    expect(await h.until(other.receipts())).toMatchObject([{ state: 'stored' }])
    await h.advance(1500)
    expect(await h.until(other.receipts())).toMatchObject([{ state: 'expired' }])
  })

  test('and was put forward ends what could have ended meanwhile', async () => {
    await using h = harness({ paper: new Paper() })
    const caller = await h.client('caller')
    await h.until(caller.remote(dog).walk.with({ ttl: '10s' }).async(10))
    await h.until(caller.remote(dog).walk.with({ ttl: '2h' }).async(10))
    await h.restartRouter(100, { skewMs: 3_600_000 })
    await h.advance(100)
    const other = await h.client('other')
    expect(await h.until(other.receipts())).toMatchObject([{ state: 'stored' }, { state: 'expired' }])
    const { ran } = await kennel(h)
    await h.advance(100)
    expect(ran).toEqual(['begin walk 10', 'end walk 10'])
  })
})
