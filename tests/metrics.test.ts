/** What a router measures, who may read it, and that it stays bounded. Over real sockets. */
import { service } from '@waybill/client'
import { MAX_MEASURED_SERVICES, Tally } from '../packages/server/src/tally.js'
import { realHarness, type RealHarness } from '@waybill/testkit'
import { request } from 'node:http'
import { expect, test } from 'vitest'

interface Dog {
  bark(phrase: string): string
}
const dog = service<Dog>('Dog@1.0.0', { bark: {} })

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

test('sessions, calls by outcome, how long they took, packets and bytes, refused openings', async () => {
  await using h = await realHarness({ metrics: true, tokens: { alice: 'secret' } })
  const as = { token: 'secret' }
  const kennel = await h.client('kennel', as)
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
  expect((await read(closed)).status).toBe(426)
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
