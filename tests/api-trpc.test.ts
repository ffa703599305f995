/** The router's own API over tRPC: each procedure, by what the router does for it, over HTTP and over a WebSocket. */
import { setTimeout as pause } from 'node:timers/promises'
import { connect, service, type Client } from '@waybill/client'
import { createRouter, type RouterApi, type RouterHandle } from '@waybill/server'
import type { Heard, ToldItem } from '@waybill/server/trpc'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { bytesOf, failureOf, overHttp, overSocket, Told, type Api, type OverSocket, type Tracked } from './api-trpc-stage.js'

let router: RouterHandle
let http: Api
let socket: OverSocket
let client: Client

beforeEach(async () => {
  router = await createRouter({ name: 'router', listen: { port: 0 } })
  http = overHttp(router.url!)
  socket = overSocket(router.url!)
  client = await connect(router.url!, { name: 'kennel' })
})
afterEach(async () => {
  socket[Symbol.dispose]()
  await client.close()
  await router.close()
})

const bytes = Buffer.from([0, 255, 16])

it('takes a parcel from its sender to its receiver, and the answer back', async () => {
  expect(await http.register.mutate({ name: 'dog', fields: { breed: 'collie' } })).toEqual({
    name: 'dog',
    concurrency: 16,
    fields: { breed: 'collie' },
  })
  await http.register.mutate({ name: 'walker' })
  expect((await http.registered.query()).map(({ name }) => name)).toEqual(['dog', 'walker'])
  using dog = new Told<Tracked<ToldItem>>((told) => socket.api.receive.subscribe({ name: 'dog' }, told))
  using walker = new Told<Tracked<ToldItem>>((told) => socket.api.receive.subscribe({ name: 'walker' }, told))

  const content = { headers: { 'content-type': 'image/png' }, base64: bytes.toString('base64') }
  const sent = await http.dispatch.mutate({ to: 'dog', from: 'walker', content, key: 'one', data: { trip: 1 } })
  expect(sent).toEqual({ sn: expect.any(String) as string, durability: 'memory', duplicate: false })
  expect(await http.dispatch.mutate({ to: 'dog', from: 'walker', content, key: 'one' })).toEqual({ ...sent, duplicate: true })

  await vi.waitFor(() => expect(dog.items).toHaveLength(1))
  const { id, data } = dog.items[0]!
  const { sn } = sent
  const postback = `${router.url!.replace('ws', 'http')}/postback/${id}`
  expect(data).toEqual({ id, kind: 'parcel', sn, from: 'walker', attempt: 1, postback, ...content })
  expect(await http.result.query({ sn })).toEqual({ sn, state: 'handed' })
  await socket.api.received.mutate({ id, alias: 'trip-1' })
  expect(await http.receipt.query({ sn })).toMatchObject({ sn, state: 'started', callee: 'dog', data: { trip: 1 } })
  await http.postback.mutate({ id: 'trip-1', content: { json: { km: 3 } } })
  expect(await failureOf(http.postback.mutate({ id, content: { text: 'again' } }))).toEqual({ code: 'Answered', trpc: 'CONFLICT' })

  expect(await http.receipt.query({ sn, waitMs: 5000 })).toMatchObject({ state: 'succeeded' })
  const { content: result, ...rest } = await http.result.query({ sn })
  expect([rest, result!.headers, bytesOf(result!)]).toEqual([
    { sn, state: 'succeeded' },
    { 'content-type': 'application/json' },
    '{"km":3}',
  ])
  await vi.waitFor(() => expect(walker.items).toHaveLength(1))
  expect(walker.items[0]).toMatchObject({ id: sn, data: { kind: 'result', id: sn, sn, base64: result!.base64 } })
  await http.received.mutate({ id: sn })

  for (const to of ['dog', 'walker']) await http.connect.mutate({ from: 'gate', to })
  await http.disconnect.mutate({ from: 'gate', to: 'walker' })
  expect(await http.edges.query()).toEqual([{ from: 'gate', to: 'dog' }])
  expect(await http.picture.query({ format: 'mermaid' })).toContain('dog')
  const api = client.remote<RouterApi>('waybill.Router')
  expect(await api.registered()).toEqual(await http.registered.query())
  expect(await api.register({ name: 'cat', concurrency: 1 })).toEqual({ name: 'cat', concurrency: 1, fields: {} })
  await api.unregister('cat')
  await api.disconnect({ from: 'gate', to: 'dog' })
  await api.connect({ from: 'dog', to: 'walker' })
  expect(await api.edges()).toEqual([{ from: 'dog', to: 'walker' }])
  expect((await api.registered()).map(({ name }) => name)).toEqual(['dog', 'walker'])
  await http.unregister.mutate({ name: 'dog' })
  expect(await failureOf(http.unregister.mutate({ name: 'dog' }))).toEqual({ code: 'NoSuchClient', trpc: 'NOT_FOUND' })
})

