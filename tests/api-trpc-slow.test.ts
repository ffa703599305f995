/** Readers of the router's API over tRPC that are slow: what waits for them is bounded, and they are told what they missed. On virtual time. */
import { harness } from '@waybill/testkit'
import { expect, it } from 'vitest'
import { listen, type Heard } from '../packages/server/src/trpc/listening.js'

const known = { principal: 'local', digest: undefined }

it('leaves out what is too much of live events, says how many, and goes on', async () => {
  await using h = harness()
  const kennel = await h.client('kennel')
  const over = new AbortController()
  const events = listen(h.router, known, { topics: ['dog.*'] }, over.signal)
  let first: IteratorResult<Heard> | undefined
  void events.next().then((one) => (first = one))
  await h.advance(10)
  for (let n = 0; n < 1500; n++) {
    void kennel.publish('dog.barked', n)
    if (n % 100 === 99) await h.advance(10)
  }
  await h.advance(10)
  expect(first!.value).toMatchObject({ value: 0 })
  const told: Heard[] = []
  for (let n = 0; n < 1025; n++) told.push((await events.next()).value!)
  expect(told[1023]).toMatchObject({ value: 1024 })
  expect(told[1024]).toEqual({ kind: 'gap', missed: 475 })
  void kennel.publish('dog.barked', 'late')
  await h.advance(10)
  expect((await events.next()).value).toMatchObject({ value: 'late' })
  over.abort()
  expect(await events.next()).toEqual({ done: true, value: undefined })
  await h.advance(10)
})

it('is refused as any subscription', async () => {
  await using h = harness({ router: { authorize: (_principal, action) => action !== 'subscribe' } })
  const refused = listen(h.router, known, { topics: ['dog.*'] }, new AbortController().signal).next()
  const outcome = refused.catch((thrown: unknown) => thrown)
  await h.advance(10)
  expect(await outcome).toMatchObject({ code: 'Forbidden', executed: 'no' })
})

it('ends when its principal is shut out', async () => {
  await using h = harness()
  const events = listen(h.router, known, { topics: ['dog.*'] }, new AbortController().signal)
  const outcome = events.next().catch((thrown: unknown) => thrown)
  await h.advance(10)
  h.router.revoke('local')
  expect(await outcome).toMatchObject({ code: 'Unauthorized' })
  await h.advance(10)
})
