/** Calls with a key: the second one is the first, and what says something else is refused. */
import { service, type Client, type Remote } from '@waybill/client'
import { FrameType, Tag, WaybillError } from '@waybill/core'
import { harness, type Harness } from '@waybill/testkit'
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { connectIn } from '../packages/client/src/connect.js'
import { pageDigest } from '../packages/client/src/digests/page.js'
import { nodeDigest } from '../packages/client/src/digests/node.js'
import { parts } from '../packages/client/src/in-node.js'
import { CLIENT, Stage, type Said } from './callee-stage.js'

interface Till {
  pay(cents: number, options?: { readonly tip?: number }): Promise<string>
  refund(cents: number): Promise<string>
  count(): Promise<string>
}
const till = service<Till>('Till@1.0.0', { pay: {}, refund: {}, count: {} })

async function shop(h: Harness): Promise<{ client: Client; ran: string[] }> {
  const client = await h.client('shop', { onIncident: () => {} })
  const ran: string[] = []
  const work = async (cents: number): Promise<string> => {
    ran.push(`${cents}`)
    await h.processOf(client).sleep(1000)
    return `paid ${cents}`
  }
  await h.until(client.expose(till, { pay: work, refund: work, count: () => work(0) }))
  return { client, ran }
}

async function failed(promise: PromiseLike<unknown>): Promise<{ code: string; executed: string; message: string }> {
  return promise.then(
    (value) => Promise.reject(new Error(`it gave ${JSON.stringify(value)}`)),
    (error: { code: string; executed: string; message: string }) => error,
  )
}

describe('a call with a key', () => {
  test('runs once, however often it is made, and gives each its result', async () => {
    await using h = harness()
    const { ran } = await shop(h)
    const [ada, bob] = [await h.client('ada'), await h.client('bob')]
    const key = 'order-42'
    const first = ada.remote(till).pay.with({ key })(100)
    const second = bob.remote(till).pay.with({ key })(100)
    expect(await h.until(Promise.all([first, second]))).toEqual(['paid 100', 'paid 100'])
    expect(await h.until(ada.remote(till).pay.with({ key })(100))).toBe('paid 100')
    expect(ran).toEqual(['100'])
    // Another method, or another key, is another call.
    expect(await h.until(ada.remote(till).refund.with({ key })(100))).toBe('paid 100')
    expect(await h.until(ada.remote(till).pay.with({ key: 'order-43' })(100))).toBe('paid 100')
    expect(ran).toEqual(['100', '100', '100'])
  })

  test('its receipt is that of the first one, and says so', async () => {
    await using h = harness()
    await shop(h)
    const ada = await h.client('ada')
    const pay = ada.remote(till).pay.with({ key: 'order-42' })
    const first = await h.until(pay.async(100))
    expect(first.duplicate).toBe(false)
    const second = await h.until(pay.async(100))
    expect([second.sn, second.duplicate]).toEqual([first.sn, true])
    const third = pay(100)
    const receipt = await h.until(third.receipt)
    expect([receipt.sn, third.sn, receipt.duplicate]).toEqual([first.sn, first.sn, true])
    expect(await h.until(Promise.all([second.result(), receipt.result(), third]))).toEqual(['paid 100', 'paid 100', 'paid 100'])
    expect(await h.until(ada.receipts())).toHaveLength(1)
  })

  test('that says something else is refused, and runs nowhere', async () => {
    await using h = harness()
    const { ran } = await shop(h)
    const { pay } = (await h.client('ada')).remote(till)
    const key = 'order-42'
    await h.until(pay.with({ key }).async(100))
    const others = [() => pay.with({ key })(101), () => pay.with({ key, named: { tip: 5 } })(100), () => pay.with({ key }).async(102)]
    for (const other of others) expect(await h.until(failed(other()))).toMatchObject({ code: 'IdempotencyConflict', executed: 'no' })
    await h.advance(2000)
    expect(ran).toEqual(['100'])
    expect(await h.until(pay.with({ key })(100))).toBe('paid 100')
  })

  test('is stored also where it is awaited, so it needs no other word', async () => {
    await using h = harness()
    await shop(h)
    const ada = await h.client('ada')
    const call = ada.remote(till).pay.with({ key: 'order-42' })(100)
    expect((await h.until(call.receipt)).durability).toBe('memory')
    expect(await h.until(call)).toBe('paid 100')
  })

  test('where it cannot be stored, or is no call of one, is refused, and nothing is sent', async () => {
    await using h = harness()
    const { ran } = await shop(h)
    const { pay } = (await h.client('ada')).remote(till)
    for (const key of ['', 'x'.repeat(257), 3 as never]) {
      expect(() => pay.with({ key })).toThrow(expect.objectContaining({ code: 'BadAddress', message: expect.stringContaining('key') }))
    }
    expect(() => pay.with({ key: 'k', durable: false })).toThrow(expect.objectContaining({ code: 'BadAddress' }))
    const refused = { code: 'BadAddress', executed: 'no', message: expect.stringContaining('key') }
    expect(await h.until(failed(pay.with({ key: 'k' }).send(100)))).toMatchObject(refused)
    expect(await h.until(failed(pay.with({ key: 'k' }).all(100)))).toMatchObject(refused)
    await h.advance(2000)
    expect(ran).toEqual([])
  })
})