it('gives what was not acknowledged again after a connection that broke, and at once', async () => {
  await http.register.mutate({ name: 'dog' })
  using dog = new Told<Tracked<ToldItem>>((told) => socket.api.receive.subscribe({ name: 'dog', leaseMs: 600_000 }, told))
  await http.dispatch.mutate({ to: 'dog', content: { text: 'one' } })
  const { sn } = await http.dispatch.mutate({ to: 'dog', content: { text: 'two' } })
  await vi.waitFor(() => expect(dog.items).toHaveLength(2))
  await http.received.mutate({ id: dog.items[0]!.id })
  socket.cut()
  await vi.waitFor(() => expect(dog.items).toHaveLength(3), { timeout: 5000 })
  expect(dog.items.map(({ data }) => bytesOf(data))).toEqual(['one', 'two', 'two'])
  await http.postback.mutate({ id: dog.items[2]!.id, failed: 'it rains' })
  expect((await http.receipts.query({ state: 'failed' })).map((receipt) => receipt.sn)).toEqual([sn])
  expect(await http.result.query({ sn })).toMatchObject({ state: 'failed', failure: { message: 'it rains', executed: 'yes' } })
  await pause(50)
  expect(dog.items).toHaveLength(3)
})

it('gives what is too long for an answer in pieces: of an item while it is lent, of a result as long as it is kept', async () => {
  const long = Buffer.alloc(1_500_000, 'wau ')
  const post = (path: string): Promise<Response> =>
    fetch(`${router.url!.replace('ws', 'http')}${path}`, { method: 'POST', body: long, headers: { 'content-type': 'text/plain' } })
  const whole = async (piece: (offset: number) => Promise<{ base64: string }>): Promise<Buffer> => {
    const pieces: Buffer[] = []
    for (let at = 0; ; at += pieces.at(-1)!.byteLength) {
      pieces.push(Buffer.from((await piece(at)).base64, 'base64'))
      if (pieces.at(-1)!.byteLength === 0) return Buffer.concat(pieces)
    }
  }
  await http.register.mutate({ name: 'dog' })
  using dog = new Told<Tracked<ToldItem>>((told) => socket.api.receive.subscribe({ name: 'dog' }, told))
  const { receipt_id: sn } = (await (await post('/dispatch/dog')).json()) as { receipt_id: string }
  await vi.waitFor(() => expect(dog.items).toHaveLength(1))
  const { id, data } = dog.items[0]!
  expect(data).toMatchObject({ headers: { 'content-type': 'text/plain' }, base64: '', size: long.byteLength })
  expect((await whole((offset) => http.itemPiece.query({ name: 'dog', id, offset }))).equals(long)).toBe(true)
  expect((await post(`/postback/${id}`)).status).toBe(200)
  expect(await http.result.query({ sn, waitMs: 5000 })).toMatchObject({ content: { base64: '', size: long.byteLength } })
  expect((await whole((offset) => http.resultPiece.query({ sn, offset }))).equals(long)).toBe(true)
  expect(await failureOf(http.itemPiece.query({ name: 'dog', id, offset: 0 }))).toEqual({ code: 'NoSuchReceipt', trpc: 'NOT_FOUND' })
})

it('tells durable events from any id, goes on after a cut, and tells live ones and presence', async () => {
  for (const phrase of ['one', 'two', 'three']) await client.publish('dog.barked', { phrase, at: new Date(0) }, { durable: true })
  using events = new Told<Tracked<Heard>>((told) => socket.api.events.subscribe({ topic: 'dog.*', after: 1 }, told))
  using live = new Told<Heard>((told) => socket.api.live.subscribe({ topic: 'dog.*' }, told))
  using presence = new Told<Heard>((told) => socket.api.presence.subscribe(undefined, told))
  await vi.waitFor(() => expect(events.items).toHaveLength(2))
  expect(events.items[0]!.data).toEqual({
    kind: 'event',
    topic: 'dog.barked',
    sender: 'kennel',
    id: 2,
    timestamp: expect.any(String) as string,
    value: { phrase: 'two', at: new Date(0) },
  })
  await client.publish('dog.barked', 'four', { durable: true })
  await client.publish('dog.slept', 'short')
  await vi.waitFor(() => expect([events.items.length, live.items.length]).toEqual([3, 2]))
  const newcomer = await connect(router.url!, { name: 'newcomer' })
  await newcomer.close()
  const names = (): unknown[] => presence.items.flatMap((item) => (item.kind === 'event' ? [[item.topic, item.value]] : []))
  await vi.waitFor(() =>
    expect(names()).toEqual(
      expect.arrayContaining(['joined', 'left'].map((what) => [`waybill.client.${what}`, expect.objectContaining({ name: 'newcomer' })])),
    ),
  )

  socket.cut()
  await client.publish('dog.barked', 'five', { durable: true })
  await vi.waitFor(() => expect(events.items).toHaveLength(4), { timeout: 5000 })
  expect(events.items.map(({ data }) => data.kind === 'event' && data.id)).toEqual([2, 3, 4, 5])
  using other = new Told<Tracked<Heard>>((told) => socket.api.events.subscribe({ topic: 'dog.*', lastEventId: '4@another' }, told))
  await vi.waitFor(() => expect(other.items).toHaveLength(6))
  expect(other.items.map(({ data }) => (data.kind === 'event' ? data.id : 'gap'))).toEqual(['gap', 1, 2, 3, 4, 5])
  expect(await http.cursors.query()).toEqual([])
  expect(await http.forgetCursor.mutate({ name: 'nothing' })).toBe(false)
})

