/** What a caller does with its stored calls when the router ends and another start of it comes: what it goes on with, and what it says of the rest. */
import { service, type Receipt } from '@waybill/client'
import { FrameType, serialBytes, Tag } from '@waybill/core'
import { describe, expect, test } from 'vitest'
import { CLIENT, Stage, type Said } from './callee-stage.js'

interface Dog {
  bark(phrase: string): Promise<string>
}
const dog = service<Dog>('Dog@1.0.0', { bark: {} })

async function caller(store: string | undefined) {
  const stage = await Stage.open()
  const router = (epoch: number, id: string | undefined): typeof stage.router => ({
    name: 'fake',
    epoch,
    ...(id !== undefined && { store: id }),
  })
  const restart = async (epoch: number, id: string | undefined): Promise<void> => {
    stage.router = router(epoch, id)
    await stage.lose()
  }
  stage.router = router(1, store)
  await stage.lose()
  return { stage, restart, dog: stage.client.remote(dog) }
}

/** The one frame of this type that the client has said. */
async function only(stage: Stage, type: number): Promise<Said> {
  await stage.world.advance(0)
  const found = stage.said.filter((said) => said.type === type)
  stage.said.length = 0
  expect(found).toHaveLength(1)
  return found[0]!
}

const snOf = (said: Said): string => Buffer.from(said.field(Tag.sn)!).toString('hex')
const hexOf = (sn: string): string => Buffer.from(serialBytes(sn)).toString('hex')

function say(stage: Stage, type: number, call: number, value: unknown): void {
  stage.send({ type, destination: CLIENT, call }, [], value)
}

const stored = (stage: Stage, call: number, sn: string): void => say(stage, FrameType.stored, call, { sn, durability: 'disk' })

async function failed(promise: PromiseLike<unknown>): Promise<unknown> {
  return promise.then(
    (value) => Promise.reject(new Error(`it gave ${JSON.stringify(value)}`)),
    (error: unknown) => error,
  )
}

describe('the router starts anew with the same store', () => {
  test('a call that it had stored is watched again, and gives its result', async () => {
    const { stage, restart, dog } = await caller('one')
    await using _ = stage
    const call = dog.bark.with({ durable: true })('hi')
    const { sn } = call
    stored(stage, (await only(stage, FrameType.call)).call, sn)
    expect(await stage.world.until(call.receipt)).toMatchObject({ sn, durability: 'disk' })
    await restart(2, 'one')
    const watch = await only(stage, FrameType.watch)
    expect(snOf(watch)).toBe(hexOf(sn))
    say(stage, FrameType.result, watch.call, 'wau')
    expect(await stage.world.until(call)).toBe('wau')
  })

  test('a call that it had not answered is sent again, the same under the same number', async () => {
    const { stage, restart, dog } = await caller('one')
    await using _ = stage
    const call = dog.bark.with({ durable: true, ttl: '1h' })('hi')
    const first = await only(stage, FrameType.call)
    await restart(2, 'one')
    await restart(3, 'one')
    const again = stage.said.filter(({ type }) => type === FrameType.call)
    expect(again).toHaveLength(2)
    for (const one of again) {
      expect(one).toMatchObject({ flags: first.flags, value: ['hi'] })
      expect(snOf(one)).toBe(hexOf(call.sn))
    }
    const { call: number } = again[1]!
    stored(stage, number, call.sn)
    say(stage, FrameType.result, number, 'wau')
    expect(await stage.world.until(call)).toBe('wau')
  })

  test('.async() resolves to its receipt, and that to the result after the next start', async () => {
    const { stage, restart, dog } = await caller('one')
    await using _ = stage
    const making = dog.bark.async('hi') as Promise<Receipt<string>>
    const first = await only(stage, FrameType.call)
    await restart(2, 'one')
    const again = await only(stage, FrameType.call)
    expect(snOf(again)).toBe(snOf(first))
    const sn = Buffer.from(again.field(Tag.sn)!).toString('hex')
    say(stage, FrameType.stored, again.call, { durability: 'disk', duplicate: true })
    const receipt = await stage.world.until(making)
    expect(receipt).toMatchObject({ durability: 'disk', duplicate: true })
    expect(hexOf(receipt.sn)).toBe(sn)
    const result = receipt.result()
    await only(stage, FrameType.watch)
    await restart(3, 'one')
    const watch = await only(stage, FrameType.watch)
    expect(snOf(watch)).toBe(sn)
    say(stage, FrameType.result, watch.call, 'wau')
    expect(await stage.world.until(result)).toBe('wau')
  })

  test('a listener is told what happens after it', async () => {
    const { stage, restart, dog } = await caller('one')
    await using _ = stage
    const told: unknown[] = []
    const making = dog.bark.callback({ started: () => told.push('started'), result: (value) => told.push(value) }, 'hi')
    const { call } = await only(stage, FrameType.call)
    stored(stage, call, '018f3c1e-7a00-8dea-b6fb-bc0000000001')
    await stage.world.until(making)
    await restart(2, 'one')
    const watch = await only(stage, FrameType.watch)
    say(stage, FrameType.started, watch.call, undefined)
    say(stage, FrameType.result, watch.call, 'wau')
    await stage.world.advance(0)
    expect(told).toEqual(['started', 'wau'])
  })
})

