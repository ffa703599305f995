/** What an operator is told of a router, and what not: its log, and its figures for Prometheus. */
import { connect, service } from '@waybill/client'
import { extensionField, FrameType, joinFields, Tag } from '@waybill/core'
import type { Log } from '@waybill/server'
import { harness, realHarness, ROUTER_URL, type RealHarness } from '@waybill/testkit'
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { MAX_MEASURED_SERVICES, Tally } from '../packages/server/src/tally.js'
import { body, frameOf, HostilePeer } from './hostile-peer.js'

interface Dog {
  bark(phrase: string): Promise<string> | string
}
const dog = service<Dog>('Dog@1.0.0', { bark: {} })

type Line = [level: string, text: string, fields: Record<string, unknown>]

function recorded(): { log: Log; lines: Line[] } {
  const lines: Line[] = []
  const at = (level: string) => (fields: object, text: string) => void lines.push([level, text, { ...fields }])
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

function read(
  h: RealHarness,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; type: string | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: h.router.port, path: '/metrics', headers, method, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], text }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** `name{label="value"}` → number. */
function figures(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

describe('the log', () => {
  test('who came, what was offered, who was refused, who left and why; never what was said, and no token', async () => {
    const { log, lines } = recorded()
    {
      await using h = harness({ router: { log, tokens: { alice: 'secret-of-alice' } } })
      const kennel = await h.client('kennel', { token: 'secret-of-alice' })
      await kennel.expose(dog, { bark: (phrase) => `${phrase} back` })
      const walker = await h.client('walker', { token: 'secret-of-alice' })
      await walker.remote(dog).bark('payload')
      await expect(h.client('stranger', { token: 'secret-of-mallory' })).rejects.toMatchObject({ code: 'Unauthorized' })
      await walker.close()
      h.kill(kennel)
      await h.advance(5000)
    }
    const id = expect.stringMatching(/^[0-9a-f]{32}$/)
    const client = (name: string) => ({ client: name, id, principal: 'alice' })
    expect(lines).toEqual([
      ['info', 'client joined', client('kennel')],
      ['debug', 'service offered', { service: 'Dog', version: '1.0.0', client: 'kennel' }],
      ['info', 'client joined', client('walker')],
      ['warn', 'opening refused', { code: 'Unauthorized' }],
      ['info', 'client left', { ...client('walker'), why: 'has hopped off' }],
      ['debug', 'service withdrawn', { service: 'Dog', version: '1.0.0', client: 'kennel' }],
      ['info', 'client left', { ...client('kennel'), why: 'did not come back' }],
      ['info', 'closing', { sessions: 0 }],
    ])
    expect(JSON.stringify(lines)).not.toMatch(/secret|payload/)
  })

  test('limits that are reached, by whom and of what; a flood of them is a few lines and a number', async () => {
    const { log, lines } = recorded()
    let finish!: (phrase: string) => void
    await using h = harness({ router: { log, limits: { maxCallsPerSession: 1 } } })
    const kennel = await h.client('kennel')
    await kennel.expose(service<Dog>('Dog@1.0.0', { bark: {} }), { bark: () => new Promise((resolve) => (finish = resolve)) })
    const walker = await HostilePeer.open(h.network.transport(h.world.process('walker')), ROUTER_URL, { introduction: { name: 'walker' } })
    const fields = joinFields([extensionField(Tag.destination, 'Dog'), extensionField(Tag.method, 'bark')])
    const { symbol: source } = walker.connected
    const call = (number: number): void => walker.send(frameOf({ type: FrameType.call, source, call: number }, fields, body(['payload'])))
    const reached = (): Line[] => lines.filter(([, text]) => text.startsWith('limit reached'))
    for (let number = 1; number <= 101; number++) call(number)
    await h.advance(10)
    expect(reached()).toEqual(Array.from({ length: 20 }, () => ['warn', 'limit reached', { code: 'Overloaded', client: 'walker' }]))
    await h.advance(10_000)
    call(102)
    await h.advance(10)
    expect(reached()[20]).toEqual(['warn', 'limit reached, more often', { code: 'Overloaded', times: 80 }])
    expect(reached().length).toBe(22)
    finish('')
    walker.send(frameOf({ type: FrameType.goodbye }))
    await h.advance(5000)
  })

  test('faults of our own go there with all that is known; a log that throws changes nothing', async () => {
    const { log, lines } = recorded()
    const broken = (): never => {
      throw new Error('disk full')
    }
    for (const sink of [log, { debug: broken, info: broken, warn: broken, error: broken }]) {
      const authenticate = (): never => {
        throw new TypeError('a fault')
      }
      await using h = harness({ router: { log: sink, authenticate } })
      await expect(h.client('a')).rejects.toMatchObject({ code: 'Unauthorized' })
    }
    const incident = lines.find(([, text]) => text === 'incident')!
    expect(incident).toMatchObject(['error', 'incident', { where: 'authenticate', thrown: expect.stringContaining('TypeError: a fault') }])
  })

  test('over real sockets: where it listens, and where who was refused came from', async () => {
    const { log, lines } = recorded()
    await using h = await realHarness({ log, tokens: { alice: 'secret' } })
    await expect(connect(h.url, { token: 'wrong' })).rejects.toMatchObject({ code: 'Unauthorized' })
    expect(lines[0]).toEqual(['info', 'listening', { url: h.url }])
    expect(lines[1]).toMatchObject(['warn', 'opening refused', { remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }])
  })

  test('a stranger who never says a word is one line', async () => {
    const { log, lines } = recorded()
    await using h = harness({ router: { log } })
    await HostilePeer.link(h.network.transport(h.world.process('silent')), ROUTER_URL)
    await h.advance(10_000)
    expect(lines).toEqual([['warn', 'opening refused', { code: 'ProtocolViolation' }]])
  })
})

describe('the figures', () => {
  test('sessions, calls by outcome, how long they took, packets and bytes, refused openings', async () => {
    await using h = await realHarness({ metrics: true, tokens: { alice: 'secret' } })
    const as = { token: 'secret' }
    const kennel = await h.client('kennel', { ...as, onIncident: () => {} })
    await kennel.expose(dog, {
      bark: (phrase) => {
        if (phrase === 'no') throw new Error('payload')
        return phrase
      },
    })
    const walker = await h.client('walker', as)
    const remote = walker.remote(dog)
    for (let n = 0; n < 3; n++) await remote.bark('yes')
    await expect(remote.bark('no')).rejects.toThrow('payload')
    const cat = 'cat' + 'x'.repeat(20)
    await expect(walker.remote<Dog>(cat).bark('yes')).rejects.toMatchObject({ code: 'NoSuchService' })
    await expect(h.client('stranger', { token: 'wrong' })).rejects.toMatchObject({ code: 'Unauthorized' })

    const { status, type, text } = await read(h, { authorization: 'Bearer secret' })
    expect({ status, type }).toEqual({ status: 200, type: expect.stringMatching(/^text\/plain; version=0\.0\.4/) })
    const seen = figures(text)
    const counted = {
      waybill_sessions: 2,
      waybill_instances: 1,
      waybill_calls_pending: 0,
      'waybill_calls_total{outcome="result"}': 3,
      'waybill_calls_total{outcome="exception"}': 1,
      'waybill_service_calls_total{service="Dog",outcome="result"}': 3,
      'waybill_service_calls_total{service="Dog",outcome="exception"}': 1,
      'waybill_openings_refused_total{code="Unauthorized"}': 1,
      waybill_call_duration_seconds_count: 4,
      'waybill_call_duration_seconds_bucket{le="+Inf"}': 4,
      waybill_events_published_total: expect.any(Number),
      waybill_receipts: 0,
    }
    expect(Object.fromEntries(Object.keys(counted).map((name) => [name, seen.get(name)]))).toEqual(counted)
    // The client tries again by itself.
    expect(seen.get('waybill_calls_total{outcome="NoSuchService"}')).toBeGreaterThan(0)
    for (const name of ['waybill_packets_total', 'waybill_bytes_total'])
      for (const direction of ['in', 'out']) expect(seen.get(`${name}{direction="${direction}"}`)).toBeGreaterThan(8)
    expect(seen.get('waybill_event_loop_delay_seconds{of="max"}')).toBeGreaterThanOrEqual(0)
    const buckets = [...seen].filter(([name]) => name.includes('_bucket')).map(([, value]) => value)
    expect(buckets).toEqual(buckets.toSorted((a, b) => a - b))
    expect(text).not.toMatch(/payload|secret|walker|kennel|catx/)
    // Read again: counters do not start over.
    expect(figures((await read(h, { authorization: 'Bearer secret' })).text).get('waybill_calls_total{outcome="result"}')).toBe(3)
  })

  test('read by whoever may connect, at the same door', async () => {
    await using h = await realHarness({
      metrics: true,
      tokens: { alice: 'secret', bob: 'other' },
      authorize: (principal, action) => action !== 'observe' || principal === 'alice',
    })
    const statuses = await Promise.all([
      read(h),
      read(h, { authorization: 'Bearer wrong' }),
      read(h, { authorization: 'Basic secret' }),
      read(h, { authorization: 'Bearer other' }),
      read(h, { authorization: 'Bearer secret' }),
      read(h, { authorization: 'bearer secret', origin: 'https://evil.com' }),
      read(h, { authorization: 'Bearer secret', host: 'evil.com' }),
      read(h, { authorization: 'Bearer secret' }, 'POST'),
    ])
    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 401, 403, 200, 403, 403, 405])
    for (const { status, text } of statuses) if (status !== 200) expect(text).not.toContain('waybill_')
  })

  test('off by default; without tokens, open to this machine', async () => {
    await using closed = await realHarness()
    expect((await read(closed)).status).toBe(404)
    await using open = await realHarness({ metrics: true })
    expect((await read(open)).status).toBe(200)
  })

  test('however many services there are, so many are told apart', () => {
    const tally = new Tally()
    for (let n = 0; n < MAX_MEASURED_SERVICES + 50; n++) tally.answered(`Service${n}`, 'result', n)
    expect(tally.services.size).toBe(MAX_MEASURED_SERVICES)
    expect(tally.other.result).toBe(50)
    expect(tally.durations.reduce((sum, count) => sum + count, 0)).toBe(MAX_MEASURED_SERVICES + 50)
  })
})
