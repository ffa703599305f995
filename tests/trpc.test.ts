/**
 * One tRPC app over tRPC's own links and over ours: the same cases, the same results. Where the ways differ it is asserted for each, and the table of
 * README.md has the same rows.
 */
import { getUntypedClient, TRPCClientError } from '@trpc/client'
import { waybillErrorOf } from '@waybill/trpc'
import { describe, expect, test } from 'vitest'
import { wayNames, ways, type App, type Way } from './trpc-stage.js'
import { Document } from './vectors/document.js'

/** What tRPC tells of an error: its shape's data, or, of what never was the app's, undefined. */
async function errorOf(promise: Promise<unknown>): Promise<TRPCClientError<App>> {
  const error: unknown = await promise.then(
    (value) => {
      throw new Error(`it gave ${JSON.stringify(value)}`)
    },
    (thrown: unknown) => thrown,
  )
  if (error instanceof TRPCClientError) return error as TRPCClientError<App>
  throw error
}

async function gathered<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

describe.each(wayNames)('%s', (name) => {
  const way = ways[name]

  test('a query deep inside: defaults of its input, values beyond JSON in its output', async () => {
    await using app = await way()
    const found = await app.client.posts.comments.of.query({ post: 4 })
    expect(found).toEqual({ ids: [40, 41], at: new Date(0), tags: new Map([['post', new Set([4])]]) })
  })

  test('a mutation behind a middleware that knows who it is', async () => {
    await using app = await way('ada')
    expect(await app.client.orders.place.mutate({ item: 'bone', count: 2 })).toEqual({ for: 'ada', item: 'bone', count: 2 })
  })

  test('nobody is refused by the middleware', async () => {
    await using app = await way()
    const { message, data, shape } = await errorOf(app.client.orders.place.mutate({ item: 'bone', count: 2 }))
    expect({ message, data, code: shape?.code }).toEqual({
      message: 'who are you?',
      data: { code: 'UNAUTHORIZED', httpStatus: 401, path: 'orders.place', fields: [], left: undefined },
      code: -32001,
    })
    expect(app.seen.errors).toEqual(['mutation orders.place: UNAUTHORIZED'])
  })

  test('an input that does not fit is told field by field, by the formatter', async () => {
    await using app = await way('ada')
    const { data } = await errorOf(app.client.orders.place.mutate({ item: '', count: 0.5 }))
    expect(data).toMatchObject({ code: 'BAD_REQUEST', fields: ['item', 'count'] })
  })

  test('an error has the data that the formatter gives it, and no other error is told as the app has it', async () => {
    await using app = await way('ada')
    const conflict = await errorOf(app.client.orders.place.mutate({ item: 'bone', count: 4 }))
    expect(conflict.data).toMatchObject({ code: 'CONFLICT', left: 3 })
    expect(waybillErrorOf(conflict)).toBeUndefined()
    const exploded = await errorOf(app.client.orders.explode.mutate())
    expect(exploded).toMatchObject({ message: 'never mind', data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500 } })
    expect(exploded.data).not.toHaveProperty('stack')
  })

  test('a procedure that is not there, and one of another type', async () => {
    await using app = await way()
    const untyped = getUntypedClient(app.client)
    expect(await errorOf(untyped.query('posts.nowhere'))).toMatchObject({ data: { code: 'NOT_FOUND', path: 'posts.nowhere' } })
    expect(await errorOf(untyped.query('constructor'))).toMatchObject({ data: { code: 'NOT_FOUND' } })
    expect((await errorOf(untyped.query('orders.explode'))).data?.code).toMatch(/^(NOT_FOUND|METHOD_NOT_SUPPORTED)$/)
  })

  test('nothing, null, and what only the transformer can say', async () => {
    await using app = await way()
    expect(await app.client.nothing.query()).toBeUndefined()
    for (const value of [null, 0, '', 2n ** 70n, { gone: undefined, map: new Map([[new Date(1), -0]]) }, 'x'.repeat(100_000)])
      expect(await app.client.echo.mutate(value)).toEqual(value)
  })

  test('a router that is loaded where it is first called', async () => {
    await using app = await way()
    expect(await app.client.late.hello.query('you')).toBe('hello you')
  })

  test('many at once, each its own answer', async () => {
    await using app = await way()
    const all = await Promise.all(Array.from({ length: 20 }, (_, post) => app.client.posts.comments.of.query({ post, most: 1 })))
    expect(all.map(({ ids }) => ids[0])).toEqual(Array.from({ length: 20 }, (_, post) => post * 10))
  })
})

