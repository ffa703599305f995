/** One operation of a tRPC client, as it is to be called, and how its values are read. Must not know how calls begin, nor how they end. */
import type { Operation, OperationResultEnvelope, TRPCClientError } from '@trpc/client'
import type { AnyTRPCRouter, TRPCCombinedDataTransformer } from '@trpc/server'
import type { Observer } from '@trpc/server/observable'
import type { CallOptions, Remote } from '@waybill/core'
import { jsonOf } from './json.js'
import type { Procedures } from './procedures.js'

/** Who hears of an operation. */
export type Hearing<R extends AnyTRPCRouter> = Observer<OperationResultEnvelope<unknown, TRPCClientError<R>>, TRPCClientError<R>>

export interface Operating<R extends AnyTRPCRouter> {
  readonly remote: Remote<Procedures>
  readonly op: Operation
  /** Of this operation, beside those of the link. */
  readonly options: CallOptions
  readonly transformer: TRPCCombinedDataTransformer
  readonly hearing: Hearing<R>
}

/** An input that is not there is no argument. Throws what the transformer throws, and what JSON cannot say. */
export function argumentsOf(path: string, input: unknown, transformer: TRPCCombinedDataTransformer): [path: string, input?: unknown] {
  const written = jsonOf(transformer.input.serialize(input))
  return written === undefined ? [path] : [path, written]
}
