/** Where a call goes: by service and version, by client, by label; what is offered, taken back, refused, and offered again. */
import { currentCall, service, type Client, type WaybillError } from '@waybill/client'
import { Remote } from '@waybill/decorators'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'

interface Dog {
  name(): string
}

async function kennel(
  h: Harness,
  name: string,
  version: string,
  labels?: Record<string, string>,
  serviceLabels?: Record<string, string>,
): Promise<Client> {
  const client = await h.client(name, labels === undefined ? {} : { labels })
  await client.expose(service<Dog>(`Dog@${version}`, { name: {} }, serviceLabels === undefined ? {} : { labels: serviceLabels }), {
    name: () => `${name} ${version}`,
  })
  return client
}

async function failure(call: PromiseLike<unknown>): Promise<WaybillError> {
  return (await call.then(
    () => undefined,
    (error: unknown) => error,
  )) as WaybillError
}

async function answers(caller: Client, address: string, options: object = {}): Promise<string[]> {
  const { name } = caller.remote<Dog>(address, options)
  const all: string[] = []
  for (let n = 0; n < 6; n++) all.push(await name())
  return [...new Set(all)].toSorted()
}

describe('versions', () => {
  test('a range means all instances that match, in turn', async () => {
    await using h = harness()
    for (const version of ['1.0.0', '1.2.0', '1.10.3', '2.0.0', '3.0.0-beta.1'])
      await kennel(h, `v${version.replaceAll('.', '_')}`, version)
    const caller = await h.client('caller')
    const versions = async (address: string): Promise<string[]> =>
      (await answers(caller, address)).map((answer) => answer.split(' ')[1]!).toSorted()
    expect(await versions('Dog')).toEqual(['1.0.0', '1.10.3', '1.2.0', '2.0.0', '3.0.0-beta.1'])
    expect(await versions('Dog@^1')).toEqual(['1.0.0', '1.10.3', '1.2.0'])
    expect(await versions('Dog@~1.2')).toEqual(['1.2.0'])
    expect(await versions('Dog@1.0.0')).toEqual(['1.0.0'])
    expect(await versions('Dog@>=1.5 <3')).toEqual(['1.10.3', '2.0.0'])
    expect(await versions('Dog@^1.2 || ^2')).toEqual(['1.10.3', '1.2.0', '2.0.0'])
    expect(await versions('Dog@3.0.0-beta.1')).toEqual(['3.0.0-beta.1'])
    expect(await versions('Dog@*')).toHaveLength(5)
    expect(await answers(caller, 'Dog', { version: '^2' })).toEqual(['v2_0_0 2.0.0'])
  })

  test('no such version says which there are, a range that is none is malformed', async () => {
    await using h = harness()
    await kennel(h, 'one', '1.2.0')
    const caller = await h.client('caller')
    expect(await failure(caller.remote<Dog>('Dog@^4').name())).toMatchObject({
      code: 'NoSuchVersion',
      executed: 'no',
      details: { offered: ['1.2.0'], range: '^4' },
    })
    expect(await failure(caller.remote<Dog>('Dog@one').name())).toMatchObject({ code: 'BadAddress', executed: 'no' })
  })

  test('work in flight stays where it began, new work goes to the new version', async () => {
    await using h = harness()
    const old = await h.client('old')
    await old.expose(service<Dog>('Dog@1.0.0', { name: {} }), {
      name: () =>
        h
          .processOf(old)
          .sleep(100)
          .then(() => '1.0.0') as unknown as string,
    })
    const caller = await h.client('caller')
    const { name } = caller.remote<Dog>('Dog@^1')
    const began = name()
    await h.advance(10)
    await kennel(h, 'new', '1.1.0')
    expect(await caller.remote<Dog>('Dog@^1.1').name()).toBe('new 1.1.0')
    expect(await h.until(began)).toBe('1.0.0')
  })
})