describe.each(['wsLink', 'waybillLink'] as const)('subscriptions over %s', (name) => {
  const way = ways[name]

  test('events in order, tracked ones with their ids, values beyond JSON, to the end', async () => {
    await using app = await way()
    expect(await gathered(app.client.events.log.subscribe({ to: 2 }))).toEqual([
      { id: '1', data: { n: 1, at: new Date(1) } },
      { id: '2', data: { n: 2, at: new Date(2) } },
    ])
    expect(app.seen.resumed).toEqual([undefined])
    expect(await gathered(app.client.events.ticks.subscribe({ fail: false }))).toEqual(['one', 'two'])
  })

  test('an observable, as apps had them before', async () => {
    await using app = await way()
    expect(await gathered(app.client.events.old.subscribe())).toEqual([1, 2])
  })

  test('what its listeners hear, in order', async () => {
    await using app = await way()
    const heard: unknown[] = []
    await new Promise<void>((resolve) =>
      app.client.events.ticks.subscribe(
        { fail: false },
        {
          onStarted: () => heard.push('started'),
          onData: (data) => heard.push(data),
          onStopped: () => heard.push('stopped'),
          onComplete: () => resolve(),
        },
      ),
    )
    expect(heard).toEqual(['started', 'one', 'two', 'stopped'])
  })

  test('an error behind the first event, and one before any', async () => {
    await using app = await way()
    const items: string[] = []
    const read = async (): Promise<void> => {
      for await (const item of app.client.events.ticks.subscribe({ fail: true })) items.push(item)
    }
    expect(await errorOf(read())).toMatchObject({ message: 'no more', data: { code: 'CONFLICT', left: 0, path: 'events.ticks' } })
    expect(items).toEqual(['one'])
    expect(await errorOf(gathered(app.client.events.refused.subscribe()))).toMatchObject({ data: { code: 'UNAUTHORIZED' } })
    expect(app.seen.errors).toEqual(['subscription events.ticks: CONFLICT', 'subscription events.refused: UNAUTHORIZED'])
  })

  test.each(['break', 'abort', 'unsubscribe'] as const)('%s ends the procedure, whose signal says so', async (how) => {
    await using app = await way()
    const aborting = new AbortController()
    let completed = false
    if (how === 'break') {
      for await (const { id } of app.client.events.log.subscribe({ to: 3 })) if (id === '3') break
    } else {
      let ended = (): void => aborting.abort()
      await new Promise<void>((resolve) => {
        const onData = ({ id }: { id: string }): void => void (id === '3' && resolve())
        const onComplete = (): void => void (completed = true)
        const subscription = app.client.events.log.subscribe({ to: 3 }, { onData, onComplete, signal: aborting.signal })
        if (how === 'unsubscribe') ended = () => subscription.unsubscribe()
      })
      ended()
    }
    await expect.poll(() => app.seen).toMatchObject({ aborted: ['log: AbortError'], ended: ['log'], errors: [] })
    await expect.poll(() => app.pending()).toBe(0)
    expect(completed).toBe(how !== 'break')
  })
})

