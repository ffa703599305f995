/** How a class looks as a router of tRPC. Types only; which procedures there are at run time is `from.ts`. */
import type {
  TRPCBuiltRouter,
  TRPCDefaultErrorShape,
  TRPCMutationProcedure,
  TRPCQueryProcedure,
  TRPCRootConfig,
  TRPCSubscriptionProcedure,
} from '@trpc/server'
import type { Caller, Code, Executed, MethodNames } from '@waybill/core'

/** What tRPC calls the root types. */
export interface Root {
  readonly ctx: object
  readonly meta: object
  readonly errorShape: TRPCDefaultErrorShape
  readonly transformer: boolean
}

/** Where no `t` is given: no transformer, and of a call that failed on its way to the method, as with a remote behind it, what Waybill says of it. */
export interface PlainRoot {
  readonly ctx: object
  readonly meta: object
  readonly errorShape: PlainErrorShape
  readonly transformer: false
}

export interface PlainErrorShape extends TRPCDefaultErrorShape {
  data: TRPCDefaultErrorShape['data'] & { waybill?: { readonly code: Code; readonly executed: Executed; readonly retryable: boolean } }
}

/** The arguments as one list; none has to be given where none need be. */
type InputOf<A extends readonly unknown[]> = [] extends A ? A | undefined : A

type IsAny<T> = 0 extends 1 & T ? true : false

/** What a method streams; never where it gives one value. */
type Streamed<R> =
  IsAny<R> extends true
    ? never
    : [Awaited<R>] extends [never]
      ? never
      : [Awaited<R>] extends [AsyncIterable<infer Y>]
        ? Y
        : [Awaited<R>] extends [Iterator<infer Y>]
          ? Y
          : never

/** One method as a procedure: a subscription where it streams, a query where `Q` says so, else a mutation. */
export type ProcedureOf<F, IsQuery extends boolean> = F extends (...args: infer A) => infer R
  ? [Streamed<R>] extends [never]
    ? IsQuery extends true
      ? TRPCQueryProcedure<{ input: InputOf<A>; output: Awaited<R>; meta: object }>
      : TRPCMutationProcedure<{ input: InputOf<A>; output: Awaited<R>; meta: object }>
    : TRPCSubscriptionProcedure<{ input: InputOf<A>; output: AsyncIterable<Streamed<R>>; meta: object }>
  : never

/** Names of the methods that stream. */
export type StreamNames<T> = {
  [K in MethodNames<T>]: T[K] extends (...args: never) => infer R ? ([Streamed<R>] extends [never] ? never : K) : never
}[MethodNames<T>]

/** The router of T, whose methods Q are queries. */
export type RouterFrom<T, Q extends MethodNames<T> = never, R extends Root = PlainRoot> = TRPCBuiltRouter<
  R,
  { [K in MethodNames<T>]: ProcedureOf<T[K], K extends Q ? true : false> }
>

export interface TrpcFromOptions<T, Q extends MethodNames<T> = never, R extends Root = PlainRoot> {
  /** The methods that are declared `idempotent`, each of them: types cannot see what a decorator says. */
  readonly queries?: readonly Q[]
  /** The methods that stream and are no generator functions themselves. */
  readonly subscriptions?: readonly StreamNames<T>[]
  /** What `initTRPC` made: the transformer, the error formatter and the context of the router. */
  readonly t?: { readonly _config: TRPCRootConfig<R> }
  /** Who calls, for guards and for `currentCall()`, where the router is not served through Waybill. Without it, guarded methods are `FORBIDDEN` there. */
  readonly caller?: (ctx: R['ctx']) => Caller
}
