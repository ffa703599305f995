/** A decorated class as a router of tRPC: called by tRPC itself, through the router, and with a remote behind it. */
import { createTRPCClient, type TRPCClientError } from '@trpc/client'
import { initTRPC, TRPCError } from '@trpc/server'
import { service } from '@waybill/client'
import { currentCall, Method, Remote } from '@waybill/decorators'
import { harness } from '@waybill/testkit'
import { serveTrpc, trpcFrom, waybillErrorOf, waybillLink } from '@waybill/trpc'
import superjson from 'superjson'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'

@Remote({ name: 'Dog', version: '1.0.0' })
class Dog {
  name = 'rex'
  disposed = 0

  @Method({ idempotent: true, args: [z.string(), z.number().int().optional()], returns: z.string().max(20) })
  bark(phrase: string, times?: number): string {
    return `${this.name}: ${phrase.repeat(times ?? 1)}`
  }

  @Method()
  rename(name: string): string {
    ;[this.name, name] = [name, this.name]
    return name
  }

  @Method()
  sum(numbers: number[]): number {
    return numbers.reduce((sum, number) => sum + number, 0)
  }

  @Method()
  async *walk(km: number): AsyncGenerator<string, string> {
    for (let done = 1; done <= km; done++) {
      yield `${currentCall().method} ${done}`
      await Promise.resolve()
    }
    return 'home'
  }

  @Method({ guard: ({ caller }, [secret]) => caller.principal === 'ada' && secret === 'please' })
  obey(secret: string): string {
    const { service: of, method, caller, signal } = currentCall()
    return `${of}.${method} ${secret}, ${caller.client}: ${signal.aborted}`
  }

  @Method()
  born(): Date {
    return new Date(0)
  }

  [Symbol.dispose](): void {
    this.disposed++
  }
}

const queries = ['bark'] as const

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(String, (thrown: unknown) => thrown)
  if (error instanceof TRPCError) return error.code
  throw error
}

async function gathered<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

describe('a class', () => {
  test('its methods are queries, mutations and subscriptions, and nothing else of it is there', () => {
    const { procedures } = trpcFrom(Dog, { queries })._def
    expect(Object.entries(procedures).map(([name, { _def }]) => `${_def.type} ${name}`)).toEqual([
      'query bark',
      'mutation rename',
      'mutation sum',
      'subscription walk',
      'mutation obey',
      'mutation born',
    ])
  })

  test('an instance answers all calls; the input is the list of arguments, also of one that is a list', async () => {
    const dog = trpcFrom(new Dog(), { queries }).createCaller({})
    expect(await dog.bark(['wau', 2])).toBe('rex: wauwau')
    expect(await dog.rename(['bello'])).toBe('rex')
    expect(await dog.bark(['wau'])).toBe('bello: wau')
    expect(await dog.sum([[1, 2, 3]])).toBe(6)
    expect(await gathered(await dog.walk([2]))).toEqual(['walk 1', 'walk 2'])
    expect(await dog.born()).toEqual(new Date(0))
  })

  test('of a class each call has an object of its own, which is disposed of behind it', async () => {
    const made: Dog[] = []
    @Remote({ name: 'Dog' })
    class Counted extends Dog {
      constructor() {
        super()
        made.push(this)
      }
    }
    const dog = trpcFrom(Counted, { queries }).createCaller({})
    await dog.rename(['bello'])
    expect(await dog.bark(['wau'])).toBe('rex: wau')
    await gathered(await dog.walk([1]))
    expect(made.map(({ disposed }) => disposed)).toEqual([1, 1, 1])
  })

  test('arguments and results are checked by the schemas of the method', async () => {
    const dog = trpcFrom(Dog, { queries }).createCaller({})
    expect(await codeOf(dog.bark(['wau', 1.5]))).toBe('BAD_REQUEST')
    expect(await codeOf(dog.bark('wau' as never))).toBe('BAD_REQUEST')
    expect(await codeOf(dog.bark(['wau', 1, 2] as never))).toBe('BAD_REQUEST')
    const error: unknown = await dog.bark([3 as never]).catch((thrown: unknown) => thrown)
    expect(waybillErrorOf(error)).toMatchObject({ code: 'BadArguments', details: { issues: [{ path: [0] }] } })
    expect(await codeOf(dog.bark(['wau', 20]))).toBe('INTERNAL_SERVER_ERROR')
  })

  test('a guard is asked with who calls, and refuses where nothing says it', async () => {
    const t = initTRPC.context<{ user: string }>().create()
    const guarded = trpcFrom(Dog, { queries, t, caller: ({ user }) => ({ client: `${user}'s`, principal: user }) })
    expect(await guarded.createCaller({ user: 'ada' }).obey(['please'])).toBe("Dog.obey please, ada's: false")
    expect(await codeOf(guarded.createCaller({ user: 'ada' }).obey(['now']))).toBe('FORBIDDEN')
    expect(await codeOf(guarded.createCaller({ user: 'bob' }).obey(['please']))).toBe('FORBIDDEN')
    expect(await codeOf(trpcFrom(Dog, { queries }).createCaller({}).obey(['please']))).toBe('FORBIDDEN')
  })

  test('what its types cannot know is refused where the contract says otherwise', () => {
    const refused = (make: () => unknown): string => {
      try {
        make()
      } catch (thrown) {
        return waybillErrorOf(thrown)!.message
      }
      throw new Error('it was not refused')
    }
    expect(refused(() => trpcFrom(Dog))).toBe('Dog.bark is declared idempotent, so it is a query: list it in queries, by which types know')
    expect(refused(() => trpcFrom(Dog, { queries: ['bark', 'rename'] }))).toMatch(/^Dog.rename is listed, but not declared idempotent/)
    expect(refused(() => trpcFrom(Dog, { queries: ['bark', 'brak' as 'bark'] }))).toMatch(/exposes no method 'brak'/)
    expect(refused(() => trpcFrom(new (class {})()))).toMatch(/Remote/)
    @Remote({ name: 'Apart', instance: 'session' })
    class Apart {
      one(): void {}
    }
    expect(refused(() => trpcFrom(Apart))).toMatch(/an object for each session/)
  })
})

