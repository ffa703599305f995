/** Outcomes of the calls of others, at who is to be told of them: what was given once is not given again, and what nobody has heard is not taken. */
import { service, type Client } from '@waybill/client'
import { encodings, executedFlag, extensionField, Flag, FrameType, readIds, serialBytes, Slab, Tag, writeRawFrame } from '@waybill/core'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { CLIENT, Stage, type StageOptions } from './callee-stage.js'

const slab = new Slab()
const sn = (n: number): string => `018f3c1e-7a00-8dea-b6fb-bc${n.toString(16).padStart(10, '0')}`

async function clerk(options: StageOptions = { features: ['leases'] }) {
  const stage = await Stage.open(options)
  const told: unknown[] = []
  const listen = (): (() => void) =>
    stage.client.onPostback({
      started: (_none, receipt) => told.push(`started ${receipt.sn.slice(-1)}`),
      result: (value) => told.push(value),
      exception: ({ message }) => told.push(message),
      rejected: ({ code }) => told.push(code),
    })
  /** Posts back about the n-th call. */
  const post = (n: number, type: number, value?: unknown, flags = 0): void =>
    stage.send({ type, flags, destination: CLIENT }, [extensionField(Tag.sn, serialBytes(sn(n)))], value)
  const taken = async (): Promise<number[]> => {
    await stage.world.advance(0)
    const frames = stage.said.filter(({ type }) => type === FrameType.taken)
    stage.said.length = 0
    expect(frames.length).toBeLessThanOrEqual(1)
    return frames.flatMap(({ value }) => readIds(value as Uint8Array).map((one) => Number.parseInt(one.slice(-10), 16)))
  }
  return { stage, told, listen, post, taken }
}

describe('what was given to a listener', () => {
  test('is taken: outcomes of each kind, all of a tick together, and no statuses', async () => {
    const { stage, told, listen, post, taken } = await clerk()
    await using _ = stage
    listen()
    post(1, FrameType.started)
    expect(await taken()).toEqual([])
    post(1, FrameType.result, 'one')
    post(2, FrameType.exception, { exval: 'two' }, executedFlag('yes'))
    post(3, FrameType.rejected, { code: 'Overloaded', description: '' })
    expect(await taken()).toEqual([1, 2, 3])
    expect(told).toEqual(['started 1', 'one', 'two', 'Overloaded'])
  })

  test('is not given again, but taken again, in a later session of a router that has not heard of it', async () => {
    const { stage, told, listen, post, taken } = await clerk()
    await using _ = stage
    listen()
    post(1, FrameType.result, 'one')
    expect(await taken()).toEqual([1])
    await stage.lose()
    post(1, FrameType.result, 'one')
    post(2, FrameType.result, 'two')
    expect(await taken()).toEqual([1, 2])
    expect(told).toEqual(['one', 'two'])
  })

  test('is remembered for a bounded number of calls', async () => {
    const { stage, told, listen, post } = await clerk()
    await using _ = stage
    listen()
    for (let n = 1; n <= 1025; n++) post(n, FrameType.result, n)
    post(2, FrameType.result, 'again')
    post(1, FrameType.result, 'again')
    await stage.world.advance(0)
    expect(told.slice(-2)).toEqual([1025, 'again'])
  })

  test('is not said to be taken to a router that would not understand it', async () => {
    const { stage, told, listen, post, taken } = await clerk({})
    await using _ = stage
    listen()
    post(1, FrameType.result, 'one')
    expect(await taken()).toEqual([])
    expect(told).toEqual(['one'])
  })

  test('an outcome that cannot be read is told as such, and taken: it would come again for ever', async () => {
    const { stage, told, listen, post, taken } = await clerk()
    await using _ = stage
    listen()
    stage.raw(brokenResult(sn(1)))
    post(2, FrameType.exception, 'no record')
    expect(await taken()).toEqual([1, 2])
    expect(told).toEqual([expect.stringMatching(/JSON/), 'the method failed'])
  })
})

/** A result about the call whose body is no JSON. */
function brokenResult(of: string): Uint8Array {
  const field = extensionField(Tag.sn, serialBytes(of))
  const start = writeRawFrame(slab, { type: FrameType.result, destination: CLIENT }, field, encodings.json, Uint8Array.of(0x7b))
  return slab.bytes.slice(start, slab.at)
}

