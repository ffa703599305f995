/** One call to each of many instances: who is asked, what is gathered, and what is said of those who did not answer. */
import { currentCall, service, type WaybillError } from '@waybill/client'
import { serialText, findField, FrameReader, FrameType, PACKET_HEADER_BYTES, Tag } from '@waybill/core'
import type { RouterApi } from '@waybill/server'
import { harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { entries, failure, kennel, offer, three, type Dog } from './fixtures/kennels.js'

describe('all', () => {
  test('row 004-13: one call for each matching instance, one parent, and of each its status, result or exception, and who is missing', async () => {
    const parents: string[] = []
    const reader = new FrameReader(2 ** 20)
    await using h = harness({
      tap: {
        sent: (_wire, from, packet) => {
          if (from.process.name !== 'caller') return
          if (packet[0] === 0x01 && packet[1] === 0x6f) return
          reader.open(packet, PACKET_HEADER_BYTES)
          while (reader.next()) {
            const parent = reader.type === FrameType.call ? findField(reader, Tag.parent) : undefined
            if (parent !== undefined) parents.push(serialText(parent))
          }
        },
      },
    })
    const { caller, kennels } = await three(h)
    const events: string[] = []
    const fan = caller.remote<Dog>('Dog').rest.all({ rex: 10, ace: 20, zoe: 1000 })
    void fan.on('started', (_, from) => events.push(`${from} started`))
    void fan.on('result', (value, from) => events.push(`${from} ${value}`))
    void fan.on('exception', (error, from) => events.push(`${from} ${error.code}`))
    await h.advance(100)
    h.kill(kennels[2]!.client)
    const { results, exceptions, missing } = await h.until(fan)
    expect([entries({ results, exceptions, missing }), exceptions.size, missing]).toEqual([{ rex: 'rex', ace: 'ace' }, 0, ['zoe']])
    expect(parents).toEqual([fan.sn, fan.sn, fan.sn])
    expect(events.toSorted()).toEqual(['ace ace', 'ace started', 'rex rex', 'rex started', 'zoe WorkerLost', 'zoe started'])

    const failing = await caller.remote<Dog>('Dog').fail.all()
    expect([...failing.exceptions.keys()].toSorted()).toEqual(['ace', 'rex'])
    expect(failing.exceptions.get('rex')).toMatchObject({ name: 'Asleep', dream: 'rabbits' })
    expect(failing.exceptions.get('ace')).toMatchObject({ code: 'RemoteException', executed: 'yes', xclass: 'TypeError' })
    expect([failing.results.size, failing.missing]).toEqual([0, []])
  })

  test('gives the answers as they arrive, and tells progress of each', async () => {
    await using h = harness()
    const { caller } = await three(h)
    const { rest, walk } = caller.remote<Dog>('Dog')
    const fan = rest.all({ rex: 30, ace: 10, zoe: 20 })
    const order: string[] = []
    const iterating = (async () => {
      for await (const answer of fan) order.push(answer.from)
    })()
    await h.until(iterating)
    expect(order).toEqual(['ace', 'zoe', 'rex'])
    // Who comes late is told all the answers.
    const late: string[] = []
    for await (const { from } of fan) late.push(from)
    expect(late).toEqual(order)

    const walking = walk.all()
    const events: string[] = []
    const watching = (async () => {
      for await (const event of walking.status()) if (event.from === 'rex') events.push(event.kind)
    })()
    await h.until(watching)
    expect(events).toEqual(['accepted', 'started', 'progress', 'progress', 'result'])
  })

  test('means what the address means', async () => {
    await using h = harness()
    const old = await h.client('old', { labels: { region: 'eu' } })
    await offer(h, old, [], '1.0.0')
    const young = await h.client('young', { labels: { region: 'us' } })
    await offer(h, young, [], '1.4.0')
    await kennel(h, 'next', { version: '2.0.0', labels: { region: 'eu' } })
    const caller = await h.client('caller')
    const asked = async (address: string, options: object = {}): Promise<string[]> =>
      [...(await caller.remote<Dog>(address, options).bark.all('x')).results.keys()].toSorted()
    expect(await asked('Dog')).toEqual(['next', 'old', 'young'])
    expect(await asked('Dog@^1')).toEqual(['old', 'young'])
    expect(await asked('Dog', { version: '^2' })).toEqual(['next'])
    expect(await asked('Dog?region=eu')).toEqual(['next', 'old'])
    expect(await asked('Dog@^1', { where: { region: 'eu' } })).toEqual(['old'])
    expect(await asked('young/Dog')).toEqual(['young'])
    expect(await caller.remote<RouterApi>('waybill.Router').instances('Dog@^1', 'bark')).toMatchObject([
      { client: 'old', service: 'Dog', version: '1.0.0', labels: { region: 'eu' }, idempotent: false },
      { client: 'young', version: '1.4.0', labels: { region: 'us' } },
    ])
  })

  test('two instances at one client are told apart', async () => {
    await using h = harness()
    const { client, seen } = await kennel(h, 'rex')
    await offer(h, client, seen, '1.1.0')
    await kennel(h, 'ace')
    const caller = await h.client('caller')
    const { bark } = caller.remote<Dog>('Dog')
    expect(entries(await bark.all('x'))).toEqual({ 'rex/Dog@1.0.0': 'rex 1.0.0: x', 'rex/Dog@1.1.0': 'rex 1.1.0: x', ace: 'ace 1.0.0: x' })
    expect(seen).toEqual(['bark x', 'bark x'])
    await offer(h, client, seen, '1.1.0')
    expect([...(await bark.all('x')).results.keys()].toSorted()).toEqual(['ace', 'rex/Dog@1.0.0', 'rex/Dog@1.1.0#1', 'rex/Dog@1.1.0#2'])
  })

  test('nobody there, nobody of the version, nobody allowed: refused as a call is, and nothing ran', async () => {
    await using h = harness({ router: { authorize: (_, action, { method }) => action !== 'call' || method !== 'fail' } })
    await kennel(h, 'rex')
    const caller = await h.client('caller')
    const refused = async (address: string, method: 'bark' | 'fail' = 'bark'): Promise<unknown> => {
      const { code, executed } = await failure(caller.remote<Dog>(address)[method].all('x' as never))
      return [code, executed]
    }
    expect(await refused('Cat')).toEqual(['NoSuchService', 'no'])
    expect(await refused('Dog@^3')).toEqual(['NoSuchVersion', 'no'])
    expect(await refused('nobody/Dog')).toEqual(['NoSuchClient', 'no'])
    expect(await refused('Dog?region=eu')).toEqual(['NoSuchService', 'no'])
    expect(await refused('Dog@nonsense')).toEqual(['BadAddress', 'no'])
    expect(await refused('Dog', 'fail')).toEqual(['Forbidden', 'no'])
    const iterating = (async () => {
      for await (const _ of caller.remote<Dog>('Cat').bark.all('x'));
    })()
    expect((await failure(iterating)).code).toBe('NoSuchService')
  })

  test('an instance that has no room keeps its call waiting, and the others do not wait for it', async () => {
    await using h = harness()
    const busy = await kennel(h, 'rex', { concurrency: 1 })
    await kennel(h, 'ace', { concurrency: 1 })
    const caller = await h.client('caller')
    const first = caller.remote<Dog>('rex/Dog').rest({ rex: 500 })
    await h.advance(10)
    const order: string[] = []
    const fan = caller.remote<Dog>('Dog').bark.all('x')
    void fan.on('result', (_, from) => order.push(from))
    await h.advance(100)
    expect([order, busy.seen]).toEqual([['ace'], ['rest']])
    await h.until(fan)
    await first
    expect([order, busy.seen]).toEqual([
      ['ace', 'rex'],
      ['rest', 'rested', 'bark x'],
    ])
  })

  test('who is withdrawn before the call reaches it is missing', async () => {
    await using h = harness({ latencyMs: 10 })
    const kennels = [await h.until(kennel(h, 'rex')), await h.until(kennel(h, 'ace'))]
    const caller = await h.client('caller')
    const fan = caller.remote<Dog>('Dog').bark.all('x')
    // The list is under way to the caller.
    await h.advance(15)
    await h.until(kennels[0]!.client.close())
    const { results, missing } = await h.until(fan)
    expect([[...results.keys()], missing, kennels[0]!.seen]).toEqual([['ace'], ['rex'], []])
  })

  test('a deadline counts from the beginning, and who has not answered by then is missing', async () => {
    await using h = harness()
    const { caller } = await three(h)
    const fan = caller.remote<Dog>('Dog').rest.with({ deadline: 100 }).all({ rex: 10, ace: 5000, zoe: 5000 })
    const from = h.world.nowMs
    const { results, missing } = await h.until(fan)
    expect([[...results.keys()], missing.toSorted()]).toEqual([['rex'], ['ace', 'zoe']])
    expect(h.world.nowMs - from).toBeLessThan(200)
    await h.advance(10_000)
  })

  test('takes the arguments when it is called, and refuses what cannot travel', async () => {
    await using h = harness()
    const { caller } = await three(h)
    const { say } = caller.remote<Dog>('Dog')
    const what: Record<string, unknown> = { rex: 'a', ace: 'b', zoe: 'c' }
    const fan = say.all(what)
    what['rex'] = 'changed'
    expect(entries(await fan)).toEqual({ rex: 'a', ace: 'b', zoe: 'c' })
    expect(await failure(say.all({ rex: Symbol('x') }))).toMatchObject({ code: 'NotRepresentable', executed: 'no' })
  })

  test('cancel cancels all, and says what is known of each', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h)
    const fan = caller.remote<Dog>('Dog').rest.all({ rex: 10, ace: 5000, zoe: 5000 })
    await h.advance(100)
    await fan.cancel('it rains')
    const error = await h.until(failure(fan))
    expect(error).toMatchObject({ code: 'Cancelled', executed: 'yes', cause: 'it rains' })
    expect(error.details).toEqual({
      instances: {
        rex: { executed: 'yes' },
        ace: { executed: 'maybe', code: 'Cancelled' },
        zoe: { executed: 'maybe', code: 'Cancelled' },
      },
    })
    expect(kennels.map(({ seen }) => seen.at(-1))).toEqual(['rested', 'aborted', 'aborted'])
    await h.advance(10_000)

    const early = caller.remote<Dog>('Dog').bark.all('never')
    void early.cancel()
    expect(await h.until(failure(early))).toMatchObject({ code: 'Cancelled', executed: 'no' })
    expect(
      await failure(
        caller
          .remote<Dog>('Dog')
          .bark.with({ signal: AbortSignal.abort('no') })
          .all('never'),
      ),
    ).toMatchObject({
      code: 'Cancelled',
      executed: 'no',
    })
    const controller = new AbortController()
    const followed = caller.remote<Dog>('Dog').rest.with({ signal: controller.signal }).all({ rex: 5000, ace: 5000, zoe: 5000 })
    await h.advance(10)
    controller.abort('late')
    expect(await h.until(failure(followed))).toMatchObject({ code: 'Cancelled', executed: 'maybe', cause: 'late' })
    expect(kennels[0]!.seen).not.toContain('bark never')
    await h.advance(10_000)
  })

  test('a router that was started anew is not asked with symbols of the one before', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h, { idempotent: true })
    const fan = caller.remote<Dog>('Dog').rest.with({ hedge: 3000 }).all({ rex: 60_000, ace: 60_000, zoe: 60_000 })
    await h.advance(100)
    await h.restartRouter(10)
    const error = await h.until(failure(fan))
    expect(error).toMatchObject({ code: 'NoQuorum', executed: 'maybe' })
    expect(
      Object.values((error.details as { instances: Record<string, { executed: string }> }).instances).map((one) => one.executed),
    ).toEqual(['maybe', 'no', 'no'])
    expect(kennels.flatMap(({ seen }) => seen).filter((one) => one === 'rest')).toHaveLength(1)
    await h.advance(70_000)
  })
})

