/** What `waybill status` shows. */
import { expect, test } from 'vitest'
import { statusLines } from '../src/verbs/status.js'

const plain = { write: () => {} }
const terminal = { out: plain, err: plain, env: {}, onInterrupt: () => () => {}, exit: () => {}, input: async function* () {} }

const info = {
  name: 'depot\u001b[2J',
  epoch: 1,
  protocolVersion: 1,
  startedAt: '2026-01-31T12:00:00.000Z',
  clients: 2,
  services: 3,
  pendingCalls: 1234,
  heldCalls: 0,
  storedCalls: 7,
  droppedCalls: 0,
  calls: 1_234_567,
  subscriptions: 4,
  eventsPublished: 5,
  eventsDelivered: 20,
  eventsLeftOut: 1,
}

test('a line for each thing, no wider than sixty columns, without what there is none of', () => {
  const lines = statusLines(info, Date.parse(info.startedAt) + 7_200_000, terminal)
  expect(lines).toEqual([
    'ROUTER    depot\\x1b[2J, up 2h, protocol 1',
    'CLIENTS   2',
    'SERVICES  3',
    'CALLS     1,234 pending, 7 stored',
    '          1,234,567 since the start',
    'EVENTS    4 subscriptions',
    '          5 published, 20 delivered, 1 left out',
  ])
})
