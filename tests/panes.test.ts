/**
 * What people see: commands in a terminal of 60 and of 160 columns, held against the screens in `tests/panes/` (`npx vitest run tests/panes.test.ts
 * -u` writes them anew). Most run in this process; what a real terminal is to a real process is skipped where there is no `script` of util-linux.
 */
import type { Client, ServiceDescription } from '@waybill/client'
import { createRouter, type RouterHandle, type RouterInfo, type ServiceInfo } from '@waybill/server'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Block } from '../packages/cli/src/show/block.js'
import { timelineText } from '../packages/cli/src/show/timeline.js'
import { printTitled } from '../packages/cli/src/show/titled.js'
import { print } from '../packages/cli/src/terminal.js'
import type { Step } from '../packages/cli/src/tracing.js'
import { describe as describeTo } from '../packages/cli/src/verbs/describe.js'
import { statusLines } from '../packages/cli/src/verbs/status.js'
import { topLines } from '../packages/cli/src/verbs/top.js'
import { endChildren, startWorker } from './fixtures/children.js'
import { ran } from './fixtures/commands.js'
import { hasTerminal, Pane } from './fixtures/pane.js'
import { screenOf } from './fixtures/screen.js'

const COMMAND = 'packages/cli/bin/waybill.js'

it('a screen is what the characters make of it', () => {
  expect(screenOf('ab\r\ncd\rx', 10)).toBe('ab\nxd\n')
  expect(screenOf('bar 1\r\u001B[2Kbar', 10)).toBe('bar\n')
  expect(screenOf('abcdef', 3)).toBe('abc\ndef\n')
  expect(screenOf('abc\r\ndef', 3)).toBe('abc\ndef\n')
  expect(screenOf('1\r\n2\r\u001B[1A\u001B[2Kone', 10)).toBe('one\n2\n')
  expect(screenOf('\u001B[1mbold\u001B[22m', 10)).toBe('bold\n')
  expect(() => screenOf('\u001B[2J', 10)).toThrow('CSI 2J')
})

const dog: ServiceDescription = {
  name: 'Dog',
  version: '1.2.0',
  labels: { region: 'eu' },
  instance: 'shared',
  concurrency: 8,
  methods: [
    { name: 'bark', idempotent: true, parameters: ['string'], returns: 'string' },
    {
      name: 'walk',
      idempotent: false,
      timeoutMs: 5000,
      concurrency: 2,
      parameters: [{ type: 'object', properties: { km: { type: 'number' }, with: { enum: ['rex', 'ace'] } }, required: ['km'] }],
      returns: { const: 'home' },
      errors: ['Asleep'],
    },
    { name: 'rest', idempotent: false },
  ],
}

const info: RouterInfo = {
  name: 'depot',
  epoch: 1,
  protocolVersion: 1,
  startedAt: '2026-01-31T12:00:00.000Z',
  clients: 13,
  services: 4,
  pendingCalls: 17,
  heldCalls: 3,
  storedCalls: 1204,
  droppedCalls: 2,
  calls: 8_412_990,
  subscriptions: 1,
  eventsPublished: 51_007,
  eventsDelivered: 102_014,
  eventsLeftOut: 12,
}
const idle: RouterInfo = {
  ...info,
  ...{ clients: 2, services: 0, pendingCalls: 0, heldCalls: 0, storedCalls: 0, droppedCalls: 0, calls: 0 },
  ...{ subscriptions: 0, eventsPublished: 0, eventsDelivered: 0, eventsLeftOut: 0 },
}

/** What is busy for a second: `calls` more than before. */
function offered(service: string, client: string, calls: number, inFlight: number, concurrency?: number): ServiceInfo & { before: number } {
  const given = { service, client, inFlight, calls: 10 * calls + 5, before: 9 * calls + 5, version: '1.2.0', labels: {}, methods: ['do'] }
  return { ...given, ...(concurrency !== undefined && { concurrency }) }
}

const busy = [
  offered('Dog', 'kennel', 12_940, 8, 8),
  offered('com.example.shipping.LabelPrinter', 'printer-in-the-basement-7', 31, 2, 4),
  offered('Dog', 'cottage', 2, 0, 128),
  offered('Mail', 'post', 0, 0),
]

/** Commands that have ended are still listed for the moment that their goodbye takes. */
async function onlyKennels(env: Readonly<Record<string, string>>): Promise<void> {
  await vi.waitFor(
    async () => {
      const { stdout } = await ran(['clients', '--json'], env)
      expect((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name).toSorted()).toEqual(['cottage', 'kennel'])
    },
    { timeout: 20_000 },
  )
}

