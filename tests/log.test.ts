/** What the router tells its operator, and what it does not. */
import { connect, service } from '@waybill/client'
import { extensionField, FrameType, joinFields, Tag } from '@waybill/core'
import type { Log } from '@waybill/server'
import { harness, realHarness, ROUTER_URL } from '@waybill/testkit'
import { expect, test } from 'vitest'
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
