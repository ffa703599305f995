/** What becomes of the operations of a tRPC client where links, servers and the router come and go; on virtual time. */
import { createTRPCClient, retryLink, type TRPCClient } from '@trpc/client'
import { initTRPC, tracked } from '@trpc/server'
import type { Client } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { serveTrpc, waybillErrorOf, waybillLink, type ServedTrpc } from '@waybill/trpc'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'

/** A log that every server of the app reads: as a database is. */
class Log {
  readonly #listeners = new Set<() => void>()
  last = 0

  append(): void {
    this.last++
    for (const listener of this.#listeners) listener()
  }

  async grown(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const over = (): void => {
        this.#listeners.delete(grown)
        signal?.removeEventListener('abort', aborted)
      }
      const grown = (): void => {
        over()
        resolve()
      }
      const aborted = (): void => {
        over()
        reject(signal?.reason as Error)
      }
      this.#listeners.add(grown)
      signal?.addEventListener('abort', aborted)
    })
  }
}

/** Behind which event each subscription began, by server. */
type Begun = readonly [server: string, after: string | undefined]

function appOf(server: string, log: Log, begun: Begun[]) {
  const t = initTRPC.create({ isDev: false })
  return t.router({
    log: t.procedure.input(z.object({ lastEventId: z.string().optional() }).optional()).subscription(async function* ({ input, signal }) {
      begun.push([server, input?.lastEventId])
      for (let n = Number(input?.lastEventId ?? 0); ; n++) {
        if (n >= log.last) await log.grown(signal)
        yield tracked(String(n + 1), n + 1)
      }
    }),
    who: t.procedure.query(() => server),
    hang: t.procedure.mutation(({ signal }) => log.grown(signal)),
  })
}
type App = ReturnType<typeof appOf>

/** A client that listens to the log, and what it hears. */
class Stage {
  readonly log = new Log()
  readonly begun: Begun[] = []
  readonly items: number[] = []
  readonly states: string[] = []
  end: unknown
  readonly #h: Harness

  constructor(h: Harness) {
    this.#h = h
  }

  async serve(name: string): Promise<{ readonly client: Client; readonly served: ServedTrpc }> {
    const client = await this.#h.client(name)
    return { client, served: await serveTrpc(client, 'shop', appOf(name, this.log, this.begun)) }
  }

  listen(api: TRPCClient<App>): () => void {
    const subscription = api.log.subscribe(undefined, {
      onData: ({ data }) => void this.items.push(data),
      onConnectionStateChange: ({ state, error }) =>
        void this.states.push(error === null ? state : `${state}: ${waybillErrorOf(error)?.code}`),
      onError: (error) => (this.end = error),
      onComplete: () => (this.end = 'complete'),
    })
    return () => subscription.unsubscribe()
  }

  async append(): Promise<void> {
    this.log.append()
    await this.#h.advance(0)
  }
}

function apiOf(client: Client): TRPCClient<App> {
  return createTRPCClient<App>({ links: [waybillLink({ client, service: 'shop' })] })
}

describe('a subscription goes on', () => {
  test('behind its last event at another server, where its own is killed', async () => {
    await using h = harness()
    const stage = new Stage(h)
    const first = await stage.serve('one')
    const unsubscribe = stage.listen(apiOf(await h.client('browser')))
    await h.advance(0)
    await stage.append()
    await stage.append()
    await stage.serve('two')
    h.kill(first.client)
    await h.advance(30_000)
    await stage.append()
    expect(stage).toMatchObject({
      items: [1, 2, 3],
      begun: [
        ['one', undefined],
        ['two', '2'],
      ],
      states: ['connecting', 'pending', 'connecting: WorkerLost', 'pending'],
      end: undefined,
    })
    unsubscribe()
    await h.advance(0)
  })

  test('however long nobody serves the app', async () => {
    await using h = harness()
    const stage = new Stage(h)
    const first = await stage.serve('one')
    const browser = await h.client('browser')
    const unsubscribe = stage.listen(apiOf(browser))
    await h.advance(0)
    await stage.append()
    h.kill(first.client)
    await h.advance(3_600_000)
    stage.log.append()
    expect(browser.pending.outgoing).toBe(1)
    await stage.serve('two')
    await h.advance(0)
    expect(stage).toMatchObject({ items: [1, 2], end: undefined })
    expect(stage.begun.at(-1)).toEqual(['two', '1'])
    unsubscribe()
    await h.advance(0)
  })

  test('where another router takes the place of the one that was killed', async () => {
    await using h = harness()
    const stage = new Stage(h)
    await stage.serve('one')
    const unsubscribe = stage.listen(apiOf(await h.client('browser')))
    await h.advance(0)
    await stage.append()
    await h.restartRouter(1000)
    await h.advance(60_000)
    await stage.append()
    expect(stage).toMatchObject({ items: [1, 2], end: undefined })
    expect(stage.begun).toEqual([
      ['one', undefined],
      ['one', '1'],
    ])
    expect(stage.states).toEqual(['connecting', 'pending', 'connecting: RouterLost', 'pending'])
    unsubscribe()
    await h.advance(0)
  })

  test('over a link that breaks, without being begun again', async () => {
    await using h = harness()
    const stage = new Stage(h)
    await stage.serve('one')
    const browser = await h.client('browser')
    const unsubscribe = stage.listen(apiOf(browser))
    await h.advance(0)
    await stage.append()
    h.network.cut(h.processOf(browser))
    stage.log.append()
    await h.advance(10_000)
    expect(stage).toMatchObject({ items: [1, 2], begun: [['one', undefined]], states: ['connecting', 'pending'] })
    unsubscribe()
    await h.advance(0)
  })

  test('where its server is closed, and its time to end is up', async () => {
    await using h = harness()
    const stage = new Stage(h)
    const first = await stage.serve('one')
    const unsubscribe = stage.listen(apiOf(await h.client('browser')))
    await h.advance(0)
    await stage.append()
    await stage.serve('two')
    await h.until(first.client.close({ drainMs: 100 }))
    await h.advance(0)
    await stage.append()
    expect(stage).toMatchObject({ items: [1, 2], states: ['connecting', 'pending', 'connecting: WorkerLost', 'pending'], end: undefined })
    unsubscribe()
    await h.advance(0)
  })

  test.each(['the server drains what it serves', 'the router drains the server'] as const)('elsewhere, where %s', async (how) => {
    await using h = harness()
    const stage = new Stage(h)
    const first = await stage.serve('one')
    const unsubscribe = stage.listen(apiOf(await h.client('browser')))
    await h.advance(0)
    await stage.append()
    await stage.serve('two')
    if (how === 'the server drains what it serves') await h.until(first.served.drain())
    else await (await h.client('operator')).remote<{ drain(client: string): unknown }>('waybill.Router').drain('one')
    await h.advance(0)
    expect(first.client.pending.incoming).toBe(0)
    await stage.append()
    expect(stage).toMatchObject({
      items: [1, 2],
      begun: [
        ['one', undefined],
        ['two', '1'],
      ],
      states: ['connecting', 'pending', 'connecting', 'pending'],
    })
    unsubscribe()
    await h.advance(0)
  })
})

