/** A client that the router asks to empty itself: what runs ends, nothing new comes, and it stays. */
import { service, type Client, type ConnectionStatus } from '@waybill/client'
import { FrameType, Tag } from '@waybill/core'
import { harness, type Harness, type HarnessOptions } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { Stage } from './callee-stage.js'

interface Dog {
  name(): string
  rest(ms: number): Promise<string>
}
const dog = service<Dog>('Dog@1.0.0', { name: {}, rest: { concurrency: 1 } })

interface Router {
  drain(client: string): { client: string; inFlight: number }
  services(): { client: string }[]
}

async function worker(h: Harness, name: string): Promise<Client> {
  const client = await h.client(name)
  await client.expose(dog, {
    name: () => name,
    rest: (ms) =>
      h
        .processOf(client)
        .sleep(ms)
        .then(() => `${name} rested`),
  })
  return client
}

async function kennel(options: HarnessOptions = {}) {
  const h = harness(options)
  const client = await worker(h, 'kennel')
  const caller = await h.client('caller')
  const kinds: string[] = []
  client.onStatus(({ kind }: ConnectionStatus) => kinds.push(kind))
  const router = caller.remote<Router>('waybill.Router')
  const offering = async () => (await router.services()).map((one) => one.client)
  return { h, client, caller, kinds, router, offering, dog: caller.remote(dog) }
}

describe('drain', () => {
  test('what runs ends with its result, new calls go elsewhere, and the client tells when it is empty', async () => {
    const { h, kinds, router, offering, dog } = await kennel()
    await using _ = h
    const resting = dog.rest(1000)
    await h.advance(1)
    await worker(h, 'other')
    expect(await router.drain('kennel')).toEqual({ client: 'kennel', inFlight: 1 })
    await h.advance(1)
    expect(kinds).toEqual(['draining'])
    expect(await offering()).toEqual(['other'])
    expect(await Promise.all([dog.name(), dog.name(), dog.name()])).toEqual(['other', 'other', 'other'])
    expect(await h.until(resting)).toBe('kennel rested')
    await h.advance(1)
    expect(kinds).toEqual(['draining', 'drained'])
  })

  test('when it is answered, nothing new goes there any more, though the client has not heard of it', async () => {
    await using h = harness({ latencyMs: 10 })
    await h.until(worker(h, 'kennel'))
    await h.until(worker(h, 'other'))
    const caller = await h.client('caller')
    const router = caller.remote<Router>('waybill.Router')
    const [, ...names] = await h.until(Promise.all([router.drain('kennel'), ...[1, 2, 3].map(() => caller.remote(dog).name())]))
    expect(names).toEqual(['other', 'other', 'other'])
  })

  test('asked again it goes on; without calls it is empty at once', async () => {
    const { h, kinds, router } = await kennel()
    await using _ = h
    await Promise.all([router.drain('kennel'), router.drain('kennel')])
    await h.advance(1)
    expect(kinds.filter((kind) => kind === 'drained').length).toBe(kinds.filter((kind) => kind === 'draining').length)
    expect(kinds.slice(0, 2)).toEqual(['draining', 'drained'])
  })

  test('a later session offers nothing, until the program does', async () => {
    const { h, client, kinds, router, offering, dog: remote } = await kennel()
    await using _ = h
    await router.drain('kennel')
    await h.advance(1)
    await h.restartRouter(10)
    await h.advance(15_000)
    expect(kinds).toEqual(['draining', 'drained', 'lost', 'connected'])
    expect(await offering()).toEqual([])
    await client.expose(dog, { name: () => 'again', rest: async () => '' })
    expect(await remote.name()).toBe('again')
  })

  test('what waits in the client is given back unstarted', async () => {
    await using stage = await Stage.open()
    const log: string[] = []
    let go!: () => void
    await stage.client.expose(service<{ f(name: string): Promise<void> }>('F@1.0.0', { f: {} }), {
      f: (name) => {
        log.push(name)
        return new Promise((resolve) => (go = resolve))
      },
    })
    const fields = { [Tag.orderKey]: 'k' }
    const [runs, waits] = [stage.call('f', ['runs'], { fields }), stage.call('f', ['waits'], { fields })]
    stage.send({ type: FrameType.drain })
    await stage.world.advance(0)
    expect(stage.withdrawn).toEqual([1])
    expect(await stage.end(waits)).toMatchObject({ type: FrameType.rejected, value: { code: 'Overloaded' } })
    const crossing = stage.call('f', ['late'])
    expect(await stage.end(crossing)).toMatchObject({ type: FrameType.rejected, value: { code: 'NoSuchService' } })
    go()
    expect(await stage.end(runs)).toMatchObject({ type: FrameType.result })
    expect(log).toEqual(['runs'])
  })
})

describe('who may drain', () => {
  const tokens = { ada: 'a', bob: 'b' }

  test('without a rule of the deployment the principal of the client, and nobody else', async () => {
    await using h = harness({ router: { tokens } })
    const [own, other, client] = [
      await h.client('own', { token: 'a' }),
      await h.client('other', { token: 'b' }),
      await h.client('kennel', { token: 'a' }),
    ]
    await client.expose(dog, { name: () => 'x', rest: async () => '' })
    const router = (from: Client) => from.remote<Router>('waybill.Router')
    await expect(router(other).drain('kennel')).rejects.toMatchObject({ code: 'Forbidden', executed: 'no' })
    expect((await router(own).services()).length).toBe(1)
    expect(await router(own).drain('kennel')).toEqual({ client: 'kennel', inFlight: 0 })
  })

  test('with one, whoever it says', async () => {
    const asked: unknown[] = []
    const authorize = (principal: string, action: string, subject: object): boolean => {
      if (action === 'drain') asked.push([principal, subject])
      return action !== 'drain' || principal === 'bob'
    }
    await using h = harness({ router: { tokens, authorize } })
    const [own, other] = [await h.client('own', { token: 'a' }), await h.client('other', { token: 'b' })]
    await expect(own.remote<Router>('waybill.Router').drain('own')).rejects.toMatchObject({ code: 'Forbidden' })
    expect(await other.remote<Router>('waybill.Router').drain('own')).toMatchObject({ client: 'own' })
    expect(asked).toEqual([
      ['ada', { client: 'own' }],
      ['bob', { client: 'own' }],
    ])
  })

  test('a client that is not there: NoSuchClient', async () => {
    const { h, router } = await kennel()
    await using _ = h
    await expect(router.drain('nobody')).rejects.toMatchObject({ code: 'NoSuchClient', executed: 'no' })
    await expect(router.drain(7 as never)).rejects.toMatchObject({ code: 'BadArguments', executed: 'no' })
  })
})

test('a close that is under way is in as much haste as the last one who asks for it', async () => {
  const { h, client, dog } = await kennel()
  await using _ = h
  const resting = dog.rest(20_000)
  const outcome = expect(resting).rejects.toMatchObject({ code: 'WorkerLost', executed: 'maybe' })
  await h.advance(1)
  const closing = client.close()
  await h.advance(1000)
  expect(client.isConnected).toBe(true)
  void client.close({ drainMs: 500 })
  await h.advance(499)
  expect(client.isConnected).toBe(true)
  await h.advance(1)
  await closing
  await outcome
  await h.advance(20_000)
})