describe('clients and labels', () => {
  test('by name, by id, and both in the address', async () => {
    await using h = harness()
    await kennel(h, 'rex', '1.0.0')
    const ace = await kennel(h, 'ace', '1.0.0')
    const caller = await h.client('caller')
    expect(await answers(caller, 'Dog', { on: 'ace' })).toEqual(['ace 1.0.0'])
    expect(await answers(caller, 'rex/Dog@^1')).toEqual(['rex 1.0.0'])
    expect(await answers(caller, 'rex/Dog', { on: 'ace' })).toEqual(['ace 1.0.0'])
    const clients = await caller.remote<{ clients(): { name: string; id: string }[] }>('waybill.Router').clients()
    expect(await answers(caller, 'Dog', { on: clients.find(({ name }) => name === ace.name)!.id })).toEqual(['ace 1.0.0'])
    expect(await failure(caller.remote<Dog>('Dog', { on: 'nobody' }).name())).toMatchObject({ code: 'NoSuchClient', executed: 'no' })
    expect(await failure(caller.remote<Dog>('Dog', { on: 'caller' }).name())).toMatchObject({ code: 'NoSuchService', executed: 'no' })
    expect(await failure(caller.remote<Dog>('Dog', { on: 'rex', version: '^2' }).name())).toMatchObject({
      code: 'NoSuchVersion',
      executed: 'no',
    })
  })

  test('by labels of the client and of the service', async () => {
    await using h = harness()
    await kennel(h, 'rex', '1.0.0', { region: 'eu' })
    await kennel(h, 'ace', '1.0.0', { region: 'us' }, { size: 'big' })
    const caller = await h.client('caller')
    expect(await answers(caller, 'Dog', { where: { region: 'eu' } })).toEqual(['rex 1.0.0'])
    expect(await answers(caller, 'Dog?region=us&size=big')).toEqual(['ace 1.0.0'])
    expect(await answers(caller, 'Dog?region=us', { where: { region: 'eu' } })).toEqual(['rex 1.0.0'])
    expect(await failure(caller.remote<Dog>('Dog', { where: { region: 'eu', size: 'big' } }).name())).toMatchObject({
      code: 'NoSuchService',
    })
  })

  test('a callee knows who calls, and what was sent beside the arguments', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    interface Who {
      who(): unknown
    }
    await worker.expose(service<Who>('Who@1.0.0', { who: {} }), {
      who: async () => {
        const { caller, data, service: name, method, sn } = currentCall()
        await h.processOf(worker).sleep(1)
        return { client: caller.client, principal: caller.principal, data, name, method, sn, after: currentCall().sn }
      },
    })
    const caller = await h.client('caller')
    const call = caller.remote<Who>('Who', { data: { trace: [1, 2] } }).who()
    expect(await h.until(call)).toEqual({
      client: 'caller',
      principal: 'local',
      data: { trace: [1, 2] },
      name: 'Who',
      method: 'who',
      sn: call.sn,
      after: call.sn,
    })
  })
})

describe('taking back', () => {
  test('new calls go elsewhere, what has arrived still runs', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const exposed = await worker.expose(service<Dog>('Dog@1.0.0', { name: {} }), {
      name: () =>
        h
          .processOf(worker)
          .sleep(50)
          .then(() => 'worker') as unknown as string,
    })
    expect(exposed).toMatchObject({ service: 'Dog', version: '1.0.0', methods: ['name'] })
    const caller = await h.client('caller')
    const { name } = caller.remote<Dog>('Dog')
    const running = name()
    await h.advance(1)
    await exposed.withdraw()
    expect(await failure(name())).toMatchObject({ code: 'NoSuchService', executed: 'no' })
    await kennel(h, 'other', '1.0.0')
    expect(await name()).toBe('other 1.0.0')
    expect(await h.until(running)).toBe('worker')
    await exposed.withdraw()
  })

  test('await using takes back at the end of its block', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const caller = await h.client('caller')
    const { name } = caller.remote<Dog>('Dog')
    {
      await using _ = await worker.expose(service<Dog>('Dog@1.0.0', { name: {} }), { name: () => 'there' })
      expect(await name()).toBe('there')
    }
    expect(await failure(name())).toMatchObject({ code: 'NoSuchService' })
    await worker.expose(service<Dog>('Dog@1.0.0', { name: {} }), { name: () => 'again' })
    expect(await name()).toBe('again')
  })

  test('a number that the router gave for a name may go stale; the caller never sees it', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const caller = await h.client('caller')
    const { name } = caller.remote<Dog>('Dog')
    // More than the credit, so that it is refused while the rest of it waits.
    const load = new Uint8Array(3 * 1024 * 1024)
    for (let round = 0; round < 5; round++) {
      const exposed = await worker.expose(service<Dog>('Dog@1.0.0', { name: {} }), { name: () => `round ${round}` })
      // The first call of a round finds the method's number gone: once a small one, once one that is under way in pieces.
      if (round % 2 === 0) expect(await name()).toBe(`round ${round}`)
      expect(await (name as unknown as (load: Uint8Array) => Promise<string>)(load)).toBe(`round ${round}`)
      expect(await name()).toBe(`round ${round}`)
      await exposed.withdraw()
      if (round === 2)
        expect(await failure((name as unknown as (load: Uint8Array) => Promise<string>)(load))).toMatchObject({ code: 'NoSuchService' })
    }
    expect(caller.isConnected).toBe(true)
  })
})

