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

describe('who is told of a call that another one made', () => {
  test('is told once, whichever start of the router knows of it', async () => {
    await using h = harness({ paper: new Paper() })
    await kennel(h)
    const caller = await h.client('caller')
    const told: string[] = []
    const listening = async (): Promise<Client> => {
      const client = await h.client('told')
      client.onPostback({ result: (value) => void told.push(String(value)) })
      return client
    }
    const first = await listening()
    await h.until(caller.remote(dog).walk.callback({ replyto: 'told' }, 10))
    await h.advance(100)
    expect(told).toEqual(['kennel 10'])
    h.kill(first)
    await h.restartRouter(100)
    await listening()
    await h.advance(1000)
    expect(told).toEqual(['kennel 10'])
  })

  test('is told when it comes, in the order in which the outcomes came about', async () => {
    await using h = harness({ paper: new Paper() })
    await kennel(h)
    const caller = await h.client('caller')
    const away = await h.client('told')
    const { walk } = caller.remote(dog)
    await h.until(walk.callback({ replyto: 'told' }, 300))
    await h.until(walk.callback({ replyto: 'told' }, 200))
    h.kill(away)
    await h.advance(1000)
    await h.restartRouter(100)
    await h.until(walk.callback({ replyto: 'told' }, 1))
    await h.advance(1000)
    const told: string[] = []
    const back = await h.client('told')
    back.onPostback({ result: (value) => void told.push(String(value)) })
    await h.advance(1000)
    expect(told).toEqual(['kennel 200', 'kennel 300', 'kennel 1'])
  })
})

test('who comes back is told in order, however long it takes to find what it is told', async () => {
  // What was written first takes longest.
  await using h = harness({ paper: new Paper({ readMs: (line) => Math.max(0, 500 - 10 * line) }) })
  await kennel(h)
  const caller = await h.client('caller')
  h.kill(await h.client('told'))
  const { walk } = caller.remote(dog)
  for (const ms of [1, 2, 3]) {
    await h.until(walk.callback({ replyto: 'told' }, ms))
    await h.advance(1000)
  }
  const told: string[] = []
  const back = await h.client('told')
  back.onPostback({ result: (value) => void told.push(String(value)) })
  await h.advance(1000)
  expect(told).toEqual(['kennel 1', 'kennel 2', 'kennel 3'])
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

  test('has not left, so another one has it where its callee is lost meanwhile', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 2000 }) })
    const first = await kennel(h, 'first')
    const caller = await h.client('caller')
    const storing = caller.remote(dog).walk.async(10)
    await h.advance(500)
    h.kill(first.client)
    await h.advance(1500)
    const { ran } = await kennel(h, 'second')
    const receipt = await h.until(storing, 20_000)
    expect(await h.until(receipt.result(), 60_000)).toBe('second 10')
    expect([first.ran, ran]).toEqual([[], ['begin walk 10', 'end walk 10']])
  })

  test('does not leave for a link that has gone meanwhile, so that nobody has had it', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 100 }) })
    const { client, ran } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = caller.remote(dog).walk.with({ ttl: '500ms' }).async(10)
    await h.advance(50)
    h.network.isolate('kennel', 'reset')
    h.network.cut(h.processOf(client))
    await expect(h.until((await h.until(receipt)).result())).rejects.toMatchObject({ code: 'Expired', executed: 'no' })
    h.network.isolate('kennel', undefined)
    await h.advance(3000)
    expect(ran).toEqual([])
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
    paper.failing = 'keeps'
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
    paper.failing = undefined
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
    paper.failing = 'loses'
    await expect(h.until(receipt.result())).rejects.toMatchObject({ code: 'Damaged', executed: 'maybe' })
    paper.failing = undefined
    await h.restartRouter(100)
    const other = await h.client('other')
    expect(await h.until(other.receipt(receipt.sn).result())).toBe('kennel 100')
  })
})

describe('a router that can write nothing more', () => {
  test('does not let a callee forget what is safe only there', async () => {
    const paper = new Paper()
    await using h = harness({ paper })
    const { client, ran } = await kennel(h)
    const caller = await h.client('caller')
    const receipt = await h.until(caller.remote(dog).walk.async(100))
    const other = await h.until(caller.remote(dog).walk.async(2000))
    await h.advance(50)
    paper.failing = 'loses'
    await expect(h.until(receipt.result())).rejects.toMatchObject({ code: 'Damaged' })
    h.network.isolate('kennel', 'reset')
    h.network.cut(h.processOf(client))
    await h.advance(1500)
    h.network.isolate('kennel', undefined)
    await h.advance(5000)
    paper.failing = undefined
    await h.restartRouter(100)
    const later = await h.client('later')
    expect(await h.until(Promise.all([receipt, other].map(({ sn }) => later.receipt(sn).result())))).toEqual(['kennel 100', 'kennel 2000'])
    expect(ran).toEqual(['begin walk 100', 'begin walk 2000', 'end walk 100', 'end walk 2000'])
  })

  test('does not end the session of who says something that cannot be written', async () => {
    const paper = new Paper()
    await using h = harness({ paper, latencyMs: 20 })
    const { client, ran } = await kennel(h)
    const caller = await h.client('caller')
    const statuses: string[] = []
    client.onStatus(({ kind }) => statuses.push(kind))
    const first = caller.remote(dog).walk.async(500)
    await h.advance(10)
    const second = caller.remote(dog).walk.async(500)
    await h.advance(35)
    // Both have left. What their callee says of the first one is what cannot be written, and of the second one what is not even tried.
    paper.failing = 'keeps'
    await h.advance(200)
    expect(await h.until(caller.remote(dog).walk(1))).toBe('kennel 1')
    expect(statuses).toEqual([])
    paper.failing = undefined
    await h.restartRouter(100)
    const later = await h.client('later')
    const receipts = await h.until(Promise.all([first, second]))
    expect(await h.until(Promise.all(receipts.map(({ sn }) => later.receipt(sn).result())))).toEqual(['kennel 500', 'kennel 500'])
    expect(ran.filter((line) => line === 'begin walk 500')).toHaveLength(2)
  })
})

test('a full disk takes no call, and has room for the outcomes of those that it has', async () => {
  const paper = new Paper()
  await using h = harness({ paper })
  await kennel(h)
  const caller = await h.client('caller')
  const receipt = await h.until(caller.remote(dog).walk.async(100))
  paper.isFull = true
  await expect(h.until(caller.remote(dog).walk.async(1))).rejects.toMatchObject({ code: 'Overloaded', executed: 'no' })
  expect(await h.until(receipt.result())).toBe('kennel 100')
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
