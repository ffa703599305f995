/** Rows 1 to 6 of what is safe by default, on the door of tRPC: over HTTP and over WebSockets alike. */
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { createRouter, type RouterHandle } from '@waybill/server'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { failureOf, overHttp, overSocket, Told } from './api-trpc-stage.js'

const tokens = { ann: 'a'.repeat(32), bob: 'b'.repeat(32) }
let router: RouterHandle

beforeEach(async () => {
  router = await createRouter({ name: 'router', tokens, onIncident: () => {}, limits: { openingMs: 300 }, listen: { port: 0 } })
})
afterEach(() => router.close())

/** Status and text of a request with these very headers. */
async function asked(
  path: string,
  headers: Record<string, string>,
  method = 'GET',
  body?: string,
  begun = (): void => {},
): Promise<[number, string]> {
  const sent = request({ port: router.port, host: '127.0.0.1', path, method, headers })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  begun()
  return [answer.statusCode!, await text(answer)]
}

/** The status with which an upgrade is answered, or the code with which its socket ends. */
function upgraded(path: string, headers: Record<string, string>, said?: string): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${router.url!}${path}`, { headers })
    socket.on('unexpected-response', (_, answer) => {
      resolve(answer.statusCode!)
      socket.terminate()
    })
    socket.on('open', () => said !== undefined && socket.send(said))
    socket.on('close', (code) => resolve(code))
    socket.on('error', () => {})
  })
}

it('S2, S3: other hosts, foreign pages and what a browser sends for them are refused; a request that reads changes nothing', async () => {
  const authorization = `Bearer ${tokens.ann}`
  expect((await asked('/trpc/info', { authorization }))[0]).toBe(200)
  const refused: readonly Record<string, string>[] = [
    { host: 'evil.example' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
  ]
  for (const headers of refused) {
    expect((await asked('/trpc/info', { authorization, ...headers }))[0]).toBe(403)
    expect(await upgraded('/trpc', { authorization, ...headers })).toBe(403)
  }
  const [status, body] = await asked(`/trpc/unregister?input=${encodeURIComponent('{"json":{"name":"dog"}}')}`, { authorization })
  expect([status, body.includes('METHOD_NOT_SUPPORTED')]).toEqual([405, true])
})

it('S4: a token stands in a header or in the first message, and nowhere else', async () => {
  expect(await failureOf(overHttp(router.url!).info.query())).toEqual({ code: 'Unauthorized', trpc: 'UNAUTHORIZED' })
  expect(await failureOf(overHttp(router.url!, 'wrong').info.query())).toEqual({ code: 'Unauthorized', trpc: 'UNAUTHORIZED' })
  const inUrl = encodeURIComponent(JSON.stringify({ token: tokens.ann }))
  expect((await asked(`/trpc/info?connectionParams=${inUrl}&token=${tokens.ann}`, {}))[0]).toBe(401)
  const [, stream] = await asked(`/trpc/presence?connectionParams=${inUrl}`, { accept: 'text/event-stream' })
  expect(stream).toContain('UNAUTHORIZED')

  using ann = overSocket(router.url!, tokens.ann)
  expect((await ann.api.clients.query()).length).toBe(0)
  await ann.api.register.mutate({ name: 'dog' })
  const bob = overHttp(router.url!, tokens.bob)
  expect(await failureOf(bob.unregister.mutate({ name: 'dog' }))).toEqual({ code: 'Forbidden', trpc: 'FORBIDDEN' })
  const { sn } = await ann.api.dispatch.mutate({ to: 'dog', content: { text: 'sit' } })
  expect(await failureOf(bob.receipt.query({ sn }))).toEqual({ code: 'NoSuchReceipt', trpc: 'NOT_FOUND' })
  expect(await bob.receipts.query()).toEqual([])
})

it('S4: who is shut out is told nothing more within a second, on a socket and in server-sent events', async () => {
  using ann = overSocket(router.url!, tokens.ann)
  using presence = new Told<unknown>((told) => ann.api.presence.subscribe(undefined, told))
  await vi.waitFor(() => expect(router.load.subscriptions).toBe(2))
  await ann.api.register.mutate({ name: 'dog' })
  const path = `/trpc/receive?input=${encodeURIComponent('{"json":{"name":"dog"}}')}`
  const headers = { authorization: `Bearer ${tokens.ann}`, accept: 'text/event-stream' }
  let sse!: ReturnType<typeof asked>
  await new Promise<void>((begun) => {
    sse = asked(path, headers, 'GET', undefined, begun)
  })
  await vi.waitFor(() => expect(presence.items.length).toBeGreaterThan(0))
  const beganMs = performance.now()
  router.revoke('ann')
  expect(await sse).toEqual([200, expect.stringContaining('UNAUTHORIZED')])
  await vi.waitFor(() => expect(presence.failure?.data?.waybill.code).toBe('Unauthorized'))
  expect(performance.now() - beganMs).toBeLessThan(1000)
})

it('S5, S6: who does not introduce himself, or says too much, is gone; a long body is refused', async () => {
  expect(await upgraded('/trpc?connectionParams=1', {})).toBe(1006)
  expect(await upgraded('/trpc?connectionParams=1', {}, 'x'.repeat(100_000))).toBe(1006)
  const wrong = JSON.stringify({ method: 'connectionParams', data: { token: 'wrong' } })
  expect(await upgraded('/trpc?connectionParams=1', {}, wrong)).toBe(1005)
  const authorization = `Bearer ${tokens.ann}`
  expect(await upgraded('/trpc', { authorization }, 'x'.repeat(2_000_000))).toBe(1009)
  const long = await asked('/trpc/dispatch', { authorization, 'content-type': 'application/json' }, 'POST', 'x'.repeat(2_000_000))
  expect([long[0], JSON.parse(long[1])]).toEqual([413, expect.objectContaining({ code: 'TooLarge', executed: 'no' })])
})