it('says who is here and what is offered, with schemas, and drains', async () => {
  const contract = service<{ bark(phrase: string): string }>('Dog@1.2.0', { bark: { args: [z.string()], returns: z.string() } })
  await client.expose(contract, { bark: (phrase) => phrase })
  const [info, clients, services, contracts] = await Promise.all([
    http.info.query(),
    http.clients.query(),
    http.services.query(),
    http.contracts.query({ service: 'Dog' }),
  ])
  expect(info).toMatchObject({ name: 'router', services: 1 })
  expect(clients.map(({ name }) => name)).toContain('kennel')
  expect(services).toMatchObject([{ service: 'Dog', version: '1.2.0', client: 'kennel', methods: ['bark'] }])
  const text = { type: 'string' }
  expect(contracts).toMatchObject([
    { service: 'Dog', versions: [{ version: '1.2.0', methods: [{ name: 'bark', idempotent: false, parameters: [text], returns: text }] }] },
  ])
  expect(await http.drain.mutate({ client: 'kennel' })).toEqual({ client: 'kennel', inFlight: 0 })
  expect(await http.services.query()).toEqual([])
})

it('cancels, and keeps dead letters that are tried again or forgotten', async () => {
  const dispatch = async (key: string, ttlMs = 600_000): Promise<string> =>
    (await http.dispatch.mutate({ to: 'nobody', content: { text: key }, ttlMs, key })).sn
  const [first, second] = [await dispatch('first'), await dispatch('second', 1)]
  expect(await http.cancel.mutate({ key: 'first' })).toEqual([first])
  await vi.waitFor(async () => expect((await http.dead.query()).map(({ sn }) => sn)).toEqual([second]))
  const again = await http.redrive.mutate({ sn: second })
  expect(again).toEqual({ sn: expect.any(String) as string, durability: 'memory', duplicate: false })
  expect(await http.redrive.mutate({ sn: second })).toEqual({ ...again, duplicate: true })
  await dispatch('third')
  expect(await http.mailbox.query()).toMatchObject([{ waitsFor: 'nobody/waybill.Inbox', kind: 'calls' }])
  expect(await http.purge.mutate({ sn: second })).toEqual([second])
  expect(await failureOf(http.dead.query({ everyone: true }))).toEqual({ code: 'Forbidden', trpc: 'FORBIDDEN' })
})

it('tells what is wrong with an input, and what the router refuses, in the same words', async () => {
  const wrong = http.dispatch.mutate({ to: 'dog', content: { text: 'one', base64: 'AA==' } })
  await expect(wrong).rejects.toMatchObject({
    data: {
      code: 'BAD_REQUEST',
      waybill: { code: 'BadArguments', executed: 'no', retryable: false, details: { issues: [{ path: 'content' }] } },
    },
  })
  const refusal = { data: { code: 'NOT_FOUND', httpStatus: 404, waybill: { code: 'NoSuchClient', executed: 'no', retryable: true } } }
  await expect(http.dispatch.mutate({ to: 'dog', content: {} })).rejects.toMatchObject(refusal)
  await expect(socket.api.dispatch.mutate({ to: 'dog', content: {} })).rejects.toMatchObject({ data: { waybill: refusal.data.waybill } })
  expect(await failureOf(http.receipt.query({ sn: 'x' }))).toEqual({ code: 'NoSuchReceipt', trpc: 'NOT_FOUND' })
  expect(await failureOf(http.receipts.query({ limit: 0 }))).toEqual({ code: 'BadArguments', trpc: 'BAD_REQUEST' })
  expect(await failureOf((http as unknown as { nothing: { query(): Promise<unknown> } }).nothing.query())).toEqual({
    code: 'NoSuchMethod',
    trpc: 'NOT_FOUND',
  })
  using events = new Told<Tracked<Heard>>((told) => socket.api.events.subscribe({ topic: 'dog.*', lastEventId: 'x' }, told))
  await vi.waitFor(() => expect(events.failure?.data?.waybill.code).toBe('BadArguments'))
  using nobody = new Told<unknown>((told) => socket.api.receive.subscribe({ name: 'nobody' }, told))
  await vi.waitFor(() => expect(nobody.failure?.data?.waybill.code).toBe('NoSuchClient'))
})