describe('panes', { timeout: 75_000 }, () => {
  let router: RouterHandle
  let env: Readonly<Record<string, string>>

  beforeAll(async () => {
    router = await createRouter({ listen: { port: 0 } })
    env = { WAYBILL_URL: router.url! }
    // One after the other: lists are in the order in which they came.
    await startWorker(router.url!)
    await startWorker(router.url!, { NAME: 'cottage', VERSION: '2.0.0' })
  })
  afterAll(async () => {
    await endChildren()
    await router.close()
  })

  const golden = async (screen: string, name: string): Promise<void> => {
    await expect(screen).toMatchFileSnapshot(`panes/${name}.txt`)
  }

  describe.each([60, 160])('of %i columns', (columns) => {
    it.each([
      ['help', '--help'],
      ['help-call', 'call', '--help'],
      ['help-trace', 'trace', '--help'],
      ['help-dispatch', 'dispatch', '--help'],
      ['help-graph', 'graph', '--help'],
      ['services', 'services'],
      ['clients', 'clients'],
      ['call', 'call', 'Dog.rich'],
      ['call-exception', 'call', 'Dog.fail'],
      ['call-fault', 'call', 'Dog.fault'],
      ['call-no-service', 'call', 'Cat.meow'],
      ['usage', 'call', 'Dog'],
      ['ping', 'ping'],
    ])('%s', async (name, ...args) => {
      if (name === 'clients') await onlyKennels(env)
      const screen = await Pane.ofCommand(columns, args, env).end()
      expect(screen.split('\n').filter((line) => line.length > columns)).toEqual([])
      await golden(screen, `${name}-${columns}`)
    })

    it.skipIf(!hasTerminal)('call as a process, while it runs and when it has ended', async () => {
      const walking = Pane.ofProcess(columns, COMMAND, ['call', 'kennel/Dog.walk', '8'], env)
      await golden(await walking.when(/2\/8 {2}25%/), `call-progress-${columns}`)
      await golden(await walking.end(), `call-ended-${columns}`)
    })

    it('trace', async () => {
      const steps: readonly Step[] = [
        { event: 'sent', atMs: 0 },
        { event: 'accepted', atMs: 1 },
        { event: 'started', atMs: 1.1 },
        { event: 'progress', atMs: 21, text: '1/3  sniffing' },
        { event: 'progress', atMs: 61, text: '3/3  home', count: 95 },
        { event: 'result', atMs: 80, text: 'home' },
      ]
      const pane = Pane.ofWork(columns, async (terminal) => {
        printTitled(timelineText('kennel/Dog.walk', '00000000-0000-0000-0000-000000000000', steps, columns), terminal)
        return 0
      })
      await golden(await pane.end(), `trace-${columns}`)
    })

    it('status, of a router with much and with nothing to do', async () => {
      for (const [name, told] of [
        ['status', info],
        ['status-idle', idle],
      ] as const) {
        const nowMs = Date.parse(told.startedAt) + 3 * 86_400_000
        const pane = Pane.ofWork(columns, async (terminal) => {
          print(statusLines(told, nowMs, terminal).join('\n'), terminal)
          return 0
        })
        await golden(await pane.end(), `${name}-${columns}`)
      }
    })

    it('top, which stands where the one before it stood', async () => {
      const before = { atMs: 0, info, services: busy.map((service) => ({ ...service, calls: service.before })) }
      const now = { atMs: 1000, info: { ...info, calls: info.calls + 12_973, eventsDelivered: info.eventsDelivered + 7 }, services: busy }
      const nothing = { atMs: 0, info: idle, services: [] }
      const pane = Pane.ofWork(columns, async (terminal) => {
        const block = new Block(terminal.out)
        block.show(topLines(nothing, { ...nothing, atMs: 1000 }, terminal))
        block.show(topLines(before, now, terminal))
        return 0
      })
      const screen = await pane.end()
      expect(screen.split('\n').filter((line) => line.length > columns)).toEqual([])
      await golden(screen, `top-${columns}`)
    })

    it('describe', async () => {
      const client = { describe: () => Promise.resolve(dog) } as unknown as Client
      const pane = Pane.ofWork(columns, (terminal) => describeTo(client, 'Dog', false, terminal))
      await golden(await pane.end(), `describe-${columns}`)
    })
  })

  // Of 160 columns, where no line is broken, it is in `demo.test.ts`.
  it.skipIf(!hasTerminal)('the demo, of 60 columns', async () => {
    await golden(await Pane.ofProcess(60, 'examples/dist/demo/main.js', [], { DEMO_PAUSE_MS: '0' }).end(), 'demo-60')
  })
})