describe('what became of a stored call is not known', () => {
  test.each([
    ['with another store', 'two'],
    ['without a store', undefined],
  ])('when the router starts anew %s: RouterLost, maybe, and nothing is sent twice', async (_how, id) => {
    const { stage, restart, dog } = await caller('one')
    await using _ = stage
    const calls = [dog.bark.with({ durable: true })('a'), dog.bark.with({ durable: true })('b')]
    const ends = Promise.all([...calls.map(failed), failed(dog.bark.async('c'))])
    await stage.world.advance(0)
    stored(stage, stage.said[0]!.call, calls[0]!.sn)
    await stage.world.advance(0)
    stage.said.length = 0
    await restart(2, id)
    expect(stage.said).toEqual([])
    expect(await stage.world.until(ends)).toMatchObject(Array.from({ length: 3 }, () => ({ code: 'RouterLost', executed: 'maybe' })))
  })

  test('when it had none before', async () => {
    const { stage, restart, dog } = await caller(undefined)
    await using _ = stage
    const end = failed(dog.bark.with({ durable: true })('a'))
    await stage.world.advance(0)
    stage.said.length = 0
    await restart(2, 'one')
    expect(stage.said).toEqual([])
    expect(await stage.world.until(end)).toMatchObject({ code: 'RouterLost', executed: 'maybe' })
  })

  test('when the same store no longer has it', async () => {
    const { stage, restart, dog } = await caller('one')
    await using _ = stage
    const call = dog.bark.with({ durable: true })('hi')
    const other = stage.client.receipt<string>('018f3c1e-7a00-8dea-b6fb-bc0000000009')
    const ends = Promise.all([failed(call), failed(other.result())])
    await stage.world.advance(0)
    stored(stage, stage.said.find(({ type }) => type === FrameType.call)!.call, call.sn)
    await restart(2, 'one')
    const unknown = { code: 'NoSuchReceipt', description: 'there is none' }
    for (const { type, call: number } of stage.said.splice(0)) {
      if (type === FrameType.watch) say(stage, FrameType.rejected, number, unknown)
    }
    expect(await stage.world.until(ends)).toMatchObject([
      { code: 'RouterLost', executed: 'maybe' },
      { code: 'RouterLost', executed: 'maybe' },
    ])
    // Asked for the first time it is simply not there.
    const end = failed(other.result())
    say(stage, FrameType.rejected, (await only(stage, FrameType.watch)).call, unknown)
    expect(await stage.world.until(end)).toMatchObject({ code: 'NoSuchReceipt' })
  })
})

test('a router without a store that is still the same one goes on with both', async () => {
  const { stage, dog } = await caller(undefined)
  await using _ = stage
  const kept = dog.bark.with({ durable: true })('a')
  const open = dog.bark.with({ durable: true })('b')
  await stage.world.advance(0)
  stored(stage, stage.said[0]!.call, kept.sn)
  await stage.world.advance(0)
  stage.said.length = 0
  await stage.lose()
  expect(stage.said.map(({ type }) => type)).toEqual([FrameType.watch, FrameType.call])
  expect(stage.said.map(snOf)).toEqual([hexOf(kept.sn), hexOf(open.sn)])
  const [watch, call] = stage.said.splice(0)
  say(stage, FrameType.result, watch!.call, 1)
  stored(stage, call!.call, open.sn)
  say(stage, FrameType.result, call!.call, 2)
  expect(await stage.world.until(Promise.all([kept, open]))).toEqual([1, 2])
})
