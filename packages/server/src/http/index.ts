/** The HTTP door: whoever can make a request takes part. Its routes are a face of `Parcels` and of calls; nothing is decided here. */
import { Hono } from 'hono'
import { WaybillError } from '@waybill/core'
import { callRoutes } from '../calling/index.js'
import { errorAnswer, jsonAnswer, textAnswer } from './answers.js'
import { graphRoutes } from './graph.js'
import { healthRoutes } from './health.js'
import { nameRoutes } from './names.js'
import { receiptRoutes } from './receipts.js'
import { receivingRoutes } from './receiving.js'
import type { RouteParts, Routes } from './routes.js'
import { sendingRoutes } from './sending.js'

export { errorAnswer } from './answers.js'
export { readBody, type Pace } from './body.js'
export { originOf } from './routes.js'
export { Who } from './who.js'
export type { RouteParts } from './routes.js'

const ALL: readonly Routes[] = [nameRoutes, sendingRoutes, receivingRoutes, receiptRoutes, graphRoutes, healthRoutes]

/** `disclosed`: what may be told of an error. */
export function httpDoor(parts: RouteParts, disclosed: (error: WaybillError) => WaybillError): (request: Request) => Promise<Response> {
  const app = new Hono()
  for (const add of ALL) add(app, parts)
  app.route('/', callRoutes(parts.calling))
  app.all('/trpc/*', ({ req: { raw } }) => parts.trpc(raw))
  app.all('/', () =>
    textAnswer('This is a Waybill router. Connect with a WebSocket, or ask over HTTP as PROTOCOL.md says.\n', 'text/plain', 426),
  )
  app.onError((thrown) => errorAnswer(disclosed(WaybillError.from(thrown))))
  app.notFound(({ req }) =>
    jsonAnswer(
      {
        code: 'NoSuchMethod',
        message: `there is nothing at ${req.method} ${req.path}; PROTOCOL.md, HTTP, says what there is`,
        executed: 'no',
        retryable: false,
      },
      404,
    ),
  )
  return async (request) => app.fetch(request)
}