describe('options', () => {
  test('that make no sense are refused by name, and nothing is sent', async () => {
    await using h = harness()
    const { client, seen } = await kennel(h, 'rex')
    const { bark } = client.remote<Dog>('Dog')
    const refusal = async (promise: PromiseLike<unknown>): Promise<string> => {
      const { code, message } = await failure(promise)
      return `${code}: ${message}`
    }
    expect(await refusal(bark.with({ first: 0 }).all('x'))).toBe('BadAddress: first: 0 is not a whole number from 1 on')
    expect(await refusal(bark.with({ quorum: 1.5 }).all('x'))).toMatch(/^BadAddress: quorum/)
    expect(await refusal(bark.with({ first: true, quorum: 2 }).all('x'))).toBe('BadAddress: first and quorum exclude each other')
    expect(await refusal(bark.with({ hedge: 'soon' as never }).all('x'))).toMatch(/^BadAddress: hedge: "soon"/)
    for (const options of [{ first: true }, { quorum: 2 }, { hedge: 5 }])
      expect(await refusal(bark.with(options)('x'))).toMatch(/^BadAddress: the option \w+ is for \.all\(\)/)
    expect(seen).toEqual([])
    expect(await bark.with({ first: false })('x')).toBe('rex 1.0.0: x')
  })

  test('data travels beside the parent', async () => {
    await using h = harness()
    const client = await h.client('rex')
    await client.expose(service<{ data(): unknown }>('Data@1.0.0', { data: {} }), { data: () => currentCall().data })
    const { results } = await client
      .remote<{ data(): unknown }>('Data')
      .data.with({ data: { trace: 't1' } })
      .all()
    expect(results.get('rex')).toEqual({ trace: 't1' })
  })
})

test('who only listens or iterates has seen the failure; who does neither has not', async () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push((reason as WaybillError).code)
  process.on('unhandledRejection', note)
  try {
    await using h = harness()
    const caller = await h.client('caller')
    const { bark } = caller.remote<Dog>('Cat')
    void bark.all('seen').status()
    void bark.all('seen')[Symbol.asyncIterator]()
    await h.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
    void bark.all('not seen')
    await h.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual(['NoSuchService'])
  } finally {
    process.off('unhandledRejection', note)
  }
})
