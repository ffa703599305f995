/**
 * A tRPC app that is not trivial, written as for any server of tRPC, and the ways to it: the same app behind HTTP, behind tRPC's own WebSocket, and behind
 * the router. It knows of none of them but where it makes its context.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  createTRPCClient,
  createWSClient,
  httpBatchLink,
  httpBatchStreamLink,
  wsLink,
  type CreateTRPCClientOptions,
  type TRPCClient,
} from '@trpc/client'
import { initTRPC, lazy, tracked, TRPCError } from '@trpc/server'
import { createHTTPHandler } from '@trpc/server/adapters/standalone'
import { applyWSSHandler } from '@trpc/server/adapters/ws'
import { observable } from '@trpc/server/observable'
import { realHarness } from '@waybill/testkit'
import { serveTrpc, waybillLink } from '@waybill/trpc'
import superjson from 'superjson'
import { WebSocket, WebSocketServer } from 'ws'
import * as z from 'zod'

export interface Context {
  readonly user: string | undefined
  /** Which operations the context was made for, by tRPC's account of them. */
  readonly paths: readonly string[]
}

/** What the app did, for whoever looks. */
export class Seen {
  readonly contexts: Context[] = []
  readonly errors: string[] = []
  readonly begun: string[] = []
  readonly aborted: string[] = []
  readonly ended: string[] = []
  readonly resumed: (string | undefined)[] = []
}

class OutOfStock extends Error {
  constructor(readonly left: number) {
    super('out of stock')
  }
}

const t = initTRPC.context<Context>().create({
  transformer: superjson,
  isDev: false,
  errorFormatter: ({ shape, error }) => ({
    ...shape,
    data: {
      ...shape.data,
      fields: error.cause instanceof z.ZodError ? error.cause.issues.map(({ path }) => path.join('.')) : [],
      left: error.cause instanceof OutOfStock ? error.cause.left : undefined,
    },
  }),
})

const known = t.procedure.use(({ ctx, next }) => {
  if (ctx.user === undefined) throw new TRPCError({ code: 'UNAUTHORIZED', message: 'who are you?' })
  return next({ ctx: { user: ctx.user } })
})

/** Ends where its caller has gone, and says so. */
async function patient(seen: Seen, what: string, signal: AbortSignal): Promise<never> {
  seen.begun.push(what)
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  seen.aborted.push(`${what}: ${(signal.reason as Error).name}`)
  throw signal.reason
}

export function appOf(seen: Seen) {
  const comments = t.router({
    of: t.procedure.input(z.object({ post: z.number(), most: z.number().default(2) })).query(({ input }) => ({
      ids: Array.from({ length: input.most }, (_, index) => input.post * 10 + index),
      at: new Date(0),
      tags: new Map([['post', new Set([input.post])]]),
    })),
  })
  const orders = t.router({
    place: known.input(z.object({ item: z.string().min(2), count: z.int().positive() })).mutation(({ ctx, input }) => {
      if (input.count > 3) throw new TRPCError({ code: 'CONFLICT', message: 'too many', cause: new OutOfStock(3) })
      return { for: ctx.user, ...input }
    }),
    explode: t.procedure.mutation((): never => {
      throw new RangeError('never mind')
    }),
  })
  const streams = t.router({
    count: t.procedure.input(z.number()).query(async function* ({ input }) {
      try {
        for (let n = 1; n <= input; n++) {
          if (n === 4) throw new TRPCError({ code: 'CONFLICT', message: 'four is too many', cause: new OutOfStock(4) })
          yield { n, at: new Date(n) }
        }
      } finally {
        seen.ended.push('count')
      }
    }),
    later: t.procedure.query(() => ({ now: 1, later: Promise.resolve(2) })),
  })
  const events = t.router({
    /** As of a log: tracked, from behind the last that was had. */
    log: t.procedure.input(z.object({ lastEventId: z.string().optional(), to: z.number() })).subscription(async function* ({
      input,
      signal,
    }) {
      seen.resumed.push(input.lastEventId)
      try {
        for (let n = Number(input.lastEventId ?? 0) + 1; n <= input.to; n++) yield tracked(String(n), { n, at: new Date(n) })
        if (input.to > 2) await patient(seen, 'log', signal!)
      } finally {
        seen.ended.push('log')
      }
    }),
    ticks: t.procedure.input(z.object({ fail: z.boolean() })).subscription(async function* ({ input }) {
      yield 'one'
      if (input.fail) throw new TRPCError({ code: 'CONFLICT', message: 'no more', cause: new OutOfStock(0) })
      yield 'two'
    }),
    old: t.procedure.subscription(() =>
      observable<number>((observer) => {
        observer.next(1)
        observer.next(2)
        observer.complete()
      }),
    ),
    refused: known.subscription(async function* () {
      yield 'never'
    }),
  })
  return t.router({
    posts: t.router({ comments }),
    orders,
    streams,
    events,
    late: lazy(async () => t.router({ hello: t.procedure.input(z.string()).query(({ input }) => `hello ${input}`) })),
    nothing: t.procedure.query(() => {}),
    echo: t.procedure.input(z.unknown()).mutation(({ input }) => input),
    wait: t.procedure.query(({ signal }) => patient(seen, 'wait', signal!)),
    context: t.procedure.query(({ ctx }) => ctx.paths.length),
  })
}

