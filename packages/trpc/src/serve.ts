/** `serveTrpc`: offers a tRPC app as a service. Owns when it is taken back, and what becomes of its subscriptions then. */
import type { AnyTRPCRouter, inferRouterContext } from '@trpc/server'
import type { Client, Exposed } from '@waybill/client'
import { proceduresOf } from './procedures.js'
import { Serving } from './serving.js'
import type { ServeTrpcOptions } from './serve-types.js'

export interface ServedTrpc extends Exposed {
  /** Takes the app back, has its subscriptions begin again elsewhere, and resolves when nothing of it runs any more. */
  drain(): Promise<void>
}

/**
 * Serves the app under a name, such as `shop` or `shop@1.2.0`, until it is taken back. Resolves when the router knows of it. Where the router drains this
 * client, its subscriptions begin again elsewhere. Throws `BadAddress`; rejects as `expose` does.
 */
export async function serveTrpc<R extends AnyTRPCRouter>(
  client: Pick<Client, 'expose' | 'onStatus'>,
  name: string,
  router: R,
  ...[options]: object extends inferRouterContext<R> ? [options?: ServeTrpcOptions<R>] : [options: ServeTrpcOptions<R>]
): Promise<ServedTrpc> {
  const { labels, concurrency } = options ?? {}
  const definition = proceduresOf(name, { ...(labels && { labels }), ...(concurrency !== undefined && { concurrency }) })
  const serving = new Serving(router, options)
  const exposed = await client.expose(definition, serving.procedures)
  const unfollow = client.onStatus(({ kind }) => {
    if (kind === 'draining') serving.leave()
  })
  const withdraw = async (): Promise<void> => {
    unfollow()
    try {
      await exposed.withdraw()
    } finally {
      serving.leave()
    }
  }
  const drain = async (): Promise<void> => {
    await withdraw()
    await serving.ended()
  }
  return { ...exposed, withdraw, drain, [Symbol.asyncDispose]: withdraw }
}
