/** A tRPC app as a service: what others see of it, what it says without a transformer, and what becomes of errors that are its own fault. */
import { createTRPCClient, type TRPCClientError } from '@trpc/client'
import { initTRPC, type AnyTRPCRouter } from '@trpc/server'
import type { CurrentCall } from '@waybill/client'
import { harness } from '@waybill/testkit'
import { serveTrpc, waybillErrorOf, waybillLink } from '@waybill/trpc'
import superjson from 'superjson'
import { describe, expect, test } from 'vitest'

async function shapeOf(promise: Promise<unknown>): Promise<unknown> {
  const error = (await promise.then(String, (thrown: unknown) => thrown)) as TRPCClientError<AnyTRPCRouter>
  return error.shape
}

describe('a served app', () => {
  test('is a service like any other, which others call with a path and an input', async () => {
    await using h = harness()
    const t = initTRPC.create()
    const app = t.router({
      add: t.procedure.input((given) => given as number[]).query(({ input }) => input.reduce((sum, one) => sum + one, 0)),
      count: t.procedure.subscription(async function* () {
        yield 1
        yield 2
      }),
    })
    const served = await serveTrpc(await h.client('one'), 'shop@1.2.0', app, { labels: { region: 'eu' }, concurrency: 3 })
    expect(served).toMatchObject({ service: 'shop', version: '1.2.0', methods: ['query', 'mutation', 'subscription'] })
    const client = await h.client('two')
    expect(await client.describe('shop@^1?region=eu')).toMatchObject({
      concurrency: 3,
      methods: [{ name: 'query', idempotent: true }, { name: 'mutation', idempotent: false }, { name: 'subscription' }],
    })
    const shop = client.remote<{
      query(path: string, input?: unknown): unknown
      subscription(path: string): AsyncGenerator<unknown>
    }>('shop')
    expect(await shop.query('add', [1, 2, 3])).toBe(6)
    const items: unknown[] = []
    for await (const item of shop.subscription('count')) items.push(item)
    expect(items).toEqual([{ data: 1 }, { data: 2 }])
    await expect(shop.query('nowhere')).rejects.toMatchObject({ code: 'RemoteException', xclass: 'TrpcFailure' })
    await served.withdraw()
    await expect(shop.query('add', [])).rejects.toMatchObject({ code: 'NoSuchService' })
  })

  test('makes a context of each call: who calls, and what they say beside it', async () => {
    await using h = harness()
    const t = initTRPC.context<{ call: CurrentCall; info: unknown }>().create()
    const app = t.router({
      who: t.procedure.input((given) => given).mutation(({ ctx: { call, info } }) => ({ caller: call.caller, data: call.data, info })),
    })
    await serveTrpc(await h.client('one'), 'shop', app, {
      createContext: async ({ call, info }) => ({
        call,
        info: {
          ...info,
          signal: info.signal.aborted,
          calls: [info.calls[0]!.path, await info.calls[0]!.getRawInput(), info.calls[0]!.result()],
        },
      }),
    })
    const link = waybillLink<typeof app>({ client: await h.client('two'), service: 'shop', options: { data: { lang: 'it' } } })
    expect(await createTRPCClient<typeof app>({ links: [link] }).who.mutate('me')).toEqual({
      caller: { client: 'two', principal: 'local', incarnation: expect.any(String) as string },
      data: { lang: 'it' },
      info: {
        accept: null,
        type: 'mutation',
        isBatchCall: false,
        calls: ['who', 'me', 'me'],
        connectionParams: null,
        signal: false,
        url: null,
      },
    })
  })

  test('without a transformer values are what JSON makes of them, as the types say', async () => {
    await using h = harness()
    const t = initTRPC.create({ isDev: false })
    const seen: unknown[] = []
    const app = t.router({
      echo: t.procedure
        .input((given) => given)
        .query(({ input }) => {
          seen.push(input)
          return { at: new Date(0), gone: undefined, set: new Set([1]) }
        }),
      big: t.procedure.query(() => ({ big: 1n })),
      stream: t.procedure.query(async function* () {
        yield new Date(0)
        yield 1n
      }),
    })
    await serveTrpc(await h.client('one'), 'shop', app)
    const shop = createTRPCClient<typeof app>({ links: [waybillLink({ client: await h.client('two'), service: 'shop' })] })
    expect(await shop.echo.query(new Date(0))).toStrictEqual({ at: '1970-01-01T00:00:00.000Z', set: {} })
    expect(seen).toEqual(['1970-01-01T00:00:00.000Z'])
    expect(await shapeOf(shop.big.query())).toMatchObject({ data: { code: 'INTERNAL_SERVER_ERROR', path: 'big' } })
    const items: unknown[] = []
    const read = async (): Promise<void> => {
      for await (const item of await shop.stream.query()) items.push(item)
    }
    expect(await shapeOf(read())).toMatchObject({ data: { code: 'INTERNAL_SERVER_ERROR', path: 'stream' } })
    expect(items).toEqual(['1970-01-01T00:00:00.000Z'])
  })

  test('a context that cannot be made, an input that cannot be read, a subscription that gives no stream', async () => {
    await using h = harness()
    const t = initTRPC.context<object>().create({ transformer: superjson, isDev: false })
    const app = t.router({
      one: t.procedure.query(() => 1),
      none: t.procedure.subscription((() => 1) as never),
    })
    let fails = true
    const told: unknown[] = []
    await serveTrpc(await h.client('one'), 'shop', app, {
      createContext() {
        if (fails) throw new RangeError('no context')
        return {}
      },
      onError({ error, type, path, ctx }) {
        told.push([type, path, error.code, ctx])
        throw new Error('dropped')
      },
    })
    const client = await h.client('two')
    const shop = createTRPCClient<typeof app>({ links: [waybillLink({ client, service: 'shop', transformer: superjson })] })
    expect(await shapeOf(shop.one.query())).toMatchObject({ message: 'no context', data: { code: 'INTERNAL_SERVER_ERROR' } })
    fails = false
    await expect(client.remote<{ query(path: string, input: unknown): unknown }>('shop').query('one', null)).rejects.toMatchObject({
      message: 'The input is not as the transformer writes it',
    })
    const listening = (async () => {
      for await (const _ of shop.none.subscribe() as AsyncIterable<unknown>) void _
    })()
    expect(await shapeOf(listening)).toMatchObject({ message: 'The subscription none gave neither an async iterable nor an observable' })
    expect(told).toEqual([
      ['query', 'one', 'INTERNAL_SERVER_ERROR', undefined],
      ['query', 'one', 'PARSE_ERROR', undefined],
      ['subscription', 'none', 'INTERNAL_SERVER_ERROR', {}],
    ])
  })

  test('a formatter that fails hides what it would have hidden', async () => {
    await using h = harness()
    const t = initTRPC.create({
      isDev: false,
      errorFormatter: () => {
        throw new RangeError('in the formatter')
      },
    })
    const app = t.router({
      secret: t.procedure.query((): never => {
        throw new Error('a secret')
      }),
    })
    const told: string[] = []
    await serveTrpc(await h.client('one'), 'shop', app, { onError: ({ error }) => void told.push(error.message) })
    expect(
      await shapeOf(
        createTRPCClient<typeof app>({ links: [waybillLink({ client: await h.client('two'), service: 'shop' })] }).secret.query(),
      ),
    ).toEqual({
      message: 'Internal server error',
      code: -32603,
      data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500 },
    })
    expect(told).toEqual(['a secret', 'in the formatter'])
  })

  test('drain waits for what runs, and for nothing else', async () => {
    await using h = harness()
    const t = initTRPC.create()
    let release!: () => void
    const held = new Promise<void>((resolve) => (release = resolve))
    const app = t.router({ held: t.procedure.query(() => held.then(() => 'done')) })
    const served = await serveTrpc(await h.client('one'), 'shop', app)
    const shop = createTRPCClient<typeof app>({ links: [waybillLink({ client: await h.client('two'), service: 'shop' })] })
    const running = shop.held.query()
    await h.advance(0)
    let drained = false
    const draining = served.drain().then(() => (drained = true))
    await h.advance(1000)
    expect(drained).toBe(false)
    const refused: unknown = await shop.held.query().catch((thrown: unknown) => thrown)
    expect(waybillErrorOf(refused)).toMatchObject({ code: 'NoSuchService', executed: 'no' })
    release()
    expect(await running).toBe('done')
    await draining
    expect(drained).toBe(true)
  })
})