describe('through the router', () => {
  test("a class that is served as an app: the call is the caller's, also for its guard", async () => {
    await using h = harness({ router: { tokens: { ada: 'a'.repeat(20), bob: 'b'.repeat(20) } } })
    const router = trpcFrom(new Dog(), { queries, t: initTRPC.create({ transformer: superjson }) })
    await serveTrpc(await h.client('kennel', { token: 'a'.repeat(20) }), 'dogs', router)
    const as = async (name: string) => {
      const client = await h.client(name, { token: name[0]!.repeat(20) })
      return createTRPCClient<typeof router>({ links: [waybillLink({ client, service: 'dogs', transformer: superjson })] })
    }
    const [ada, bob] = [await as('ada'), await as('bob')]
    expect(await ada.bark.query(['wau'])).toBe('rex: wau')
    expect(await ada.born.mutate()).toEqual(new Date(0))
    expect(await gathered(ada.walk.subscribe([2]))).toEqual(['subscription 1', 'subscription 2'])
    expect(await ada.obey.mutate(['please'])).toBe('dogs.mutation please, ada: false')
    const error: unknown = await bob.obey.mutate(['please']).catch((thrown: unknown) => thrown)
    expect((error as TRPCClientError<typeof router>).data?.code).toBe('FORBIDDEN')
  })

  interface Far {
    left(shelf: string): number
    fail(): void
    count(to: number): AsyncGenerator<number>
  }
  const far = service<Far>('Far@1.0.0', { left: { idempotent: true, args: [z.string()] }, fail: {}, count: {} })

  test('a remote behind a router: what Waybill says of a call is in the data of the error', async () => {
    await using h = harness()
    const remote = (await h.client('front')).remote(far)
    const router = trpcFrom(far, remote, { queries: ['left'], subscriptions: ['count'] })
    const seen: unknown[] = []
    await serveTrpc(await h.client('gate'), 'gate', router)
    const api = createTRPCClient<typeof router>({ links: [waybillLink({ client: await h.client('browser'), service: 'gate' })] })
    const failed = async (promise: Promise<unknown>): Promise<void> => {
      const error = (await promise.catch((thrown: unknown) => thrown)) as TRPCClientError<typeof router>
      seen.push([error.data?.code, error.data?.waybill?.code, error.data?.waybill?.executed])
    }
    await failed(api.left.query(['a']))
    await (
      await h.client('far', { onIncident: () => {} })
    ).expose(far, {
      left: (shelf) => shelf.length,
      fail() {
        throw new RangeError('far away')
      },
      async *count(to) {
        for (let n = 1; n <= to; n++) yield n
      },
    })
    expect(await api.left.query(['abc'])).toBe(3)
    expect(await gathered(api.count.subscribe([3]))).toEqual([1, 2, 3])
    await failed(api.fail.mutate())
    await failed(api.left.query([3 as never]))
    expect(seen).toEqual([
      ['NOT_FOUND', 'NoSuchService', 'no'],
      ['INTERNAL_SERVER_ERROR', 'RemoteException', 'yes'],
      ['BAD_REQUEST', 'BadArguments', 'no'],
    ])
  })
})