describe('what is not exposed', () => {
  const nothing: readonly [string, () => object][] = [
    ['a plain object', () => ({ name: () => 1 })],
    [
      'an undecorated instance',
      () =>
        new (class Plain {
          name() {}
        })(),
    ],
    [
      'an undecorated class',
      () =>
        class Plain {
          name() {}
        },
    ],
    ['a function', () => () => 1],
    ['an array', () => []],
  ]
  test.each(nothing)('%s: NotExposed', async (_what, target) => {
    await using h = harness()
    const client = await h.client('worker')
    expect(await failure(client.expose(target()))).toMatchObject({ code: 'NotExposed', executed: 'no' })
    expect(h.router.load.instances).toBe(0)
  })

  test('a class without a method that may be called: NotExposed', async () => {
    @Remote({ name: 'Empty' })
    class Empty {
      field = 1
    }
    await using h = harness()
    const client = await h.client('worker')
    expect(await failure(client.expose(new Empty()))).toMatchObject({ code: 'NotExposed' })
  })

  test('a definition whose implementation lacks a method: NotExposed, naming it', async () => {
    await using h = harness()
    const client = await h.client('worker')
    expect(await failure(client.expose(service<Dog>('Dog@1.0.0', { name: {} }), {} as Dog))).toMatchObject({
      code: 'NotExposed',
      message: expect.stringContaining("'name'"),
    })
  })

  test('what the router forbids is not exposed, and not tried again', async () => {
    await using h = harness({ router: { authorize: (_principal, action, { service: name }) => action !== 'expose' || name !== 'Dog' } })
    const client = await h.client('worker')
    expect(await failure(client.expose(service<Dog>('Dog@1.0.0', { name: {} }), { name: () => '' }))).toMatchObject({ code: 'Forbidden' })
    expect(await failure(client.expose(service<Dog>('waybill.Dog@1.0.0', { name: {} }), { name: () => '' }))).toMatchObject({
      code: 'Forbidden',
    })
    await client.expose(service<Dog>('Cat@1.0.0', { name: {} }), { name: () => 'cat' })
    await h.restartRouter(100)
    await h.advance(20_000)
    const caller = await h.client('caller')
    expect(await caller.remote<Dog>('Cat').name()).toBe('cat')
    expect(h.router.load.instances).toBe(1)
  })

  test('an option that is wrong is refused by name, and nothing is sent', async () => {
    await using h = harness()
    let called = 0
    const worker = await h.client('worker')
    await worker.expose(service<Dog>('Dog@1.0.0', { name: {} }), { name: () => String(called++) })
    const caller = await h.client('caller')
    const dog = caller.remote<Dog>('Dog')
    expect(() => dog.name.with({ where: 'eu' as never })).toThrow(
      expect.objectContaining({ code: 'BadAddress', message: expect.stringContaining('where') }),
    )
    expect(called).toBe(0)
  })
})

describe('offered again', () => {
  test('after the router was started anew', async () => {
    await using h = harness()
    await kennel(h, 'rex', '1.0.0')
    const ace = await kennel(h, 'ace', '1.0.0')
    const caller = await h.client('caller')
    expect(await answers(caller, 'Dog')).toEqual(['ace 1.0.0', 'rex 1.0.0'])
    await h.restartRouter(1000)
    await h.advance(20_000)
    expect(await answers(caller, 'Dog')).toEqual(['ace 1.0.0', 'rex 1.0.0'])
    expect(h.router.load.instances).toBe(2)
    expect(ace.isConnected).toBe(true)
  })

  test('after a break that was longer than the grace, and not twice after a shorter one', async () => {
    await using h = harness()
    const rex = await kennel(h, 'rex', '1.0.0')
    const caller = await h.client('caller')
    h.network.cut(h.processOf(rex))
    await h.advance(500)
    expect(h.router.load.instances).toBe(1)
    expect(await answers(caller, 'Dog')).toEqual(['rex 1.0.0'])
    h.network.isolate('rex', 'reset')
    h.network.cut(h.processOf(rex))
    await h.advance(5000)
    expect(await failure(caller.remote<Dog>('Dog').name())).toMatchObject({ code: 'NoSuchService' })
    h.network.isolate('rex', undefined)
    await h.advance(20_000)
    expect(h.router.load.instances).toBe(1)
    expect(await answers(caller, 'Dog')).toEqual(['rex 1.0.0'])
  })

  test('what was taken back stays so', async () => {
    await using h = harness()
    const worker = await h.client('worker')
    const exposed = await worker.expose(service<Dog>('Dog@1.0.0', { name: {} }), { name: () => 'x' })
    await exposed.withdraw()
    await h.restartRouter(100)
    await h.advance(20_000)
    expect(h.router.load.instances).toBe(0)
  })
})
