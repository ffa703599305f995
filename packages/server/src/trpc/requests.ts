/** The API over HTTP: a request with its answer, and subscriptions as server-sent events. */
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { WaybillError } from '@waybill/core'
import { tokenIn } from '../access.js'
import { SAFE_HEADERS } from '../gateways/web-door.js'
import { errorAnswer, originOf, readBody, type Pace } from '../http/index.js'
import type { TrpcApi } from './api.js'
import { trpcErrorOf } from './failures.js'
import type { ApiParts, Context } from './procedures.js'

/** In one request, or one message on a socket. */
export const MAX_BATCH = 64

export interface RequestBounds {
  readonly mostBytes: number
  readonly pace: Pace
}

/** Never rejects. */
export async function answerRequest(parts: ApiParts, api: TrpcApi, raw: Request, bounds: RequestBounds): Promise<Response> {
  try {
    const context = async (): Promise<Context> => {
      try {
        const token = tokenIn(raw.headers.get('authorization'))
        // A stream is read at the pace of its reader.
        return { known: await parts.who.of(raw), token, base: originOf(raw), ready: async () => {} }
      } catch (thrown) {
        throw trpcErrorOf(parts.disclosed(WaybillError.from(thrown)))
      }
    }
    return await fetchRequestHandler({
      endpoint: ENDPOINT,
      req: await bounded(raw, bounds),
      router: api,
      createContext: context,
      maxBatchSize: MAX_BATCH,
      responseMeta: () => ({ headers: new Headers({ ...SAFE_HEADERS }) }),
    })
  } catch (thrown) {
    return errorAnswer(parts.disclosed(WaybillError.from(thrown)))
  }
}

export const ENDPOINT = '/trpc'

/** The same request with a body that is here already. tRPC would read it without any bound. */
async function bounded(raw: Request, bounds: RequestBounds): Promise<Request> {
  const { method, headers, signal, url } = raw
  const body = method === 'POST' ? ((await readBody(raw, bounds)) as Uint8Array<ArrayBuffer>) : undefined
  return new Request(url, { method, headers, signal, ...(body !== undefined && { body }) })
}
