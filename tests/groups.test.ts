/** One call to each of many instances: who is asked, what is gathered, when it ends, and what is said of those who did not answer. */
import { currentCall, registerError, service, type Client, type Fan, type WaybillError } from '@waybill/client'
import {
  bytesToUuid,
  findField,
  FrameReader,
  FrameType,
  PACKET_HEADER_BYTES,
  Tag,
  type MethodConditions,
  type ServiceTerms,
} from '@waybill/core'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import type { RouterApi } from '@waybill/server'

interface Dog {
  bark(phrase: string): string
  /** Rests for so many virtual milliseconds, different ones at each. */
  rest(ms: Record<string, number>): Promise<string>
  say(what: Record<string, unknown>): unknown
  fail(): string
  walk(): Promise<string>
}

class Asleep extends Error {
  override name = 'Asleep'
  dream = 'rabbits'
}
registerError(Asleep)

interface Kennel {
  readonly client: Client
  /** What it was asked, and what became of it. */
  readonly seen: string[]
}

async function kennel(
  h: Harness,
  name: string,
  { version = '1.0.0', ...terms }: Omit<ServiceTerms, 'name'> & { readonly method?: MethodConditions } = {},
): Promise<Kennel> {
  const client = await h.client(name, { onIncident: () => {} })
  const seen: string[] = []
  await offer(h, client, seen, version, terms)
  return { client, seen }
}

async function offer(
  h: Harness,
  client: Client,
  seen: string[],
  version: string,
  { method = {}, ...terms }: ServiceTerms & { readonly method?: MethodConditions } = {},
): Promise<void> {
  const { name } = client
  const methods = { bark: method, rest: method, say: method, fail: method, walk: method }
  await client.expose(service<Dog>(`Dog@${version}`, methods, terms), {
    bark: (phrase) => (seen.push(`bark ${phrase}`), `${name} ${version}: ${phrase}`),
    rest: async (ms) => {
      const { signal } = currentCall()
      seen.push('rest')
      signal.addEventListener('abort', () => seen.push('aborted'))
      await h.processOf(client).sleep(ms[name] ?? 1)
      if (signal.aborted) throw signal.reason
      seen.push('rested')
      return name
    },
    say: (what) => what[name],
    fail: () => {
      throw name === 'rex' ? new Asleep(`${name} sleeps`) : new TypeError('no')
    },
    walk: async () => {
      const call = currentCall()
      for (let km = 1; km <= 2; km++) {
        call.progress({ total: 2, completed: km })
        await h.processOf(client).sleep(10)
      }
      return 'home'
    },
  })
}

async function three(h: Harness, method: MethodConditions = {}): Promise<{ caller: Client; kennels: Kennel[] }> {
  const kennels = [await kennel(h, 'rex', { method }), await kennel(h, 'ace', { method }), await kennel(h, 'zoe', { method })]
  return { caller: await h.client('caller'), kennels }
}

async function failure(promise: PromiseLike<unknown>): Promise<WaybillError> {
  return (await promise.then(
    () => undefined,
    (error: unknown) => error,
  )) as WaybillError
}

const entries = (fan: Awaited<Fan<unknown>>): Record<string, unknown> => Object.fromEntries(fan.results)

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
            if (parent !== undefined) parents.push(bytesToUuid(parent))
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

describe('first', () => {
  test('ends at the first results, and cancels the rest', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h)
    const { rest } = caller.remote<Dog>('Dog')
    const one = await h.until(rest.with({ first: true }).all({ rex: 30, ace: 10, zoe: 5000 }))
    expect([entries(one), one.exceptions.size, one.missing]).toEqual([{ ace: 'ace' }, 0, []])
    await h.advance(300)
    expect(kennels.map(({ seen }) => seen.splice(0).includes('aborted'))).toEqual([true, false, true])
    const two = await h.until(rest.with({ first: 2 }).all({ rex: 30, ace: 10, zoe: 5000 }))
    expect(entries(two)).toEqual({ ace: 'ace', rex: 'rex' })
    await h.advance(10_000)
  })

  test('says so as soon as there cannot be as many', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h)
    const { bark, fail, rest } = caller.remote<Dog>('Dog')
    expect(await failure(bark.with({ first: 4 }).all('x'))).toMatchObject({ code: 'NoQuorum', executed: 'no' })
    expect(kennels.flatMap(({ seen }) => seen)).toEqual([])
    const error = await failure(fail.with({ first: true }).all())
    expect(error).toMatchObject({ code: 'NoQuorum', executed: 'yes' })
    expect(error.details).toMatchObject({ wanted: 1, instances: { ace: { executed: 'yes', code: 'RemoteException' } } })
    expect(error.cause).toBeInstanceOf(Error)

    const lost = rest.with({ first: 3 }).all({ rex: 5000, ace: 5000, zoe: 5000 })
    const from = h.world.nowMs
    await h.advance(10)
    h.kill(kennels[0]!.client)
    expect(await h.until(failure(lost))).toMatchObject({ code: 'NoQuorum', executed: 'maybe' })
    expect(h.world.nowMs - from).toBeLessThan(2000)
    await h.advance(10_000)
  })
})

