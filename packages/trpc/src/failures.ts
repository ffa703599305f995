/** What went wrong, as a client of tRPC is told: the app's own error, or Waybill's. Must not know calls. */
import { isTRPCClientError, TRPCClientError } from '@trpc/client'
import type { AnyTRPCRouter, TRPCCombinedDataTransformer } from '@trpc/server'
import { WaybillError } from '@waybill/core'
import { TrpcFailure } from './procedures.js'

/**
 * Why the call itself failed: its `code`, whether the procedure was `executed`, whether it is `retryable`. Undefined for whatever the app threw: then the
 * procedure was executed, and `error.data` is the app's. Takes what a client of tRPC throws, and on a server a `TRPCError` that came of a call of its own.
 */
export function waybillErrorOf(thrown: unknown): WaybillError | undefined {
  if (thrown instanceof WaybillError) return thrown
  const cause: unknown = thrown instanceof Error ? thrown.cause : undefined
  return cause instanceof WaybillError ? cause : undefined
}

export function clientErrorOf<R extends AnyTRPCRouter>(thrown: unknown, transformer: TRPCCombinedDataTransformer): TRPCClientError<R> {
  if (isTRPCClientError<R>(thrown)) return thrown
  if (!(thrown instanceof TrpcFailure)) return TRPCClientError.from<R>(thrown instanceof Error ? thrown : new Error(String(thrown)))
  return TRPCClientError.from<R>({ error: transformer.output.deserialize(thrown.shape) as object })
}
