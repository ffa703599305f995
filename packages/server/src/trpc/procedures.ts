/** What all procedures of the router's API are made of: who asks, what they may touch, and how their errors are told. */
import { initTRPC } from '@trpc/server'
import { WaybillError } from '@waybill/core'
import type { Known } from '../admission.js'
import type { Caller } from '../api/router-api.js'
import type { OfferedService } from '../calling/index.js'
import type { Who } from '../http/index.js'
import type { Router } from '../router.js'
import { toldOf, trpcErrorOf } from './failures.js'
import { transformer } from './transformer.js'

/** Of one request, or of all on one socket. */
export interface Context {
  readonly known: Known
  readonly token: string | undefined
  /** Where who asks reaches the router, without a slash at the end. */
  readonly base: string
  /** Resolves when the connection takes more. */
  ready(): Promise<void>
}

export interface ApiParts {
  readonly router: Router
  readonly who: Who
  /** What who has this token may call, as its services describe themselves. */
  readonly offered: (token: string | undefined, only: string | undefined) => Promise<readonly OfferedService[]>
  /** What may be told of an error. */
  readonly disclosed: (error: WaybillError) => WaybillError
}

const PING_MS = 15_000
/** What a caller without a session is called where its rights are asked for. */
const NAME = 'trpc'

const t = initTRPC.context<Context>().create({
  transformer,
  isDev: false,
  sse: { ping: { enabled: true, intervalMs: PING_MS } },
  jsonl: { pingMs: PING_MS },
  errorFormatter: ({ shape, error }) => ({ ...shape, data: { ...shape.data, waybill: toldOf(error) } }),
})

export const { router: routerOf, mergeRouters } = t

/** A procedure whose errors are the router's. */
// oxlint-disable-next-line typescript/explicit-function-return-type -- tRPC's own type, which nobody can write down
export function procedureOf({ disclosed }: Pick<ApiParts, 'disclosed'>) {
  return t.procedure.use(async ({ next }) => {
    const done = await next()
    // All else was said by tRPC, of a request that it did not take.
    if (done.ok || done.error.code !== 'INTERNAL_SERVER_ERROR') return done
    throw trpcErrorOf(disclosed(WaybillError.from(done.error.cause ?? done.error)))
  })
}

export function callerOf({ known: { principal } }: Context): Caller {
  return { name: NAME, principal }
}

/** Resolves with the value once all that was done so far outlives the router. */
export function safe<T>({ view }: Router, value: T): Promise<T> {
  return new Promise((resolve, reject) => {
    view.whenSafe(
      () => resolve(value),
      (error) => reject(new WaybillError(error.code, error.message, { executed: 'maybe' })),
    )
  })
}

/** A subscription: as long as its client takes it and may have it, and no faster. */
export async function* lasting<T>(
  { who, disclosed }: ApiParts,
  { known, ready }: Context,
  gone: AbortSignal | undefined,
  items: (signal: AbortSignal) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const opened = who.opened(known)
  try {
    for await (const item of items(AbortSignal.any([opened.signal, ...(gone === undefined ? [] : [gone])]))) {
      yield item
      await ready()
    }
    if (opened.signal.aborted) throw opened.signal.reason
  } catch (thrown) {
    throw trpcErrorOf(disclosed(WaybillError.from(thrown)))
  } finally {
    opened.close()
  }
}