export type App = ReturnType<typeof appOf>

/** One way to the app: a client of it, and what the app saw of that. */
export interface Way extends AsyncDisposable {
  readonly client: TRPCClient<App>
  readonly seen: Seen
  /** Operations whose end has not been heard. */
  pending(): number
}

/** What a way that cannot count them says. */
const uncounted = (): number => 0

/** One context for all ways: who it is, and for which paths. */
function contextOf(seen: Seen, user: string | undefined, calls: readonly { readonly path: string }[]): Context {
  const context = { user, paths: calls.map(({ path }) => path) }
  seen.contexts.push(context)
  return context
}

async function overHttp(links: (url: string) => CreateTRPCClientOptions<App>['links']): Promise<Way> {
  const seen = new Seen()
  const server = createServer(
    createHTTPHandler({
      router: appOf(seen),
      createContext: ({ req, info }) => contextOf(seen, req.headers['x-user'] as string | undefined, info.calls),
      onError: ({ error, path, type }) => seen.errors.push(`${type} ${path}: ${error.code}`),
    }),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { seen, client: createTRPCClient<App>({ links: links(url) }), pending: uncounted, [Symbol.asyncDispose]: stop }
}

/** The three doors of tRPC itself, and ours. */
export const ways = {
  httpBatchLink: (user?: string): Promise<Way> =>
    overHttp((url) => [httpBatchLink({ url, transformer: superjson, headers: user === undefined ? {} : { 'x-user': user } })]),

  httpBatchStreamLink: (user?: string): Promise<Way> =>
    overHttp((url) => [httpBatchStreamLink({ url, transformer: superjson, headers: user === undefined ? {} : { 'x-user': user } })]),

  async wsLink(user?: string): Promise<Way> {
    const seen = new Seen()
    const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await once(wss, 'listening')
    applyWSSHandler({
      wss,
      router: appOf(seen),
      createContext: ({ info }) => contextOf(seen, info.connectionParams?.['user'], info.calls),
      onError: ({ error, path, type }) => void seen.errors.push(`${type} ${path}: ${error.code}`),
    })
    const client = createWSClient({
      url: `ws://127.0.0.1:${(wss.address() as AddressInfo).port}`,
      WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
      ...(user !== undefined && { connectionParams: { user } }),
    })
    const stop = async (): Promise<void> => {
      await client.close()
      for (const socket of wss.clients) socket.terminate()
      wss.close()
      await once(wss, 'close')
    }
    const links = [wsLink({ client, transformer: superjson })]
    return { seen, client: createTRPCClient<App>({ links }), pending: uncounted, [Symbol.asyncDispose]: stop }
  },

  async waybillLink(user?: string): Promise<Way> {
    const seen = new Seen()
    const h = await realHarness()
    await serveTrpc(await h.client('shop'), 'shop@1.2.0', appOf(seen), {
      createContext: ({ info, call }) => contextOf(seen, (call.data as { user?: string } | undefined)?.user, info.calls),
      onError: ({ error, path, type }) => seen.errors.push(`${type} ${path}: ${error.code}`),
    })
    const options = user === undefined ? {} : { data: { user } }
    const browser = await h.client('browser')
    const links = [waybillLink<App>({ client: browser, service: 'shop@^1', transformer: superjson, options })]
    const pending = (): number => browser.pending.outgoing
    return { seen, client: createTRPCClient<App>({ links }), pending, [Symbol.asyncDispose]: () => h[Symbol.asyncDispose]() }
  },
} as const satisfies Record<string, (user?: string) => Promise<Way>>

export type WayName = keyof typeof ways
export const wayNames = Object.keys(ways) as readonly WayName[]