describe.each(['httpBatchStreamLink', 'waybillLink'] as const)('streamed outputs over %s', (name) => {
  const way = ways[name]

  test('arrive one by one; an error stands behind what came before it, with its data', async () => {
    await using app = await way()
    const items: number[] = []
    const read = async (): Promise<void> => {
      for await (const { n, at } of await app.client.streams.count.query(9)) items.push(n + at.getTime())
    }
    expect(await errorOf(read())).toMatchObject({ message: 'four is too many', data: { code: 'CONFLICT', left: 4 } })
    expect(items).toEqual([2, 4, 6])
    expect(app.seen).toMatchObject({ ended: ['count'], errors: [expect.stringMatching(/^query .*: CONFLICT$/)] })
    await expect.poll(() => app.pending()).toBe(0)
  })

  test('whoever breaks off ends the generator', async () => {
    await using app = await way()
    for await (const { n } of await app.client.streams.count.query(3)) if (n === 1) break
    await expect.poll(() => app.seen.ended).toEqual(['count'])
    await expect.poll(() => app.pending()).toBe(0)
  })
})

/** What a way does that others do not, in a few words; each is a row of the table. */
const differences: Readonly<Record<string, (app: Way) => Promise<string>>> = {
  async subscriptions({ client }) {
    try {
      return (await gathered(client.events.ticks.subscribe({ fail: false }))).join(', ')
    } catch {
      return 'none'
    }
  },
  'a query that is an async generator': async ({ client }) => {
    try {
      return `${(await gathered(await client.streams.count.query(2))).length} items`
    } catch (thrown) {
      return `${(thrown as TRPCClientError<App>).data!.code}`
    }
  },
  'a promise inside an output': async ({ client }) => {
    try {
      const { later } = await client.streams.later.query()
      return later instanceof Promise ? `comes later: ${await later}` : `arrives as ${JSON.stringify(later)}`
    } catch (thrown) {
      return `${(thrown as TRPCClientError<App>).data!.code}`
    }
  },
  'an aborted query': async ({ client, seen }) => {
    const aborting = new AbortController()
    const waiting = errorOf(client.wait.query(undefined, { signal: aborting.signal }))
    await expect.poll(() => seen.begun).toEqual(['wait'])
    aborting.abort()
    const error = await waiting
    for (let turns = 0; turns < 20 && seen.aborted.length === 0; turns++) await client.nothing.query()
    const procedure = seen.aborted[0] === 'wait: AbortError' ? 'ends' : 'goes on'
    const waybill = waybillErrorOf(error)
    return `the procedure ${procedure}; ${waybill?.code ?? error.cause!.name}${waybill === undefined ? '' : `, executed ${waybill.executed}`}`
  },
  'three queries at once': async ({ client, seen }) => {
    await Promise.all([1, 2, 3].map(() => client.context.query()))
    const [first] = seen.contexts
    return `contexts: ${seen.contexts.length}, of ${first!.paths.length}`
  },
  'an input of 9 MiB': async ({ client }) => {
    try {
      return `${String(await client.echo.mutate('x'.repeat(9 * 2 ** 20))).length / 2 ** 20} MiB come back`
    } catch (thrown) {
      const { code, executed } = waybillErrorOf(thrown)!
      return `${code}, executed ${executed}`
    }
  },
}

describe('what differs is what the table of README.md says', () => {
  const rows = new Document('README.md').table('trpc differences')

  test('it has a row for each difference, and a column for each way', () => {
    expect(rows.map((row) => row['what'])).toEqual(Object.keys(differences))
    expect(Object.keys(rows[0]!)).toEqual(['what', ...wayNames])
  })

  test.each(wayNames)('%s', async (name) => {
    const found: Record<string, string> = {}
    const promised: Record<string, string | undefined> = {}
    for (const row of rows) {
      const what = row['what']!
      promised[what] = row[name]
      await using app = await ways[name]()
      found[what] = await differences[what]!(app)
      await expect.poll(() => app.pending()).toBe(0)
    }
    expect(found).toEqual(promised)
  })
})