describe('quorum', () => {
  const agreeing: readonly [string, unknown, unknown][] = [
    ['the order of properties', { a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }],
    ['what is undefined', { a: 1, b: undefined }, { a: 1 }],
    [
      'maps and sets',
      new Map<unknown, unknown>([
        ['x', new Set([1, 2])],
        ['y', 1n],
      ]),
      new Map<unknown, unknown>([
        ['y', 1n],
        ['x', new Set([2, 1])],
      ]),
    ],
    ['dates and bytes', [new Date(5), new Uint8Array([1, 255])], [new Date(5), new Uint8Array([1, 255])]],
    ['zeros', [0, NaN], [-0, NaN]],
    ['what is shared', ((one) => [one, one])({ a: 1 }), [{ a: 1 }, { a: 1 }]],
    ['nothing', undefined, undefined],
  ]
  test.each(agreeing)('agrees whatever %s', async (_what, left, right) => {
    await using h = harness()
    const { caller } = await three(h)
    const { results } = await caller.remote<Dog>('Dog').say.with({ quorum: 2 }).all({ rex: left, ace: 'other', zoe: right })
    expect([...results.keys()].toSorted()).toEqual(['rex', 'zoe'])
  })

  const differing: readonly [string, unknown, unknown][] = [
    ['kinds', '1', 1],
    ['big numbers', 1, 1n],
    ['order', [1, 2], [2, 1]],
    ['values', { a: 1 }, { a: 2 }],
    ['dates and their text', new Date(5), new Date(5).toISOString()],
    ['widths of bytes', new Uint8Array([1]), new Int8Array([1])],
    ['nesting', [['a'], 'b'], [['a', 'b']]],
    ['texts that look like others', ['a,b'], ['a', 'b']],
    ['null', null, undefined],
  ]
  test.each(differing)('%s differ', async (_what, left, right) => {
    await using h = harness()
    const { caller } = await three(h)
    const error = await failure(caller.remote<Dog>('Dog').say.with({ quorum: 2 }).all({ rex: left, ace: 'other', zoe: right }))
    expect(error).toMatchObject({ code: 'NoQuorum', executed: 'yes', message: 'no 2 of 3 instances agree' })
  })

  test('what contains itself agrees with nothing', async () => {
    await using h = harness()
    const { caller } = await three(h)
    const loop: { self?: unknown } = {}
    loop.self = loop
    const error = await failure(caller.remote<Dog>('Dog').say.with({ quorum: 2 }).all({ rex: loop, ace: loop, zoe: 1 }))
    expect(error.code).toBe('NoQuorum')
  })

  test('ends as soon as enough agree, or cannot any more', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h)
    await kennel(h, 'fay')
    const slow = { zoe: 5000, fay: 5000 }
    const { rest } = caller.remote<Dog>('Dog')
    const from = h.world.nowMs
    // Each says its own name, so two that have answered disagree; two more could still agree with one of them.
    const error = await h.until(failure(rest.with({ quorum: 4 }).all({ rex: 10, ace: 20, ...slow })))
    expect(error).toMatchObject({ code: 'NoQuorum', executed: 'yes' })
    expect(h.world.nowMs - from).toBeLessThan(100)
    await h.advance(10_000)
    expect(kennels[2]!.seen).toContain('aborted')
  })
})

describe('hedge', () => {
  test('asks one more each time that nothing came, and cancels who was slower', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h, { idempotent: true })
    const { rest } = caller.remote<Dog>('Dog')
    const asked = (): number => kennels.filter(({ seen }) => seen.includes('rest')).length
    const fan = rest.with({ hedge: 50 }).all({ rex: 5000, ace: 5000, zoe: 80 })
    await h.advance(10)
    expect(asked()).toBe(1)
    await h.advance(50)
    expect(asked()).toBe(2)
    await h.advance(50)
    expect(asked()).toBe(3)
    const { results, missing } = await h.until(fan)
    expect([entries({ results } as never), missing]).toEqual([{ zoe: 'zoe' }, []])
    await h.advance(10_000)
    expect(kennels.slice(0, 2).map(({ seen }) => seen)).toEqual([
      ['rest', 'aborted'],
      ['rest', 'aborted'],
    ])
  })

  test('asks no second one where the first is quick, and another one each time', async () => {
    await using h = harness()
    const { caller, kennels } = await three(h, { idempotent: true })
    const { rest } = caller.remote<Dog>('Dog')
    for (let turn = 0; turn < 3; turn++) {
      await h.until(rest.with({ hedge: '1s' }).all({}))
      await h.advance(5000)
    }
    expect(kennels.map(({ seen }) => seen)).toEqual(Array(3).fill(['rest', 'rested']))
  })

  test('does not wait for who has failed', async () => {
    await using h = harness()
    const { caller } = await three(h, { idempotent: true })
    const error = await failure(caller.remote<Dog>('Dog').fail.with({ hedge: '1h' }).all())
    expect(error).toMatchObject({ code: 'NoQuorum', executed: 'yes', details: { wanted: 1 } })
  })

  test('is only for what every instance declares idempotent; otherwise nothing is sent', async () => {
    await using h = harness()
    const one = await kennel(h, 'rex', { method: { idempotent: true } })
    const other = await kennel(h, 'ace')
    const caller = await h.client('caller')
    const error = await failure(caller.remote<Dog>('Dog').bark.with({ hedge: 50 }).all('x'))
    expect(error).toMatchObject({ code: 'NotIdempotent', executed: 'no', details: { instances: ['ace'] } })
    expect([one.seen, other.seen]).toEqual([[], []])
    expect(entries(await caller.remote<Dog>('rex/Dog').bark.with({ hedge: 50 }).all('x'))).toEqual({ rex: 'rex 1.0.0: x' })
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
