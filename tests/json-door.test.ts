/** The JSON text door, driven by bare WebSockets: callers, callees and subscribers beside binary clients and each other. */
import { currentCall, service } from '@waybill/client'
import { realHarness, type RealHarness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { JsonPeer, type Json } from './json-peer.js'

interface Dog {
  bark(phrase: string, ...more: unknown[]): unknown
  walk(km: number): Promise<string>
  bite(): void
}
const dog = service<Dog>('Dog@1.2.0', { bark: {}, walk: {}, bite: {} })
const SN = 'e7e91fb6-611b-4284-a9ed-ac1636b2c709'

async function kennel(h: RealHarness, name = 'kennel'): Promise<void> {
  const client = await h.client(name, { onIncident: () => {} })
  await client.expose(dog, {
    bark: (...phrases) => phrases,
    walk: (km) => {
      for (let completed = 1; completed <= km; completed++) currentCall().progress({ total: km, completed, details: 'sniffing' })
      return Promise.resolve('home')
    },
    bite: () => {
      throw new RangeError('ouch')
    },
  })
}

describe('a caller', () => {
  test('calls: statuses, the value, the words of the router beside it', async () => {
    await using h = await realHarness()
    await kennel(h)
    const peer = await JsonPeer.open(h.url, 'walker')
    expect(peer.welcome).toMatchObject({ version: 1, name: 'walker', principal: 'local', router: { name: 'router' }, features: [] })
    peer.say({
      sn: SN,
      version: '1.0',
      routing: ['walker', 'kennel'],
      replyto: 'walker',
      data: 'group 2',
      request: { classname: 'Dog', method: 'walk', args: [2] },
    })
    const heard = [await peer.next(), await peer.next(), await peer.next(), await peer.next(), await peer.next()]
    const head = { sn: SN, version: '1.0', routing: ['kennel/Dog', 'walker'], data: 'group 2' }
    expect(heard).toEqual([
      { ...head, status: 'accepted' },
      { ...head, status: 'started' },
      { ...head, status: 'progress', total: 2, completed: 1, details: 'sniffing' },
      { ...head, status: 'progress', total: 2, completed: 2, details: 'sniffing' },
      { ...head, result: { retval: 'home' } },
    ])
    await peer.close()
  })

  test('values pass as the text that they are: numbers without end, spaces, the order of keys', async () => {
    await using h = await realHarness()
    const callee = await JsonPeer.open(h.url, 'kennel')
    callee.say({ register: { service: 'Dog', methods: ['bark'] } })
    await callee.next((said) => said['result'])
    const caller = await JsonPeer.open(h.url, 'walker')
    const args = '[1e400, 12345678901234567890 ,{"b":-0.0,"a":"\\u00e9" }]'
    caller.say(
      `{"sn":"${SN}","replyto":"walker","data":{ "z":1.0 },"request":{"method":"bark","classname":"Dog","args":${args},"kws":{"x":1E5}}}`,
    )
    const { sn } = await callee.next((said) => said['request'])
    expect(callee.texts.at(-1)).toContain(`"args":${args},"kws":{"x":1E5}`)
    expect(callee.texts.at(-1)).toContain('"data":{ "z":1.0 }')
    callee.say(`{"sn":"${String(sn)}","result":{"retval":{"n":0.10, "m":1e-999}}}`)
    await caller.ended(SN)
    expect(caller.texts.at(-1)).toContain('"data":{ "z":1.0 },"result":{"retval":{"n":0.10, "m":1e-999}}')
    await Promise.all([callee.close(), caller.close()])
  })

  test('without an sn the router mints one and says so first; the number of the message tells which', async () => {
    await using h = await realHarness()
    await kennel(h)
    const peer = await JsonPeer.open(h.url, 'walker')
    peer.say({ n: 1, replyto: 'walker', statuses: false, request: { classname: 'Dog', method: 'bark', args: ['wau'] } })
    const { minted, re } = await peer.next((said) => said['minted'])
    expect(re).toBe(1)
    expect(await peer.next((said) => said['sn'])).toMatchObject({ sn: minted, result: { retval: ['wau'] } })
    expect(peer.texts.some((text) => text.includes('"status"'))).toBe(false)
    await peer.close()
  })

  test('without replyto nothing comes back, whatever becomes of it', async () => {
    await using h = await realHarness()
    const seen: unknown[] = []
    await (await h.client('kennel')).expose(dog, { bark: (phrase) => seen.push(phrase), walk: async () => '', bite: () => {} })
    const peer = await JsonPeer.open(h.url, 'walker')
    peer.say({ request: { classname: 'Dog', method: 'bark', args: ['psst'] } })
    peer.say({ sn: SN, request: { classname: 'Cat', method: 'bark' } })
    peer.say({ sn: SN, version: '0.2', request: { classname: 'Dog', method: 'bark', args: ['old'] } })
    await peer.settled()
    await expect.poll(() => seen).toEqual(['psst'])
    expect(peer.rest).toEqual([])
    await peer.close()
  })

  test('exceptions and refusals arrive with their words, and say whether it ran', async () => {
    await using h = await realHarness()
    await kennel(h)
    const peer = await JsonPeer.open(h.url, 'walker')
    const call = async (destination: string, method: string, more: Json = {}): Promise<Json> => {
      const sn = crypto.randomUUID()
      const [classname] = destination.split(/[@?]/)
      peer.say({
        sn,
        replyto: 'walker',
        routing: [null, destination],
        request: { classname: classname!.split('/').at(-1), method, args: [] },
        ...more,
      })
      return await peer.ended(sn)
    }
    expect(await call('Dog', 'bite')).toMatchObject({ result: { exval: 'ouch', xclass: 'RangeError', executed: 'yes' } })
    expect(await call('Cat', 'bark')).toMatchObject({ routing: [null, 'walker'], status: 'rejected', code: 'NoSuchService' })
    expect(await call('Dog@^2', 'bark')).toMatchObject({ status: 'rejected', code: 'NoSuchVersion' })
    expect(await call('kennel/Dog@^1', 'bark')).toMatchObject({ result: { retval: [] } })
    expect(await call('Dog', 'bark', { replyto: 'somebody' })).toMatchObject({ status: 'rejected', code: 'BadArguments' })
    expect(await call('waybill.Router', 'offer')).toMatchObject({ status: 'rejected', code: 'Unsupported' })
    expect(await call('waybill.Router', 'info')).toMatchObject({ result: { retval: { name: 'router', clients: 2 } } })
    expect(await call('Dog', 'waybill.describe')).toMatchObject({ result: { retval: { name: 'Dog', version: '1.2.0' } } })
    expect(await call('Cat', 'bark', { wait: 20 })).toMatchObject({ status: 'rejected', code: 'Expired' })
    await peer.close()
  })

  test('a stored call has a receipt, which can be asked for and watched; a cancel ends what waits', async () => {
    await using h = await realHarness()
    await kennel(h)
    const peer = await JsonPeer.open(h.url, 'walker')
    peer.say({ durable: true, data: { job: 7 }, request: { classname: 'Dog', method: 'bark', args: ['kept'] } })
    const { minted } = await peer.next()
    expect(await peer.next()).toMatchObject({ sn: minted, status: 'stored', durability: 'memory' })
    peer.say({ sn: minted, watch: {} })
    expect(await peer.ended(minted as string)).toMatchObject({ data: { job: 7 }, result: { retval: ['kept'] } })
    peer.say({ sn: SN, replyto: 'walker', request: { classname: 'waybill.Router', method: 'receipt', args: [minted] } })
    expect(await peer.ended(SN)).toMatchObject({ result: { retval: { sn: minted, state: 'succeeded', data: { job: 7 } } } })
    peer.say({ sn: SN, replyto: 'walker', wait: 60_000, request: { classname: 'Cat', method: 'meow' } })
    peer.say({ sn: SN, cancel: { reason: 'enough' } })
    expect(await peer.ended(SN)).toMatchObject({ result: { code: 'Cancelled', executed: 'no' } })
    await peer.close()
  })

  test('a key: the call is the earlier one, whose receipt is named, also for a binary client; other arguments are a conflict', async () => {
    await using h = await realHarness()
    await kennel(h)
    const peer = await JsonPeer.open(h.url, 'walker')
    const stored = async (more: Json, args: unknown[] = ['kept']): Promise<Json> => {
      peer.say({ durable: true, key: 'walk 1', request: { classname: 'Dog', method: 'bark', args, kws: { loud: 1 } }, ...more })
      const { minted } = await peer.next((said) => said['minted'])
      return await peer.next((said) => said['sn'] === minted)
    }
    const first = await stored({})
    expect(first).toMatchObject({ status: 'stored' })
    expect(first).not.toHaveProperty('receipt')
    expect(await stored({})).toMatchObject({ status: 'stored', duplicate: true, receipt: first['sn'] })
    expect(await stored({}, ['other'])).toMatchObject({ status: 'rejected', code: 'IdempotencyConflict', details: { sn: first['sn'] } })
    const binary = await h.client('runner')
    const call = binary.remote<Dog>('Dog').bark.with({ key: 'walk 1', named: { loud: 1 } })('kept')
    expect(await call).toEqual(['kept', { loud: 1 }])
    peer.say({ sn: SN, replyto: 'walker', key: 'x', request: { classname: 'Dog', method: 'bark' } })
    expect(await peer.ended(SN)).toMatchObject({ code: 'ProtocolViolation', details: { field: 'key' } })
    await peer.close()
  })

  test('who watches no more is told nothing more, and may watch again', async () => {
    await using h = await realHarness()
    const peer = await JsonPeer.open(h.url, 'walker')
    peer.say({ durable: true, ttl: 60_000, request: { classname: 'Dog', method: 'bark', args: ['later'] } })
    const { minted } = await peer.next()
    await peer.next((said) => said['status'] === 'stored')
    peer.say({ sn: minted, watch: {} })
    peer.say({ sn: minted, cancel: {} })
    await peer.settled()
    peer.say({ sn: minted, watch: {} })
    await kennel(h)
    expect(await peer.ended(minted as string)).toMatchObject({ result: { retval: ['later'] } })
    await peer.settled()
    expect(peer.rest.filter(({ result }) => result)).toEqual([])
    await peer.close()
  })

  test('what a tracer said travels to the callee', async () => {
    await using h = await realHarness()
    const callee = await JsonPeer.open(h.url, 'kennel')
    callee.say({ register: { service: 'Dog', methods: ['bark'] } })
    await callee.next((said) => said['result'])
    const peer = await JsonPeer.open(h.url, 'walker')
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const heard = async (trace: string): Promise<unknown> => {
      peer.say({ trace, request: { classname: 'Dog', method: 'bark' } })
      return (await callee.next((said) => said['request']))['trace']
    }
    expect([await heard(trace), await heard('x'.repeat(601))]).toEqual([trace, undefined])
    await Promise.all([callee.close(), peer.close()])
  })
})

describe('a callee', () => {
  async function offering(h: RealHarness, more: Json = {}): Promise<JsonPeer> {
    const callee = await JsonPeer.open(h.url, 'py')
    callee.say({ sn: SN, register: { service: 'Dog', version: '1.2.0', methods: ['bark', 'walk', 'bite'], idempotent: ['bark'], ...more } })
    expect(await callee.ended(SN)).toMatchObject({ result: { retval: { service: 'Dog', version: '1.2.0' } } })
    return callee
  }

  test('serves binary clients: statuses, progress, values, exceptions, refusals', async () => {
    await using h = await realHarness()
    const callee = await offering(h)
    const caller = await h.client('walker')
    const heard: string[] = []
    const walk = caller.remote<Dog>('Dog').walk(3)
    for (const event of ['accepted', 'started', 'progress', 'result'] as const) void walk.on(event, () => void heard.push(event))
    const asked = await callee.next((said) => said['request'])
    expect(asked).toMatchObject({
      version: '1.0',
      routing: ['walker', 'py/Dog@1.2.0'],
      replyto: 'walker',
      principal: 'local',
      ttl: expect.any(Number),
      request: { classname: 'Dog', method: 'walk', args: [3] },
    })
    const { sn } = asked
    callee.say({ sn, status: 'accepted' })
    callee.say({ sn, status: 'started' })
    callee.say({ sn, status: 'progress', total: 3, completed: 1, details: { at: 'tree' } })
    callee.say({ sn, result: { retval: 'home' } })
    expect(await walk).toBe('home')
    expect(heard).toEqual(['accepted', 'started', 'progress', 'result'])
    const outcome = async (message: Json): Promise<unknown> => {
      const call = caller.remote<Dog>('Dog').bark('x')
      const { sn } = await callee.next((said) => said['request'])
      callee.say({ sn, ...message })
      return await call.then(
        (value) => value,
        (error: unknown) => error,
      )
    }
    expect(await outcome({ result: {} })).toBe(undefined)
    expect(await outcome({ result: { exval: 'no bone', xclass: 'BoneError', xstate: { bones: 0 } } })).toMatchObject({
      code: 'RemoteException',
      xclass: 'BoneError',
      xstate: { bones: 0 },
      executed: 'yes',
    })
    expect(await outcome({ result: { exval: 'late', code: 'DeadlineExceeded', executed: 'maybe' } })).toMatchObject({
      code: 'DeadlineExceeded',
      executed: 'maybe',
    })
    expect(await outcome({ status: 'rejected', code: 'Overloaded1', description: 'full', details: 1 })).toMatchObject({
      code: 'Rejected',
      executed: 'no',
    })
    await callee.close()
  })

  test('is cancelled, described by the door, drained of what it took back', async () => {
    await using h = await realHarness()
    const callee = await offering(h, { labels: { region: 'eu' }, concurrency: 2 })
    const caller = await h.client('walker')
    const remote = caller.remote<Dog & { 'waybill.describe'(): unknown }>('Dog?region=eu')
    expect(await remote['waybill.describe']()).toEqual({
      name: 'Dog',
      version: '1.2.0',
      labels: { region: 'eu' },
      instance: 'py',
      concurrency: 2,
      methods: [
        { name: 'bark', idempotent: true },
        { name: 'walk', idempotent: false },
        { name: 'bite', idempotent: false },
      ],
    })
    const call = remote.walk(1)
    const { sn } = await callee.next((said) => said['request'])
    void call.cancel('enough')
    expect(await callee.next((said) => said['cancel'])).toMatchObject({ sn, routing: ['walker', 'py'], cancel: {} })
    callee.say({ sn, result: { exval: 'stopped', code: 'Cancelled', executed: 'maybe' } })
    await expect(call).rejects.toMatchObject({ code: 'Cancelled', executed: 'maybe' })
    callee.say({ sn: SN, unregister: { service: 'Dog' } })
    expect(await callee.ended(SN)).toMatchObject({ result: { retval: [{ service: 'Dog', version: '1.2.0' }] } })
    await expect(remote.bark('')).rejects.toMatchObject({ code: 'NoSuchService' })
    callee.say({ sn: SN, unregister: { service: 'Dog' } })
    expect(await callee.ended(SN)).toMatchObject({ status: 'rejected', code: 'NoSuchService' })
    await callee.close()
  })

  test('calls without a reply arrive without replyto, and their end is the router’s alone', async () => {
    await using h = await realHarness()
    const callee = await offering(h, { concurrency: 1 })
    const caller = await h.client('walker')
    void caller.remote<Dog>('Dog').bark.send('one')
    void caller.remote<Dog>('Dog').bark.send('two')
    const one = await callee.next((said) => said['request'])
    expect(one).not.toHaveProperty('replyto')
    await callee.settled()
    expect(callee.rest).toEqual([])
    callee.say({ sn: one['sn'], result: { retval: 'unheard' } })
    expect(await callee.next((said) => said['request'])).toMatchObject({ request: { args: ['two'] } })
    await callee.close()
  })

  test('what plain JSON cannot carry is refused to whom made it; long texts and long bodies arrive', async () => {
    await using h = await realHarness({ limits: { maxBodyBytes: 3_000_000 } })
    const callee = await offering(h)
    const caller = await h.client('walker')
    const bark = caller.remote<Dog>('Dog').bark
    for (const rich of [new Date(0), 10n, new Uint8Array(3), new Map()])
      await expect(bark('x', rich)).rejects.toMatchObject({ code: 'NotRepresentable', executed: 'no' })
    await callee.settled()
    expect(callee.rest).toEqual([])
    const echo = async (...args: [string, ...unknown[]]): Promise<unknown> => {
      const call = bark(...args)
      const { sn, request } = await callee.next((said) => said['request'])
      const { args: arrived } = request as { args: readonly unknown[] }
      callee.say({ sn, result: { retval: arrived.length } })
      expect(arrived).toEqual(args)
      return await call
    }
    expect(await echo('é'.repeat(5000), { deep: ['y'.repeat(2000)] })).toBe(2)
    expect(await echo('z'.repeat(2_000_000))).toBe(1)
    const binary = await h.client('binary')
    await binary.expose(service<{ give(what: string): unknown }>('Rich@1.0.0', { give: {} }), {
      give: (what) => (what === 'date' ? new Date(0) : what === 'long' ? 'l'.repeat(1_500_000) : ['t'.repeat(1500), 1]),
    })
    const json = await JsonPeer.open(h.url, 'json')
    const give = async (what: string): Promise<Json> => {
      const sn = crypto.randomUUID()
      json.say({ sn, replyto: 'json', request: { classname: 'Rich', method: 'give', args: [what] } })
      return (await json.ended(sn))['result'] as Json
    }
    expect(await give('date')).toMatchObject({ code: 'NotRepresentable', executed: 'yes' })
    expect((await give('long'))['retval']).toHaveLength(1_500_000)
    expect((await give('text'))['retval']).toEqual(['t'.repeat(1500), 1])
    await Promise.all([callee.close(), json.close()])
  })

  test('a connection that breaks takes its services, its calls and its name with it at once', async () => {
    await using h = await realHarness({ limits: { resumeGraceMs: 60_000 } })
    const callee = await offering(h)
    const caller = await h.client('walker')
    const call = caller.remote<Dog>('Dog').bark('x')
    await callee.next((said) => said['request'])
    callee.socket.terminate()
    await expect(call).rejects.toMatchObject({ code: 'WorkerLost', executed: 'maybe' })
    await expect(caller.remote<Dog>('Dog').bark('x')).rejects.toMatchObject({ code: 'NoSuchService' })
    const again = await offering(h)
    const other = await JsonPeer.open(h.url, 'py')
    expect(await again.next((said) => said['goodbye'])).toMatchObject({ goodbye: { code: 'Superseded' } })
    expect(await again.closed).toMatchObject({ code: 4002 })
    await other.close()
  })

  test('who calls is stamped by the router, and unknown fields travel on between JSON clients', async () => {
    await using h = await realHarness({ tokens: { alice: 'a', bob: 'b' } })
    const callee = await JsonPeer.open(h.url, 'py', { credentials: { token: 'a' } })
    callee.say({ register: { service: 'Dog', methods: ['bark'] } })
    await callee.next((said) => said['result'])
    const caller = await JsonPeer.open(h.url, 'walker', { credentials: { token: 'b' } })
    caller.say({
      sn: SN,
      replyto: 'walker',
      routing: ['root', 'Dog'],
      principal: 'alice',
      attempt: 9,
      x_pam: { a: [1] },
      window: null,
      request: { classname: 'Dog', method: 'bark' },
    })
    const asked = await callee.next((said) => said['request'])
    expect(asked).toMatchObject({ sn: SN, routing: ['walker', 'py/Dog@1.0.0'], principal: 'bob', x_pam: { a: [1] }, window: null })
    expect(asked).not.toHaveProperty('attempt')
    expect(asked['request']).toEqual({ classname: 'Dog', method: 'bark', args: [] })
    await Promise.all([callee.close(), caller.close()])
  })
})

describe('postbacks', () => {
  test('a stored call may be answered to another client, whose own things of the same sn are left alone', async () => {
    await using h = await realHarness()
    const [callee, clerk, walker] = [
      await JsonPeer.open(h.url, 'py'),
      await JsonPeer.open(h.url, 'clerk'),
      await JsonPeer.open(h.url, 'walker'),
    ]
    callee.say({ sn: SN, register: { service: 'Dog', methods: ['bark'] } })
    await callee.ended(SN)
    walker.say({ durable: true, replyto: 'clerk', data: [1], request: { classname: 'Dog', method: 'bark' } })
    const { sn } = await walker.next((said) => said['status'] === 'stored')
    clerk.say({ sn, subscribe: { topic: 'a' } })
    await clerk.ended(sn as string)
    await callee.next((said) => said['request'])
    callee.say({ sn, result: { retval: 'for the clerk' } })
    expect(await clerk.ended(sn as string)).toMatchObject({ sn, data: [1], routing: [null, 'clerk'], result: { retval: 'for the clerk' } })
    clerk.say({ sn, unsubscribe: {} })
    await clerk.settled()
    expect([h.router.load.subscriptions, walker.rest]).toEqual([0, [{ minted: sn }]])
    await Promise.all([callee, clerk, walker].map((peer) => peer.close()))
  })
})

describe('events', () => {
  test('are published and received, once each; values that are more than JSON come without', async () => {
    await using h = await realHarness()
    const binary = await h.client('kennel')
    const feed = binary.events('dog.*')
    await feed.ready
    const peer = await JsonPeer.open(h.url, 'walker')
    peer.say({ sn: SN, subscribe: { topic: 'dog.**' } })
    expect(await peer.ended(SN)).toMatchObject({ result: {} })
    const second = crypto.randomUUID()
    peer.say({ sn: second, subscribe: { topic: 'dog.barked' } })
    await peer.ended(second)
    peer.say('{"publish":{"topic":"dog.barked","value":{"n": 1.50}}}')
    expect(await peer.next((said) => said['event'])).toMatchObject({ event: { topic: 'dog.barked', sender: 'walker', value: { n: 1.5 } } })
    expect(peer.texts.at(-1)).toContain('"value":{"n": 1.50}')
    await binary.publish('dog.slept', new Date(0))
    expect(await peer.next((said) => said['event'])).toMatchObject({
      event: { topic: 'dog.slept', sender: 'kennel', code: 'NotRepresentable' },
    })
    peer.say({ publish: { topic: 'waybill.mine' } })
    expect(await peer.next((said) => said['status'])).toMatchObject({ topic: 'waybill.mine', status: 'rejected', code: 'Forbidden' })
    peer.say({ sn: SN, unsubscribe: {} })
    peer.say({ sn: second, unsubscribe: {} })
    peer.say({ publish: { topic: 'dog.again' } })
    await peer.settled()
    expect(peer.rest).toEqual([])
    for (const topic of ['dog.barked', 'dog.slept', 'dog.again'])
      expect((await feed[Symbol.asyncIterator]().next()).value).toMatchObject({ topic })
    await peer.close()
  })
})
