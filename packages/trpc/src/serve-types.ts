/** What the user of a served app says and is told. Types only. */
import type { AnyTRPCRouter, CreateContextCallback, inferRouterContext, TRPCError, TRPCProcedureType } from '@trpc/server'
import type { TRPCRequestInfo } from '@trpc/server/http'
import type { CurrentCall } from '@waybill/core'

/** What a context is made of. */
export interface ContextSource {
  /** As over HTTP: one call, no batch, no URL. */
  readonly info: TRPCRequestInfo
  /** The Waybill call: who made it, and what they gave it as `data`. */
  readonly call: CurrentCall
}

export interface FailedOperation<R extends AnyTRPCRouter> {
  readonly error: TRPCError
  readonly type: TRPCProcedureType
  readonly path: string
  /** As the transformer read it; undefined where that failed. */
  readonly input: unknown
  /** Undefined where it could not be made. */
  readonly ctx: inferRouterContext<R> | undefined
  readonly call: CurrentCall
}

export type ServeTrpcOptions<R extends AnyTRPCRouter> = CreateContextCallback<
  inferRouterContext<R>,
  (source: ContextSource) => inferRouterContext<R> | Promise<inferRouterContext<R>>
> & {
  /** Told of each error that a caller is told. What it throws is dropped. */
  readonly onError?: (failed: FailedOperation<R>) => void
  readonly labels?: Readonly<Record<string, string>>
  /** How many operations run at once, in this process; a subscription is one. */
  readonly concurrency?: number
}
