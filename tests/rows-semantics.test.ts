/** Rows of docs/rows.md about what may be done with a call besides waiting for it. Each test is named after its row. */
import { currentCall, service, type Client } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { expect, test } from 'vitest'

interface Dog {
  walk(km: number): Promise<string>
  bite(): Promise<void>
}
const dog = service<Dog>('Dog@1.2.0', { walk: {}, bite: {} })

async function kennel(h: Harness, name = 'kennel', definition = dog): Promise<{ client: Client; ran: string[] }> {
  const client = await h.client(name, { onIncident: () => {} })
  const ran: string[] = []
  await client.expose(definition, {
    walk: async (km) => {
      const call = currentCall()
      ran.push(call.sn)
      for (let completed = 1; completed <= km; completed++) {
        await h.processOf(client).sleep(1000)
        call.signal.throwIfAborted()
        call.progress({ total: km, completed })
      }
      return `home at ${name}`
    },
    bite: async () => {
      throw new RangeError('ouch')
    },
  })
  return { client, ran }
}

async function failed(promise: Promise<unknown>): Promise<{ code: string; executed: string; message: string }> {
  return promise.then(
    (value) => Promise.reject(new Error(`it gave ${JSON.stringify(value)}`)),
    (error: { code: string; executed: string; message: string }) => error,
  )
}

test('row 004-5: an object or a function is told what becomes of a call, one final word each; the receipt gives or throws it', async () => {
  await using h = harness()
  await kennel(h)
  const caller = await h.client('caller')
  const remote = caller.remote(dog)
  const object: unknown[] = []
  const one: string[] = []
  const kept = await h.until(
    remote.walk.callback(
      {
        accepted: () => object.push('accepted'),
        started: () => object.push('started'),
        progress: (progress) => object.push(progress.completed),
        result: (value) => object.push(value),
        exception: () => object.push('exception'),
        rejected: () => object.push('rejected'),
      },
      2,
    ),
  )
  const thrown = await h.until(remote.bite.callback((event) => one.push(event.kind)))
  await h.advance(10_000)
  expect(object).toEqual(['accepted', 'started', 1, 2, 'home at kennel'])
  expect(one).toEqual(['accepted', 'started', 'exception'])
  expect(await h.until(kept.result())).toBe('home at kennel')
  expect(await h.until(failed(thrown.result()))).toMatchObject({ xclass: 'RangeError', executed: 'yes' })
})

test('row 004-6: a call without an answer has its number; a prepared one has it before it is sent, and is sent once', async () => {
  await using h = harness()
  const { ran } = await kennel(h)
  const caller = await h.client('caller')
  const { sn } = await h.until(caller.remote(dog).walk.send(0))
  const prepared = caller.remote(dog).walk.prepare(0)
  await h.advance(100)
  expect(ran).toEqual([sn])
  expect(prepared.sn).not.toBe(sn)
  expect(await h.until(prepared.fire())).toBe('home at kennel')
  expect(() => prepared.fire()).toThrow(expect.objectContaining({ code: 'Rejected' }))
  await h.advance(100)
  expect(ran).toEqual([sn, prepared.sn])
})

test('row 004-7: what nobody has taken within its ttl never runs, and its caller is told', async () => {
  await using h = harness()
  const caller = await h.client('caller')
  const live = failed(caller.remote(dog).walk.with({ ttl: '2s' })(0))
  const receipt = await h.until(caller.remote(dog).walk.with({ ttl: '2s' }).async(0))
  expect(await h.until(live, 3000)).toMatchObject({ code: 'Expired', executed: 'no' })
  expect(await h.until(failed(receipt.result()), 3000)).toMatchObject({ code: 'Expired', executed: 'no' })
  const { ran } = await kennel(h)
  await h.advance(60_000)
  expect(ran).toEqual([])
})

test('row 004-12: calls are cancelled by number and by what is known of them, waiting or running, and each has a last word', async () => {
  await using h = harness()
  const { ran } = await kennel(h)
  const caller = await h.client('caller')
  const running = await h.until(
    caller
      .remote(dog)
      .walk.with({ data: { group: 1 } })
      .async(9),
  )
  const waiting = await h.until(
    caller
      .remote<Dog>('Cat')
      .walk.with({ data: { group: 1 } })
      .async(9),
  )
  const other = await h.until(
    caller
      .remote<Dog>('Cat')
      .walk.with({ data: { group: 2 } })
      .async(9),
  )
  await h.advance(100)
  expect((await h.until(caller.cancelReceipts({ data: { eq: ['group', 1] } }))).toSorted()).toEqual([running.sn, waiting.sn].toSorted())
  expect(await h.until(failed(waiting.result()))).toMatchObject({ code: 'Cancelled', executed: 'no' })
  expect(await h.until(failed(running.result()))).toMatchObject({ code: 'Cancelled', executed: 'maybe' })
  await h.until(other.cancel())
  expect(await h.until(failed(other.result()))).toMatchObject({ code: 'Cancelled', executed: 'no' })
  await h.advance(2000)
  expect(ran).toEqual([running.sn])
})

test('row 004-15: several versions stand side by side; a range finds its own, and what began stays with the version that began it', async () => {
  await using h = harness()
  const older = await kennel(h, 'older', service<Dog>('Dog@1.2.0', { walk: { idempotent: true }, bite: {} }))
  await kennel(h, 'newer', service<Dog>('Dog@2.0.0', { walk: {}, bite: {} }))
  const caller = await h.client('caller')
  const at = (range: string): Promise<string> => h.until(caller.remote<Dog>(`Dog@${range}`).walk(0))
  expect(await at('^1')).toBe('home at older')
  expect(await at('>=2')).toBe('home at newer')
  expect(await h.until(failed(caller.remote<Dog>('Dog@^3').walk(0)))).toMatchObject({ code: 'NoSuchVersion', executed: 'no' })
  // A call for any version that 1.2.0 has begun waits for another 1.2.0.
  const receipt = await h.until(caller.remote<Dog>('Dog').walk.with({ on: 'older' }).async(3))
  await h.advance(1500)
  h.kill(older.client)
  await h.advance(5000)
  await kennel(h, 'older', service<Dog>('Dog@2.0.0', { walk: {}, bite: {} }))
  await h.advance(5000)
  expect(await h.until(caller.receipts())).toMatchObject([{ state: 'stored' }])
  const again = await h.client('spare')
  await again.close()
  await h.until(receipt.cancel())
})

test('row 002-11: a call that never hears back ends by itself', async () => {
  await using h = harness()
  const deaf = await h.client('deaf')
  await deaf.expose(dog, { walk: () => new Promise(() => {}), bite: async () => {} })
  const caller = await h.client('caller')
  const live = failed(caller.remote(dog).walk.with({ timeout: '1s' })(1))
  const receipt = await h.until(caller.remote(dog).walk.with({ ttl: '3s' }).async(1))
  expect(await h.until(live, 5000)).toMatchObject({ code: 'IdleTimeout', executed: 'maybe' })
  expect(await h.until(failed(receipt.result()), 5000)).toMatchObject({ code: 'DeadlineExceeded', executed: 'maybe' })
  expect(await h.until(caller.receipts())).toMatchObject([{ sn: receipt.sn, state: 'indeterminate' }])
  h.kill(deaf)
})
