/** What `waybill top` shows, and how it shows it again. */
import { expect, test } from 'vitest'
import { Block } from '../src/show/block.js'
import { figures, topLines, type Sample } from '../src/verbs/top.js'

const info = {
  name: 'depot\u001b[2J',
  epoch: 1,
  protocolVersion: 1,
  startedAt: '2026-01-31T12:00:00.000Z',
  clients: 3,
  services: 2,
  pendingCalls: 4,
  heldCalls: 0,
  storedCalls: 0,
  droppedCalls: 0,
  calls: 1000,
  subscriptions: 0,
  eventsPublished: 0,
  eventsDelivered: 0,
  eventsLeftOut: 0,
}
const service = (client: string, calls: number, more: object = {}) => ({
  service: 'Dog',
  version: '1.2.0',
  client,
  labels: {},
  methods: ['bark'],
  inFlight: 1,
  calls,
  ...more,
})
const before: Sample = { atMs: 1000, info, services: [service('rex', 100), service('ace', 400)] }
const now: Sample = {
  atMs: 3000,
  info: { ...info, calls: 3500, eventsDelivered: 5 },
  services: [service('rex', 150, { concurrency: 8 }), service('ace', 2400), service('new', 7)],
}
const plain = { write: () => {} }
const terminal = (columns?: number) => ({
  out: columns === undefined ? plain : { ...plain, isTTY: true, columns },
  err: plain,
  env: { NO_COLOR: '1' },
  onInterrupt: () => () => {},
  exit: () => {},
  input: async function* () {},
})

test('the busiest first; whoever is new has no rate yet', () => {
  expect(topLines(before, now, terminal())).toEqual([
    'ROUTER    depot\\x1b[2J, 2 clients',
    'CALLS     1,250/s, 4 pending',
    'EVENTS    2.5/s',
    '',
    'SERVICE  VERSION  CLIENT  RUNNING  CALLS/S  CALLS',
    'Dog      1.2.0    ace           1    1,000  2,400',
    'Dog      1.2.0    rex         1/8     25.0    150',
    'Dog      1.2.0    new           1        0      7',
  ])
  for (const line of topLines(before, now, terminal(40))) expect(line.length).toBeLessThanOrEqual(40)
})

test('on a terminal the names give way to the figures, and no more services are shown than it has lines for', () => {
  const long = [
    service('a-client-with-a-long-name', 1, { service: 'com.example.kennels.Dog', inFlight: 2 }),
    ...Array.from({ length: 40 }, (_, n) => service(`c${n}`, 0)),
  ]
  const out = { ...plain, isTTY: true, columns: 60, rows: 12 }
  const lines = topLines(before, { ...now, services: long }, { ...terminal(), out })
  expect(lines).toHaveLength(11)
  expect(lines.at(-1)).toBe('and 36 more')
  expect(lines[5]).toMatch(/^com\.exa.*… +1\.2\.0 +a-client.*… +2 +0 +1$/)
  expect(topLines(before, { ...now, services: long }, terminal()).at(-1)).toBe('and 11 more')
})

test('a router that began anew has no negative rate', () => {
  expect(figures(now, { ...before, atMs: 4000 })).toMatchObject({ callsPerSecond: 0, eventsPerSecond: 0 })
})

test('a terminal is written over, anything else is written on', () => {
  const texts: string[] = []
  const write = (text: string): void => void texts.push(text)
  const onTerminal = new Block({ isTTY: true, columns: 80, write })
  onTerminal.show(['a', 'b'])
  onTerminal.show(['c'])
  const elsewhere = new Block({ write })
  elsewhere.show(['a', 'b'])
  elsewhere.show(['c'])
  expect(texts).toEqual(['a\nb\n', '\u001b[1A\u001b[2K\u001b[1A\u001b[2Kc\n', 'a\nb\n', '\nc\n'])
})
