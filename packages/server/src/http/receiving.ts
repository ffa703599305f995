/** `/receive`, `/received` and `/postback`: what is there for a name, that it has it, and what it says to it. */
import { streamSSE, type SSEStreamingApi } from 'hono/streaming'
import { isName, quoted, WaybillError } from '@waybill/core'
import { aliasIn, itemHeaders, type Item } from '../parcels/index.js'
import { contentAnswer, jsonAnswer, nothing, safely } from './answers.js'
import { headOf, secondsIn } from './asked.js'
import { readBody, readContent } from './body.js'
import { originOf, MAX_OBJECT_BYTES, type Routes } from './routes.js'

/** In seconds: how long one may wait, and for how long what it gets is its own. */
const MOST_WAIT = 300
const DEFAULT_WAIT = 30
const MOST_LEASE = 3600
const DEFAULT_LEASE = 30
const MAX_REASON_BYTES = 64 * 1024

export const receivingRoutes: Routes = (app, { parcels, who, maxBodyBytes, pace }) => {
  app.get('/receive', async (context) => {
    const { raw } = context.req
    const known = await who.of(raw)
    const { principal } = known
    const query = new URL(raw.url).searchParams
    const name = nameIn(query)
    const waitMs = secondsIn(query, 'wait', MOST_WAIT, DEFAULT_WAIT)
    const loanMs = secondsIn(query, 'lease', MOST_LEASE, DEFAULT_LEASE)
    const base = originOf(raw)
    // Whoever may not is told so before a stream begins; who asks for the head alone is lent nothing.
    parcels.check(principal, name)
    if (raw.method === 'HEAD') return nothing()
    if (!(raw.headers.get('accept') ?? '').includes('text/event-stream')) {
      const item = await who.during(known, raw.signal, (signal) => parcels.receive(principal, name, waitMs, loanMs, signal))
      return item === undefined ? nothing() : contentAnswer(item, itemHeaders(item, base))
    }
    const send = (stream: SSEStreamingApi): Promise<void> =>
      who.during(known, raw.signal, async (signal) => {
        for (;;) {
          const item = await parcels.receive(principal, name, DEFAULT_WAIT * 1000, loanMs, signal)
          if (signal.aborted || stream.aborted) return
          if (item !== undefined) await stream.writeSSE({ event: item.kind, id: item.id, data: JSON.stringify(told(item, base)) })
          else await stream.write(': waiting\n\n')
        }
      })
    // Why it breaks off is its last event, which Hono writes where somebody hears of the error.
    return safely(streamSSE(context, send, () => Promise.resolve()))
  })

  app.post('/received/:id', async ({ req }) => {
    const known = await who.ofAnybody(req.raw)
    const bytes = await readBody(req.raw, { mostBytes: MAX_OBJECT_BYTES, pace })
    await parcels.received(known?.principal, req.param('id'), aliasIn(bytes))
    return jsonAnswer({ status: 'received' })
  })

  app.post('/postback/:id', async ({ req }) => {
    const known = await who.ofAnybody(req.raw)
    const id = await parcels.answerable(known?.principal, req.param('id'))
    const hasFailed = req.query('failed') !== undefined || outcomeIn(req.header('waybill-outcome')) === 'exception'
    const answer = hasFailed
      ? {
          code: 'RemoteException',
          message: textOf(await readBody(req.raw, { mostBytes: MAX_REASON_BYTES, pace })),
          executed: 'yes' as const,
        }
      : await readContent(req.raw, headOf(req.raw.headers), { mostBytes: maxBodyBytes, pace, spool: () => parcels.spool() })
    await parcels.postback(known?.principal, id, answer)
    return jsonAnswer({ status: 'answered' })
  })
}

function outcomeIn(said = 'result'): string {
  if (said !== 'result' && said !== 'exception') throw new WaybillError('BadArguments', 'Waybill-Outcome is result or exception')
  return said
}

function nameIn(query: URLSearchParams): string {
  const name = query.get('name')
  if (name === null || !isName(name))
    throw new WaybillError(
      'BadArguments',
      name === null ? 'say for whom: GET /receive?name=…' : `${quoted(name)} is not the name of a client`,
    )
  return name
}

/** The same as the headers and the body say, for who gets it as an event. */
function told(item: Item, base: string): object {
  const { 'waybill-postback': postback, 'waybill-received': received } = itemHeaders(item, base)
  const { kind, sn, from, attempt, head, bytes, large } = item
  const base64 = Buffer.from(bytes).toString('base64')
  return {
    kind,
    receipt_id: sn,
    received,
    ...(postback !== undefined && { postback, from, attempt }),
    headers: head,
    ...(large === undefined ? { base64 } : { large: large.size }),
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
