/** `waybillLink`: the last link of a tRPC client, whose operations are calls of a served app. Owns its options. */
import type { Operation, TRPCLink } from '@trpc/client'
import { getTransformer, type TransformerOptions } from '@trpc/client/unstable-internals'
import type { AnyTRPCRouter, inferTRPCClientTypes } from '@trpc/server'
import { observable } from '@trpc/server/observable'
import type { Client } from '@waybill/client'
import type { CallOptions } from '@waybill/core'
import { operate } from './operating.js'
import type { Hearing } from './operation.js'
import { proceduresOf } from './procedures.js'
import { subscribe } from './subscribing.js'

export type WaybillLinkOptions<R extends AnyTRPCRouter> = {
  readonly client: Pick<Client, 'remote'>
  /** Where the app is served: `shop`, `shop@^1`, `shop?region=eu`. */
  readonly service: string
  /** Of each call, or by its operation: `timeout`, `sticky`, `data` for `createContext`, a `key` for mutations that may be made twice. */
  readonly options?: CallOptions | ((op: Operation) => CallOptions)
} & TransformerOptions<inferTRPCClientTypes<R>>

/** Throws `BadAddress`. */
export function waybillLink<R extends AnyTRPCRouter>(parts: WaybillLinkOptions<R>): TRPCLink<R> {
  const { client, service, options } = parts
  const transformer = getTransformer(parts.transformer)
  const common = typeof options === 'object' ? options : {}
  const remote = client.remote({ ...proceduresOf('trpc', {}), address: service }, common)
  return () =>
    ({ op }) =>
      observable((hearing: Hearing<R>) => {
        const begin = op.type === 'subscription' ? subscribe<R> : operate<R>
        return begin({ remote, op, options: typeof options === 'function' ? options(op) : {}, transformer, hearing })
      })
}