describe('what Waybill says of an operation that failed on its way', () => {
  const why = async (h: Harness, promise: Promise<unknown>): Promise<unknown> => {
    const error = waybillErrorOf(await h.until(promise.then(String, (thrown: unknown) => thrown)))
    return error && [error.code, error.executed, error.retryable]
  }

  test('nobody serves the app; its server is killed; the client is closed', async () => {
    await using h = harness()
    const stage = new Stage(h)
    const browser = await h.client('browser')
    const api = apiOf(browser)
    expect(await why(h, api.who.query())).toEqual(['NoSuchService', 'no', true])
    stage.listen(api)
    await h.advance(0)
    expect(waybillErrorOf(stage.end)).toMatchObject({ code: 'NoSuchService' })

    const { client } = await stage.serve('one')
    const hanging = api.hang.mutate()
    const ended = hanging.catch(() => {})
    await h.advance(0)
    h.kill(client)
    await h.until(ended)
    expect(await why(h, hanging)).toEqual(['WorkerLost', 'maybe', true])
    await h.until(browser.close())
    expect(await why(h, api.who.query())).toEqual(['Closed', 'no', false])
  })

  test('an abort says what is known, and nothing is sent for what was aborted before', async () => {
    await using h = harness()
    const stage = new Stage(h)
    await stage.serve('one')
    const browser = await h.client('browser')
    const api = apiOf(browser)
    const aborting = new AbortController()
    const hanging = api.hang.mutate(undefined, { signal: aborting.signal })
    const ended = hanging.catch(() => {})
    await h.advance(0)
    aborting.abort()
    await h.advance(0)
    await ended
    expect(await why(h, hanging)).toEqual(['Cancelled', 'maybe', false])
    const unsent = api.who.query(undefined, { signal: aborting.signal })
    expect(browser.pending.outgoing).toBe(0)
    expect(await why(h, unsent)).toEqual(['Cancelled', 'no', false])
  })

  test('retryLink can tell what may be tried again', async () => {
    await using h = harness()
    const stage = new Stage(h)
    const client = await h.client('browser')
    const tried: unknown[] = []
    const retry = retryLink<App>({
      retry({ error, attempts }) {
        tried.push(waybillErrorOf(error)?.executed)
        return attempts < 3 && waybillErrorOf(error)?.executed === 'no'
      },
    })
    const api = createTRPCClient<App>({ links: [retry, waybillLink({ client, service: 'shop' })] })
    expect(await why(h, api.who.query())).toEqual(['NoSuchService', 'no', true])
    expect(tried).toEqual(['no', 'no', 'no'])
    await stage.serve('one')
    expect(await h.until(api.who.query())).toBe('one')
  })
})

describe('options of the link', () => {
  test('by operation: where it goes, how long it waits, and that a mutation is made once', async () => {
    await using h = harness()
    const stage = new Stage(h)
    await stage.serve('one')
    await stage.serve('two')
    const client = await h.client('browser')
    const on = (server: string): TRPCClient<App> =>
      createTRPCClient<App>({
        links: [
          waybillLink({ client, service: 'shop', options: ({ type }) => ({ on: server, ...(type === 'mutation' && { key: 'once' }) }) }),
        ],
      })
    expect(await h.until(Promise.all([on('one').who.query(), on('two').who.query()]))).toEqual(['one', 'two'])
    const hanging = [on('one').hang.mutate(), on('one').hang.mutate()]
    await h.advance(0)
    await stage.append()
    await h.until(Promise.all(hanging))
    expect(await h.until(client.receipts({ service: 'shop' }))).toMatchObject([
      { key: 'once', state: 'succeeded', service: 'shop', method: 'mutation' },
    ])
  })

  test('one that is malformed is the operation of nobody', async () => {
    await using h = harness()
    const client = await h.client('browser')
    expect(() => waybillLink<App>({ client, service: 'no good' })({})).toThrow(expect.objectContaining({ code: 'BadAddress' }) as Error)
    const api = createTRPCClient<App>({ links: [waybillLink({ client, service: 'shop', options: () => ({ timeout: -1 }) })] })
    const error: unknown = await api.who.query().catch((thrown: unknown) => thrown)
    expect(waybillErrorOf(error)?.code).toBe('BadAddress')
  })
})
