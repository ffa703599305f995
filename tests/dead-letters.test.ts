/** Dead letters: which stored calls become one and why, what can be done about them, and that a later start of the router knows them. */
import { currentCall, service, WaybillError, type Client } from '@waybill/client'
import { Store, type RouterApi, type RouterOptions } from '@waybill/server'
import { harness, Paper, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Dog {
  fetch(what: string): Promise<string>
  walk(km: number): Promise<string>
}
const dog = service<Dog>('Dog@1.0.0', { fetch: { idempotent: true }, walk: {} })

async function kennel(h: Harness, run: (...args: unknown[]) => Promise<string>, name = 'kennel'): Promise<Client> {
  const client = await h.client(name, { onIncident: () => {} })
  await h.until(client.expose(dog, { fetch: run, walk: run }))
  return client
}

const never = (): Promise<string> => new Promise(() => {})

/** Stored, and ended before anybody took it. */
async function expired(h: Harness, caller: Client, what = 'stick', options: object = {}): Promise<string> {
  const { sn } = await h.until(
    caller
      .remote(dog)
      .fetch.with({ ttl: '1s', ...options })
      .async(what),
  )
  await h.advance(1100)
  return sn
}

/** Expect a rejection of this code. */
async function refusal(h: Harness, promise: Promise<unknown>): Promise<WaybillError> {
  const thrown: unknown = await h.until(
    promise.then(
      () => undefined,
      (error: unknown) => error,
    ),
  )
  expect(thrown).toBeInstanceOf(WaybillError)
  return thrown as WaybillError
}

describe('a dead letter', () => {
  test('says why it is one', async () => {
    await using h = harness({ router: { limits: { maxAttempts: 2, leaseMs: 1000 } } })
    const caller = await h.client('caller')
    const { fetch, walk } = caller.remote(dog)
    await expired(h, caller)
    const first = await kennel(h, never, 'first')
    const lost = await h.until(fetch.async('ball'))
    const unknown = await h.until(walk.async(3))
    await h.advance(10)
    h.kill(first)
    const second = await kennel(h, never, 'second')
    await h.advance(20_000)
    h.kill(second)
    await h.advance(20_000)
    const third = await h.client('third')
    await h.until(third.expose(service<Pick<Dog, 'walk'>>('Dog@1.0.0', { walk: {} }), { walk: () => Promise.resolve('home') }))
    const nowhere = await h.until(fetch.async('bone'))
    await h.advance(10)
    expect(await h.until(caller.deadLetters())).toMatchObject([
      {
        sn: nowhere.sn,
        reason: 'no_method',
        state: 'rejected',
        code: 'NoSuchMethod',
        message: expect.stringMatching(/does not expose/) as string,
      },
      { sn: unknown.sn, reason: 'indeterminate', state: 'indeterminate', code: 'WorkerLost', callee: 'first' },
      { sn: lost.sn, reason: 'max_attempts', state: 'dead', attempts: 2, callee: 'second' },
      { reason: 'expired', state: 'expired', code: 'Expired', message: 'nobody took the call within its ttl', client: 'caller' },
    ])
    expect(await h.until(caller.deadLetters({ reason: 'max_attempts' }))).toHaveLength(1)
    expect(await h.until(caller.deadLetters({ method: 'walk' }))).toHaveLength(1)
  })

  test('is kept longer than other receipts, and no longer than it is', async () => {
    await using h = harness({ router: { limits: { receiptRetentionMs: 1000, deadRetentionMs: 10_000 } } })
    const caller = await h.client('caller')
    const sn = await expired(h, caller)
    await h.advance(8000)
    expect(await h.until(caller.deadLetters())).toMatchObject([{ sn }])
    await h.advance(2000)
    expect(await h.until(caller.deadLetters())).toEqual([])
  })
})

describe('redrive', () => {
  test('makes another call of it, which asks for the same with all of its time, and is noted', async () => {
    await using h = harness({ paper: new Paper() })
    const caller = await h.client('caller')
    const sn = await expired(h, caller, 'stick', { data: { group: 2 } })
    const receipt = await h.until(caller.redrive<string>(sn))
    expect(receipt.sn).not.toBe(sn)
    expect(receipt.durability).toBe('disk')
    // The ttl of the first one is over by now, and that of the second one runs.
    await h.advance(500)
    const seen: unknown[] = []
    await kennel(h, (...args) => {
      seen.push(...args, currentCall().sn)
      return Promise.resolve('fetched')
    })
    expect(await h.until(receipt.result())).toBe('fetched')
    expect(seen).toEqual(['stick', receipt.sn])
    expect(await h.until(caller.receipts({ sn: receipt.sn }))).toMatchObject([
      {
        redriveOf: sn,
        client: 'caller',
        data: { group: 2 },
        history: [{ step: 'stored' }, { step: 'handed', callee: 'kennel' }, {}, {}, { step: 'succeeded' }],
      },
    ])
    expect(await h.until(caller.deadLetters({ redriven: true }))).toMatchObject([{ sn, redrivenAs: receipt.sn }])
    expect(await h.until(caller.deadLetters({ redriven: false }))).toEqual([])
  })

  test('is done once, however often it is asked for, also at a later start', async () => {
    await using h = harness({ paper: new Paper() })
    const caller = await h.client('caller')
    const sn = await expired(h, caller)
    const [first, second] = await h.until(Promise.all([caller.redrive(sn), caller.redrive(sn)]))
    expect(second!.sn).toBe(first!.sn)
    await h.restartRouter(10)
    const other = await h.client('other')
    expect((await h.until(other.redrive(sn))).sn).toBe(first!.sn)
    const seen: unknown[] = []
    await kennel(h, (...args) => {
      seen.push(args)
      return Promise.resolve('fetched')
    })
    expect(await h.until(other.receipt(first!.sn).result())).toBe('fetched')
    expect(seen).toEqual([['stick']])
  })

  test('goes on from a call that is dead again', async () => {
    await using h = harness()
    const caller = await h.client('caller')
    const sn = await expired(h, caller)
    const again = await h.until(caller.redrive(sn))
    await h.advance(1100)
    const third = await h.until(caller.redrive(again.sn))
    expect(await h.until(caller.receipts({ sn: third.sn }))).toMatchObject([{ redriveOf: again.sn }])
    await h.advance(1100)
  })

  test('refuses what is no dead letter, or not known', async () => {
    await using h = harness()
    const caller = await h.client('caller')
    const { sn, cancel } = await (async () => {
      const receipt = await h.until(caller.remote(dog).fetch.with({ ttl: '1h' }).async('stick'))
      return { sn: receipt.sn, cancel: () => receipt.cancel() }
    })()
    expect(await refusal(h, caller.redrive(sn))).toMatchObject({
      code: 'BadArguments',
      message: expect.stringMatching(/is no dead letter: it is stored/) as string,
    })
    expect(await refusal(h, caller.redrive('018f3c1e-7a00-8dea-b6fb-bc0000000001'))).toMatchObject({ code: 'NoSuchReceipt' })
    await h.until(cancel())
    await h.advance(0)
    expect(await h.until(caller.deadLetters())).toEqual([])
  })

  test('asks for the right again, and changes nothing without it', async () => {
    let may = true
    const authorize: NonNullable<RouterOptions['authorize']> = (_, action) => may || action !== 'call'
    await using h = harness({ router: { authorize } })
    const caller = await h.client('caller')
    const sn = await expired(h, caller)
    may = false
    expect(await refusal(h, caller.redrive(sn))).toMatchObject({ code: 'Forbidden', executed: 'no' })
    expect(await h.until(caller.deadLetters({ redriven: false }))).toHaveLength(1)
    expect(h.router.load.storedCalls).toBe(0)
    may = true
    const receipt = await h.until(caller.redrive(sn))
    await h.until(receipt.cancel())
  })

  test('is safe before it is told', async () => {
    await using h = harness({ paper: new Paper({ writeMs: 100 }) })
    const caller = await h.client('caller')
    const sn = await expired(h, caller)
    await h.advance(1000)
    let told = false
    const redriving = caller.redrive(sn).then(() => (told = true))
    await h.advance(90)
    expect(told).toBe(false)
    await h.until(redriving)
    await h.until(caller.cancelReceipts({ state: 'pending' }))
    await h.advance(500)
  })
})

describe('purge', () => {
  test('forgets those that fit, at a later start too', async () => {
    await using h = harness({ paper: new Paper() })
    const caller = await h.client('caller')
    const [one, two] = [await expired(h, caller, 'a', { data: { n: 1 } }), await expired(h, caller, 'b', { data: { n: 2 } })]
    expect(await h.until(caller.purge({ data: { match: { n: 1 } } }))).toEqual([one])
    expect(await h.until(caller.deadLetters())).toMatchObject([{ sn: two }])
    await h.restartRouter(10)
    const other = await h.client('other')
    expect(await h.until(other.deadLetters())).toMatchObject([{ sn: two }])
    expect(await refusal(h, other.redrive(one))).toMatchObject({ code: 'NoSuchReceipt' })
  })

  test('wants to know which, and spares what is still owed to somebody', async () => {
    await using h = harness()
    const caller = await h.client('caller')
    expect(await refusal(h, caller.purge({}))).toMatchObject({
      code: 'BadArguments',
      message: expect.stringMatching(/say which dead letters/) as string,
    })
    expect(await refusal(h, caller.purge({ reason: 'lost' as 'expired' }))).toMatchObject({ code: 'BadArguments' })
    await h.until(caller.remote(dog).fetch.with({ ttl: '1s' }).callback({ replyto: 'clerk' }, 'stick'))
    await h.advance(1100)
    expect(await h.until(caller.purge({ reason: 'expired' }))).toEqual([])
    const clerk = await h.client('clerk')
    clerk.onPostback(() => {})
    await h.advance(10)
    expect(await h.until(caller.purge({ reason: 'expired' }))).toHaveLength(1)
  })
})

test('what waits for whom is counted, until it is taken, and a later start knows what was', async () => {
  await using h = harness({ paper: new Paper() })
  const caller = await h.client('caller')
  const mailbox = (client: Client): Promise<unknown> => h.until(client.remote<RouterApi>('waybill.Router').mailbox())
  await h.until(caller.remote(dog).fetch.with({ ttl: '1h' }).callback({ replyto: 'clerk' }, 'stick'))
  await h.advance(10)
  await h.until(caller.remote(dog, { ttl: '1h', on: 'kennel' }).walk.async(1))
  expect(await mailbox(caller)).toMatchObject([
    { waitsFor: 'Dog@^1.0.0', kind: 'calls', count: 1 },
    { waitsFor: 'kennel/Dog@^1.0.0', kind: 'calls', count: 1 },
  ])
  await kennel(h, () => Promise.resolve('done'))
  await h.advance(100)
  expect(await mailbox(caller)).toMatchObject([{ waitsFor: 'clerk', kind: 'outcomes', count: 1 }])
  const clerk = await h.client('clerk')
  const told: unknown[] = []
  clerk.onPostback({ result: (value) => told.push(value) })
  await h.advance(10)
  expect([told, await mailbox(caller)]).toEqual([['done'], []])
  h.kill(clerk)
  await h.restartRouter(10)
  const other = await h.client('clerk')
  other.onPostback({ result: (value) => told.push(value) })
  await h.advance(1000)
  expect([told, await mailbox(other)]).toEqual([['done'], []])
})

describe('dead letters of somebody else', () => {
  const tokens = { alice: 'a', bob: 'b' }

  test('are nobody’s business', async () => {
    await using h = harness({ router: { tokens } })
    const [alice, bob] = [await h.client('one', { token: 'a' }), await h.client('two', { token: 'b' })]
    const sn = await expired(h, alice)
    expect(await h.until(bob.deadLetters())).toEqual([])
    expect(await refusal(h, bob.deadLetters({ everyone: true }))).toMatchObject({ code: 'Forbidden' })
    expect(await refusal(h, bob.redrive(sn))).toMatchObject({ code: 'NoSuchReceipt' })
    expect(await refusal(h, bob.remote<RouterApi>('waybill.Router').redrive(sn, 'alice'))).toMatchObject({ code: 'Forbidden' })
    expect(await refusal(h, bob.purge({ sn, everyone: true }))).toMatchObject({ code: 'Forbidden' })
    expect(await h.until(bob.purge({ sn }))).toEqual([])
    expect(await h.until(alice.deadLetters())).toHaveLength(1)
  })

  test('are the business of whom the deployment lets operate, in their owner’s name', async () => {
    const authorize: NonNullable<RouterOptions['authorize']> = (principal, action) => action !== 'operate' || principal === 'bob'
    await using h = harness({ router: { tokens, authorize } })
    const [alice, bob] = [await h.client('one', { token: 'a' }), await h.client('two', { token: 'b' })]
    const sn = await expired(h, alice)
    expect(await h.until(bob.deadLetters({ everyone: true }))).toMatchObject([{ sn, principal: 'alice' }])
    const redriven = await h.until(bob.remote<RouterApi>('waybill.Router').redrive(sn, 'alice'))
    expect(await h.until(alice.receipts({ sn: redriven.sn }))).toMatchObject([{ redriveOf: sn, client: 'one', state: 'stored' }])
    expect(await h.until(bob.receipts())).toEqual([])
    await h.until(alice.cancelReceipts({ sn: redriven.sn }))
    expect(await h.until(bob.purge({ sn, everyone: true }))).toEqual([sn])
  })
})

test('calls that are made again go in the name of their callers, at a later start too', async () => {
  await using h = harness({ paper: new Paper() })
  const [one, two] = [await h.client('one'), await h.client('two')]
  const dead = [await expired(h, one), await expired(h, two)]
  for (const sn of dead) await h.until(one.redrive(sn))
  await h.restartRouter(10)
  const callers: string[] = []
  await kennel(h, async () => {
    callers.push(currentCall().caller.client)
    return 'fetched'
  })
  await h.advance(100)
  expect(callers).toEqual(['one', 'two'])
})

test('what waits for room is in nobody’s mailbox', async () => {
  await using h = harness()
  const caller = await h.client('caller')
  const busy = await h.client('busy', { onIncident: () => {} })
  const one = service<Dog>('Dog@1.0.0', { fetch: { idempotent: true, concurrency: 1 }, walk: {} }, { concurrency: 1 })
  const work = (): Promise<string> =>
    h
      .processOf(busy)
      .sleep(1000)
      .then(() => 'done')
  await h.until(busy.expose(one, { fetch: work, walk: work }))
  const { fetch } = caller.remote(dog)
  for (const what of ['a', 'b', 'c']) await h.until(fetch.async(what))
  await h.advance(10)
  expect(h.router.load.heldCalls).toBe(2)
  expect(await h.until(caller.remote<RouterApi>('waybill.Router').mailbox())).toEqual([])
  await h.advance(5000)
})

test('a history tells of no end before it is safe', async () => {
  await using h = harness({ paper: new Paper({ writeMs: 100 }) })
  const caller = await h.client('caller')
  await kennel(h, () => Promise.resolve('home'))
  const { sn } = await h.until(caller.remote(dog).walk.async(1))
  const seen: string[] = []
  for (let at = 0; at < 40; at++) {
    const [about] = await h.until(caller.receipts({ sn }))
    seen.push(`${about!.state} ${about!.history!.at(-1)!.step}`)
    await h.advance(10)
  }
  expect([...new Set(seen)]).toEqual(['handed handed', 'started started', 'succeeded succeeded'])
})

test('a snapshot of the store knows causes, notes of another try, and to whom it was handed', async () => {
  const paper = new Paper()
  await using h = harness({ paper })
  const caller = await h.client('caller')
  const sn = await expired(h, caller)
  const again = await h.until(caller.redrive(sn))
  await h.advance(1100)
  const { store } = paper.open(h.processOf(caller))
  const copy = new Store()
  for (const entry of store.entries()) copy.restore(entry)
  expect([...copy.live()].map(({ cause, redrivenAs, terms }) => [cause?.code, redrivenAs, terms.redriveOf])).toEqual([
    ['Expired', again.sn, undefined],
    ['Expired', undefined, sn],
  ])
  // They are found without looking at all the others.
  expect(Array.from(copy.dead(), ({ sn: one }) => one)).toEqual([again.sn, sn])
})
