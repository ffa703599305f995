/** Clients of the router's own API as `@trpc/client` makes them, over each of its ways, and a proxy that cuts what runs through it. */
import { createTRPCClient, createWSClient, httpBatchLink, TRPCClientError, wsLink, type TRPCClient } from '@trpc/client'
import type { TrpcApi } from '@waybill/server/trpc'
import superjson from 'superjson'
import { WebSocket } from 'ws'

export type Api = TRPCClient<TrpcApi>

/** Requests over HTTP. */
export function overHttp(url: string, token?: string): Api {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return createTRPCClient<TrpcApi>({
    links: [httpBatchLink({ url: `${url.replace('ws', 'http')}/trpc`, transformer: superjson, headers })],
  })
}

export interface OverSocket extends Disposable {
  readonly api: Api
  /** As if the network did it. */
  cut(): void
}

/** All over one WebSocket, which comes back after a moment. */
export function overSocket(url: string, token?: string): OverSocket {
  const opened: WebSocket[] = []
  class Watched extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args)
      opened.push(this)
    }
  }
  const client = createWSClient({
    url: `${url}/trpc`,
    WebSocket: Watched as unknown as typeof globalThis.WebSocket,
    retryDelayMs: () => 10,
    ...(token !== undefined && { connectionParams: { token } }),
  })
  return {
    api: createTRPCClient<TrpcApi>({ links: [wsLink({ client, transformer: superjson })] }),
    cut: () => opened.at(-1)!.terminate(),
    [Symbol.dispose]: () => void client.close(),
  }
}

/** An item that comes with an id to go on behind. */
export interface Tracked<T> {
  readonly id: string
  readonly data: T
}

/** What a subscription has told so far. */
export class Told<T> implements Disposable {
  readonly items: T[] = []
  failure: TRPCClientError<TrpcApi> | undefined
  readonly #subscription: { unsubscribe(): void }

  constructor(
    subscribe: (told: { onData: (item: T) => void; onError: (error: TRPCClientError<TrpcApi>) => void }) => { unsubscribe(): void },
  ) {
    this.#subscription = subscribe({ onData: (item) => this.items.push(item), onError: (error) => (this.failure = error) })
  }

  [Symbol.dispose](): void {
    this.#subscription.unsubscribe()
  }
}

/** What is told of a failure; undefined where there is none. */
export async function failureOf(promise: Promise<unknown>): Promise<{ readonly code: string; readonly trpc: string } | undefined> {
  try {
    await promise
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof TRPCClientError)) throw thrown
    const { data } = thrown as TRPCClientError<TrpcApi>
    return data ? { code: data.waybill.code, trpc: data.code } : { code: thrown.message, trpc: '' }
  }
}

export function bytesOf({ base64 }: { readonly base64: string }): string {
  return Buffer.from(base64, 'base64').toString()
}
