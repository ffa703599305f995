/**
 * `trpcFrom`: a router of tRPC whose procedures are the methods of a class. Owns what becomes of a method: its type, its input, the call that it runs in.
 *
 * The input is the list of arguments, also of one: nothing tells a list of one argument from an argument that is a list, as neither default nor rest
 * parameters are counted where a program runs.
 */
import { initTRPC, type AnyTRPCProcedure } from '@trpc/server'
import { WaybillError } from '@waybill/core'
import type { Caller, MethodContract, MethodNames, Remote, ServiceDefinition } from '@waybill/core'
import { waybillErrorOf } from './failures.js'
import type { PlainErrorShape, PlainRoot, Root, RouterFrom, TrpcFromOptions } from './from-types.js'
import { offeredAs, offeredBy, type Offered } from './offered.js'
import { argumentsOf, give, stream, type Work } from './work.js'

/**
 * `trpcFrom(new Dog())`, `trpcFrom(Dog)`, or of a definition and who does the work, which may be a remote: then the router stands before a service
 * elsewhere. Exposed methods that are declared `idempotent` are queries, generators are subscriptions, the rest are mutations.
 *
 * Throws what `expose` throws for a class, and `BadAddress` where `queries` or `subscriptions` are not what the contract says.
 */
export function trpcFrom<T extends object, const Q extends MethodNames<T> = never, R extends Root = PlainRoot>(
  definition: ServiceDefinition<T>,
  implementation: NoInfer<T> | Remote<NoInfer<T>>,
  options?: TrpcFromOptions<T, Q, R>,
): RouterFrom<T, Q, R>
export function trpcFrom<T extends object, const Q extends MethodNames<T> = never, R extends Root = PlainRoot>(
  target: T | (new () => T),
  options?: TrpcFromOptions<T, Q, R>,
): RouterFrom<T, Q, R>
export function trpcFrom(target: object, second: object = {}, third: object = {}): unknown {
  return isDefinition(target) ? routerOf(offeredAs(target, second), third) : routerOf(offeredBy(target), second)
}

/** The options as they are at run time. */
interface Given {
  readonly queries?: readonly string[]
  readonly subscriptions?: readonly string[]
  readonly t?: Plain
  readonly caller?: (ctx: object) => Caller
}

/** Made where it is needed: tRPC refuses to in a page, where the link may stand alone. */
const plain = () =>
  initTRPC.create({
    // Stacks stay in this process.
    isDev: false,
    errorFormatter({ shape, error }): PlainErrorShape {
      const cause = waybillErrorOf(error)
      if (cause === undefined) return shape
      const { code, executed, retryable } = cause
      return { ...shape, data: { ...shape.data, waybill: { code, executed, retryable } } }
    },
  })

type Plain = ReturnType<typeof plain>

function routerOf(offered: Offered, { t = plain(), queries = [], subscriptions = [], caller }: Given): unknown {
  const procedures: Record<string, AnyTRPCProcedure> = {}
  for (const name of [...queries, ...subscriptions]) {
    if (!offered.methods.has(name)) throw new WaybillError('BadAddress', `${offered.name} exposes no method '${name}' that could be listed`)
  }
  for (const method of offered.methods.values()) {
    const { name } = method
    const streams = offered.isGenerator(method) || subscriptions.includes(name)
    if (!streams && method.idempotent !== queries.includes(name)) throw unlisted(offered, method)
    procedures[name] = procedureOf({ offered, method, caller }, t, streams ? 'subscription' : method.idempotent ? 'query' : 'mutation')
  }
  return t.router(procedures)
}

function unlisted({ name: service }: Offered, { name, idempotent }: MethodContract): WaybillError {
  const why = idempotent
    ? `is declared idempotent, so it is a query: list it`
    : `is listed, but not declared idempotent, so it is no query: take it away`
  return new WaybillError('BadAddress', `${service}.${name} ${why} in queries, by which types know`)
}

function procedureOf(work: Work, t: Plain, type: 'query' | 'mutation' | 'subscription'): AnyTRPCProcedure {
  const procedure = t.procedure.input((input: unknown) => argumentsOf(input, work.method))
  switch (type) {
    case 'query':
      return procedure.query(({ ctx, input, signal }) => give(work, ctx, signal, input))
    case 'mutation':
      return procedure.mutation(({ ctx, input, signal }) => give(work, ctx, signal, input))
    case 'subscription':
      return procedure.subscription(({ ctx, input, signal }) => stream(work, ctx, signal, input))
  }
}

function isDefinition(target: object): target is ServiceDefinition<never> {
  return typeof target === 'object' && 'address' in target && 'methods' in target && target.methods instanceof Map
}
