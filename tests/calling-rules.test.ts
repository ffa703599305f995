/** `POST /call/…` on virtual time and without a socket: texts, streams, and conversations that end. */
import { service, type Client } from '@waybill/client'
import { harness, type Harness } from '@waybill/testkit'
import { describe, expect, test } from 'vitest'
import { callRoutes } from '../packages/server/src/calling/routes.js'
import { JsonStage } from './json-stage.js'

interface Kennel {
  walk(steps: number): AsyncGenerator<unknown>
  chew(): ReadableStream<Uint8Array>
  pack(): Promise<object>
}
const kennel = service<Kennel>('Kennel@1.0.0', { walk: {}, chew: {}, pack: {} })

/** What is fetched here goes from hand to hand. */
function routesOf(h: Harness): (path: string, args?: string, headers?: Readonly<Record<string, string>>) => Promise<Response> {
  const app = callRoutes({ entrance: h.router, json: { ports: h.world.process('http'), audience: 'router', disclosed: (error) => error } })
  return async (path, body, headers = {}) => {
    const type = body === undefined ? {} : { body, headers: { 'content-type': 'application/json', ...headers } }
    return await app.fetch(new Request(`http://router.test${path}`, { method: 'POST', headers, ...type }))
  }
}

/** Lets it end, and lets a minute and more pass, in which conversations end too. */
const soon = async <T>(h: Harness, promise: Promise<T>): Promise<T> => {
  let isThere = false
  void promise.then(
    () => (isThere = true),
    () => (isThere = true),
  )
  for (let turn = 0; turn < 1000 && !isThere; turn++) await h.advance(0)
  return await promise
}

test('values pass as the text that stands there', async () => {
  await using h = harness()
  const callee = new JsonStage(h)
  callee.say({ hello: { name: 'py' } })
  await h.advance(0)
  callee.say({ register: { service: 'Dog', methods: ['bark'] } })
  await h.advance(0)
  const answer = routesOf(h)('/call/Dog/bark', ' [1e400, 12345678901234567890 ,{"b":-0.0,"a":"\\u00e9" }]\n')
  await soon(h, expect.poll(() => callee.take('request').map(({ sn }) => sn)).toHaveLength(1))
  expect(callee.texts.at(-1)).toContain('"args":[1e400, 12345678901234567890 ,{"b":-0.0,"a":"\\u00e9" }]')
  const { sn } = JSON.parse(callee.texts.at(-1)!) as { sn: string }
  callee.text(`{"sn":"${sn}","result":{"retval":{"n":0.10, "m":1e-999}}}`)
  expect(await (await soon(h, answer)).text()).toBe('{"n":0.10, "m":1e-999}')
  callee.door.closed({ reason: '' })
})

test('a conversation ends after a minute without a call, and the next call begins another', async () => {
  await using h = harness()
  const fetched = routesOf(h)
  const call = async (): Promise<unknown> => (await soon(h, fetched('/call/waybill.Router/info'))).json()
  expect(await call()).toMatchObject({ name: 'router', clients: 1 })
  await h.advance(50_000)
  expect(await call()).toMatchObject({ clients: 1 })
  await h.advance(59_000)
  expect(h.router.load.sessions).toBe(1)
  await h.advance(2000)
  expect(h.router.load.sessions).toBe(0)
  expect(await call()).toMatchObject({ clients: 1 })
})

describe('a stream', () => {
  /** How far the generator was asked to go, and how it ended. */
  async function walking(h: Harness): Promise<{ client: Client; walked: number[]; ends: string[] }> {
    const client = await h.client('kennel', { onIncident: () => {} })
    const walked: number[] = []
    const ends: string[] = []
    await client.expose(kennel, {
      walk: async function* (steps) {
        try {
          for (let step = 1; step <= Math.abs(steps); step++) {
            walked.push(step)
            yield { step, way: 'x'.repeat(steps > 1000 ? 1000 : 0) }
          }
          if (steps < 0) throw new RangeError('lost')
          return 'home'
        } finally {
          ends.push('over')
        }
      },
      chew: () =>
        new ReadableStream({
          start: (controller) => {
            controller.enqueue(Uint8Array.of(0, 255, 16))
            controller.enqueue(Uint8Array.of(10))
            controller.close()
          },
        }),
      pack: async () => ({ walk: (async function* () {})() }),
    })
    return { client, walked, ends }
  }

  test('comes as lines of JSON, or as events; bytes come as bytes', async () => {
    await using h = harness()
    await walking(h)
    const fetched = routesOf(h)
    const lines = await soon(h, fetched('/call/Kennel/walk', '[2]'))
    expect([lines.status, lines.headers.get('content-type')]).toEqual([200, 'application/x-ndjson'])
    expect(await soon(h, lines.text())).toBe('{"step":1,"way":""}\n{"step":2,"way":""}\n')
    const events = await soon(h, fetched('/call/Kennel/walk', '[-1]', { accept: 'text/event-stream' }))
    expect(events.headers.get('content-type')).toBe('text/event-stream')
    const [item, end, ...rest] = (await soon(h, events.text())).split('\n\n')
    expect([item, rest]).toEqual(['data: {"step":1,"way":""}', ['']])
    expect(end).toMatch(/^event: error\ndata: \{"code":"RemoteException","message":"lost","executed":"yes"/)
    const home = await soon(h, fetched('/call/Kennel/walk', '[0]', { accept: 'text/event-stream' }))
    expect(await soon(h, home.text())).toBe('event: end\ndata: "home"\n\n')
    const bytes = await soon(h, fetched('/call/Kennel/chew'))
    expect(bytes.headers.get('content-type')).toBe('application/octet-stream')
    expect([...new Uint8Array(await soon(h, bytes.arrayBuffer()))]).toEqual([0, 255, 16, 10])
  })

  test('that fails breaks off where a line would be an item', async () => {
    await using h = harness()
    await walking(h)
    const lines = await soon(h, routesOf(h)('/call/Kennel/walk', '[-2]'))
    await expect(soon(h, lines.text())).rejects.toThrow('lost')
  })

  test('goes no further than its reader takes it; who reads no more ends it', async () => {
    await using h = harness()
    const { walked, ends } = await walking(h)
    const { body } = await soon(h, routesOf(h)('/call/Kennel/walk', '[1000000]'))
    const reader = body!.getReader()
    for (let turn = 0; turn < 50; turn++) await h.advance(0)
    const before = walked.length
    expect(before).toBeLessThan(1000)
    for (let item = 0; item < before; item++) await soon(h, reader.read())
    // What was taken is asked for again.
    await soon(h, reader.read())
    await h.advance(0)
    expect(walked.length).toBeGreaterThan(before)
    expect(walked.length).toBeLessThan(3 * before)
    await reader.cancel()
    await h.advance(1000)
    expect(ends).toEqual(['over'])
    expect(h.router.load.pendingCalls).toBe(0)
  })

  test('within a result is refused, and ended', async () => {
    await using h = harness()
    await walking(h)
    const answer = await soon(h, routesOf(h)('/call/Kennel/pack'))
    expect([answer.status, await answer.json()]).toMatchObject([422, { code: 'NotRepresentable', executed: 'yes' }])
    await h.advance(1000)
    expect(h.router.load.pendingCalls).toBe(0)
  })
})
