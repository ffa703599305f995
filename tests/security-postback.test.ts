/** A row of docs/rows.md: who may have somebody else told of a call. */
import { service } from '@waybill/client'
import { harness } from '@waybill/testkit'
import { expect, test } from 'vitest'

const dog = service<{ bark(): string }>('Dog@1.0.0', { bark: {} })
const tokens = { alice: 'token-a', bob: 'token-b' }

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'allowed',
    ({ code, executed }: { code: string; executed: string }) => `${code} ${executed}`,
  )
}

test('row 14: a call may have clients of the same principal told, and no others', async () => {
  await using h = harness({ router: { tokens } })
  const worker = await h.client('kennel', { token: tokens.bob })
  const ran: string[] = []
  await worker.expose(dog, { bark: () => (ran.push('bark'), 'wau') })
  const alice = await h.client('alice', { token: tokens.alice })
  const clerk = await h.client('clerk', { token: tokens.alice })
  const bob = await h.client('bob', { token: tokens.bob })
  const told: string[] = []
  clerk.onPostback((event) => told.push(`clerk ${event.kind}`))
  bob.onPostback((event) => told.push(`bob ${event.kind}`))
  expect(await h.until(refusal(alice.remote(dog).bark.callback({ replyto: 'bob' })))).toBe('Forbidden no')
  expect(await h.until(refusal(alice.remote(dog).bark.callback({ replyto: 'not a name' })))).toBe('BadAddress no')
  expect(ran).toEqual([])
  expect(await h.until(refusal(alice.remote(dog).bark.callback({ replyto: 'clerk' })))).toBe('allowed')
  await h.advance(100)
  expect(told).toEqual(['clerk accepted', 'clerk started', 'clerk result'])
})

test('row 14: what waits for a client that is away is for its own principal, whoever takes the name', async () => {
  await using h = harness({ router: { tokens } })
  const worker = await h.client('kennel', { token: tokens.bob })
  await worker.expose(dog, { bark: () => 'wau' })
  const alice = await h.client('alice', { token: tokens.alice })
  expect(await h.until(refusal(alice.remote(dog).bark.callback({ replyto: 'away' })))).toBe('allowed')
  await h.advance(100)
  const told: string[] = []
  const thief = await h.client('away', { token: tokens.bob })
  thief.onPostback((event) => told.push(`thief ${event.kind}`))
  await h.advance(1000)
  expect(told).toEqual([])
  await h.until(thief.close())
  const owner = await h.client('away', { token: tokens.alice })
  owner.onPostback((event) => told.push(`owner ${event.kind}`))
  await h.advance(1000)
  expect(told).toEqual(['owner result'])
})

test('row 14: the deployment may allow others', async () => {
  const asked: string[] = []
  await using h = harness({
    router: {
      tokens,
      authorize: (principal, action, { client }) => {
        if (action === 'postback') asked.push(`${principal} ${client}`)
        return action !== 'postback' || client === 'bob'
      },
    },
  })
  const worker = await h.client('kennel', { token: tokens.bob })
  await worker.expose(dog, { bark: () => 'wau' })
  const alice = await h.client('alice', { token: tokens.alice })
  const bob = await h.client('bob', { token: tokens.bob })
  const told: string[] = []
  bob.onPostback((event) => told.push(event.kind))
  expect(await h.until(refusal(alice.remote(dog).bark.callback({ replyto: 'bob' })))).toBe('allowed')
  expect(await h.until(refusal(alice.remote(dog).bark.callback({ replyto: 'kennel' })))).toBe('Forbidden no')
  await h.advance(100)
  expect(told).toEqual(['accepted', 'started', 'result'])
  expect(asked).toEqual(['alice bob', 'alice kennel'])
})
