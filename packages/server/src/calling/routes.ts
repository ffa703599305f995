/** The routes under which services are called over HTTP. Knows neither listeners nor who may reach them: the door that mounts it does. */
import { Hono } from 'hono'
import { WaybillError } from '@waybill/core'
import { tokenIn } from '../access.js'
import { SAFE_HEADERS } from '../gateways/web-door.js'
import { Refusal } from './asked.js'
import { Calling } from './call.js'
import type { ConversationParts } from './conversation.js'
import { Conversations } from './conversations.js'
import { Offered } from './offered.js'
import { openApi } from './openapi.js'

/** `POST /call/…`, `GET /openapi.json` and `GET /openapi/SERVICE.json`. */
export function callRoutes(parts: ConversationParts): Hono {
  const conversations = new Conversations(parts)
  const calling = new Calling(parts, conversations)
  const offered = new Offered()
  const document = async (request: Request, only?: string): Promise<Response> => {
    try {
      const conversation = await conversations.of(tokenIn(request.headers.get('authorization')))
      const services = await offered.to(conversation, only)
      if (only !== undefined && services.length === 0) throw new WaybillError('NoSuchService', `nobody offers you ${only}`)
      return Response.json(openApi(conversation.routerName, services), { headers: SAFE_HEADERS })
    } catch (thrown) {
      return calling.failed(thrown)
    }
  }
  const only = (allow: string): Response => calling.failed(new Refusal(405, `this is for ${allow}`, { allow }))
  return new Hono()
    .post('/call/*', (context) => calling.call(context.req.raw))
    .all('/call/*', () => only('POST'))
    .get('/openapi.json', (context) => document(context.req.raw))
    .get('/openapi/:file{.+\\.json}', (context) => document(context.req.raw, context.req.param('file').slice(0, -'.json'.length)))
    .all('/openapi.json', () => only('GET, HEAD'))
}