describe('the digest', () => {
  async function sent(make: (remote: Remote<Till>) => PromiseLike<unknown>): Promise<Said> {
    const stage = await Stage.open()
    await using _ = stage
    void failed(make(stage.client.remote<Till>('Till')))
    await stage.world.advance(0)
    return stage.said.find(({ type }) => type === FrameType.call)!
  }
  const sha = (...parts: readonly (string | Uint8Array | number)[]): Buffer => {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(typeof part === 'number' ? Uint8Array.of(part) : part)
    return hash.digest()
  }

  test('is of the encoding and the arguments, and stands beside the key', async () => {
    const call = await sent(({ pay }) => pay.with({ key: 'k' })(100))
    expect(Buffer.from(call.field(Tag.key)!).toString()).toBe('k')
    expect(Buffer.from(call.field(Tag.digest)!)).toEqual(sha(1, '[100]'))
  })

  test('is of nothing but the encoding where there are no arguments', async () => {
    const call = await sent(({ count }) => count.with({ key: 'k' })())
    expect(Buffer.from(call.field(Tag.digest)!)).toEqual(sha(0))
  })

  test('is of what is given beside the arguments too', async () => {
    const field = (tag: number, text: string): Buffer => Buffer.concat([Uint8Array.from([tag, 0, text.length, 0]), Buffer.from(text)])
    const call = await sent(({ pay }) => pay.with({ key: 'k', sticky: 's', data: 1, named: { a: 1 } })(7))
    expect(Buffer.from(call.field(Tag.digest)!)).toEqual(sha(1, '[7]', field(Tag.kws, '{"a":1}')))
  })

  test('is the same in a page, where it comes later but in order', async () => {
    const bodies = [new Uint8Array(3_000_000).fill(7), new Uint8Array(0), Uint8Array.of(1, 2, 3)]
    const order: number[] = []
    const digests = await Promise.all(
      bodies.map(async (body, index) => {
        const digest = await pageDigest(1, body, [])
        order.push(index)
        return digest
      }),
    )
    expect(digests).toEqual(bodies.map((body) => nodeDigest(1, body, [])))
    expect(order).toEqual([0, 1, 2])
  })
})

describe('a digest that takes a while', () => {
  async function page() {
    const stage = new Stage()
    const asked: { give(): void; fail(error: Error): void }[] = []
    const connect = connectIn({
      ports: stage.process,
      transport: () => undefined,
      schemes: '',
      admit: () => {},
      exposing: undefined,
      connected: undefined,
      parts,
      keeping: () => expect.unreachable(),
      digest: (...given) => new Promise((give, fail) => asked.push({ give: () => give(nodeDigest(...given)), fail })),
    })
    stage.client = await connect('ws://fake', { ports: stage.process, transport: stage })
    const calls = async (): Promise<readonly Said[]> => {
      await stage.world.advance(0)
      return stage.said.filter(({ type }) => type === FrameType.call)
    }
    return { stage, asked, calls, pay: stage.client.remote<Till>('Till').pay }
  }

  test('the call is sent when it is there, also in a later session', async () => {
    const { stage, asked, calls, pay } = await page()
    await using _ = stage
    void failed(pay.with({ key: 'k' })(1))
    void failed(pay.with({ key: 'l' })(2))
    expect(await calls()).toEqual([])
    asked[0]!.give()
    expect(await calls()).toMatchObject([{ value: [1] }])
    await stage.lose()
    stage.said.length = 0
    asked[1]!.give()
    const [call] = await calls()
    expect(call).toMatchObject({ value: [2] })
    expect(Buffer.from(call!.field(Tag.key)!).toString()).toBe('l')
    expect(call!.field(Tag.digest)).toHaveLength(32)
  })

  test('what is cancelled meanwhile is not sent', async () => {
    const { stage, asked, calls, pay } = await page()
    await using _ = stage
    const call = pay.with({ key: 'k' })(1)
    const end = failed(call)
    await call.cancel()
    expect(await end).toMatchObject({ code: 'Cancelled', executed: 'no' })
    asked[0]!.give()
    expect(await calls()).toEqual([])
  })

  test('where there is none the call fails, and was not sent', async () => {
    const { stage, asked, calls, pay } = await page()
    await using _ = stage
    const end = failed(pay.with({ key: 'k' })(1))
    asked[0]!.fail(new WaybillError('Unsupported', 'no digests here'))
    expect(await end).toMatchObject({ code: 'Unsupported', executed: 'no' })
    expect(await calls()).toEqual([])
  })
})

test('a router that says wrongly which call has the key is not believed', async () => {
  const stage = await Stage.open()
  await using _ = stage
  const making = stage.client.remote<Till>('Till').pay.with({ key: 'k' }).async(1)
  await stage.world.advance(0)
  const { call: number } = stage.said.find(({ type }) => type === FrameType.call)!
  stage.send({ type: FrameType.stored, destination: CLIENT, call: number }, [], { sn: 'not one', durability: 'disk', duplicate: true })
  const { sn, duplicate } = await stage.world.until(making)
  expect([sn.endsWith(number.toString(16).padStart(8, '0')), duplicate]).toEqual([true, true])
})

test('IdempotencyConflict names the call that has the key', async () => {
  const stage = await Stage.open()
  await using _ = stage
  const call = stage.client.remote<Till>('Till').pay.with({ key: 'k' })(1)
  const end = failed(call)
  await stage.world.advance(0)
  const { call: number } = stage.said.find(({ type }) => type === FrameType.call)!
  const body = { code: 'IdempotencyConflict', description: 'used before', details: { sn: '018f3c1e-7a00-8dea-b6fb-bc0000000001' } }
  stage.send({ type: FrameType.rejected, destination: CLIENT, call: number }, [], body)
  expect(await stage.world.until(end)).toMatchObject({ code: 'IdempotencyConflict', details: body.details, executed: 'no' })
})