describe('while nobody listens', () => {
  test('outcomes wait, are not taken, and are given to the first listener in their order', async () => {
    const { stage, told, listen, post, taken } = await clerk()
    await using _ = stage
    post(1, FrameType.started)
    post(1, FrameType.result, 'one')
    post(2, FrameType.result, undefined)
    post(3, FrameType.result, 'three')
    expect(await taken()).toEqual([])
    listen()
    expect(told).toEqual([])
    // What comes now does not overtake what has waited.
    post(4, FrameType.result, 'four')
    expect(await taken()).toEqual([1, 2, 3, 4])
    expect(told).toEqual(['one', undefined, 'three', 'four'])
  })

  test('one in pieces waits too', async () => {
    const { stage, told, listen, taken } = await clerk()
    await using _ = stage
    const field = [extensionField(Tag.sn, serialBytes(sn(1)))]
    stage.send({ type: FrameType.result, flags: Flag.more, destination: CLIENT }, field, Uint8Array.of(1, 2))
    stage.send({ type: FrameType.answerChunk, destination: CLIENT }, field, Uint8Array.of(3))
    expect(await taken()).toEqual([])
    listen()
    expect(await taken()).toEqual([1])
    expect(told).toEqual([Uint8Array.of(1, 2, 3)])
  })

  test('over a lost session each waits once', async () => {
    const { stage, told, listen, post, taken } = await clerk()
    await using _ = stage
    post(1, FrameType.result, 'one')
    await stage.world.advance(0)
    await stage.lose()
    post(1, FrameType.result, 'one')
    await stage.world.advance(0)
    listen()
    expect(await taken()).toEqual([1])
    expect(told).toEqual(['one'])
  })

  test('no more wait than fit; the rest is left to the next session', async () => {
    const { stage, told, listen, post, taken } = await clerk()
    await using _ = stage
    for (let n = 1; n <= 300; n++) post(n, FrameType.result, n)
    await stage.world.advance(0)
    listen()
    expect(await taken()).toHaveLength(256)
    await stage.lose()
    for (let n = 257; n <= 300; n++) post(n, FrameType.result, n)
    expect(await taken()).toHaveLength(44)
    expect(told).toEqual(Array.from({ length: 300 }, (_one, index) => index + 1))
  })

  test('who stops listening leaves what comes later', async () => {
    const { stage, told, listen, post, taken } = await clerk()
    await using _ = stage
    listen()()
    post(1, FrameType.result, 'one')
    expect(await taken()).toEqual([])
    const stop = stage.client.onPostback(() => stop())
    expect(await taken()).toEqual([1])
    post(2, FrameType.result, 'two')
    expect(await taken()).toEqual([])
    listen()
    expect(await taken()).toEqual([2])
    expect(told).toEqual(['two'])
  })
})

interface Dog {
  bark(phrase: string): string
}
const dog = service<Dog>('Dog@1.0.0', { bark: {} })

describe('a client that was away', () => {
  async function people(h: Harness): Promise<{ caller: Client; make(phrase: string): Promise<unknown> }> {
    const kennel = await h.client('kennel')
    await h.until(kennel.expose(dog, { bark: (phrase) => `wau ${phrase}` }))
    const caller = await h.client('caller')
    return { caller, make: (phrase) => h.until(caller.remote(dog).bark.callback({ replyto: 'clerk' }, phrase)) }
  }

  test('is told everything when it comes, in order and once, also where it begins to listen later', async () => {
    await using h = harness()
    const { make } = await people(h)
    const phrases = Array.from({ length: 100 }, (_one, n) => `${n}`)
    for (const phrase of phrases) await make(phrase)
    await h.advance(100)
    const told: unknown[] = []
    const listen = (client: Client): void => void client.onPostback({ result: (value) => told.push(value) })
    const first = await h.client('clerk')
    await h.advance(5000)
    // It was here, and heard nothing.
    h.kill(first)
    await h.advance(60_000)
    const second = await h.client('clerk')
    await h.advance(5000)
    listen(second)
    await h.advance(100)
    expect(told).toEqual(phrases.map((phrase) => `wau ${phrase}`))
    h.network.cut(h.processOf(second))
    await h.advance(5000)
    await make('last')
    await h.advance(100)
    expect(told.slice(100)).toEqual(['wau last'])
  })

  test('is told nothing again by the next process of its name', async () => {
    await using h = harness()
    const { make } = await people(h)
    await make('a')
    const told: unknown[] = []
    const first = await h.client('clerk')
    first.onPostback({ result: (value) => told.push(value) })
    await h.advance(100)
    h.kill(first)
    const second = await h.client('clerk')
    second.onPostback({ result: (value) => told.push(value) })
    await h.advance(5000)
    expect(told).toEqual(['wau a'])
  })
})
