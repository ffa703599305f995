/** `waybill top`: what the router is busy with, second after second. */
import { WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { RouterApi, RouterInfo, ServiceInfo } from '@waybill/server'
import { InvalidArgumentError, type Command } from 'commander'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { unlessInterrupted } from '../interrupt.js'
import { runningText } from '../listing.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { readDuration } from '../request.js'
import { withRouter } from '../router.js'
import { Block } from '../show/block.js'
import { paint, printable } from '../show/paint.js'
import { counted, factLines, present } from '../show/facts.js'
import { table, type Column } from '../show/table.js'
import { heightOf, print, widthOf, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options extends PlaceOptions {
  readonly interval: string
  readonly count?: number
}

/** What the router said at a time of the local clock. */
export interface Sample {
  readonly atMs: number
  readonly info: RouterInfo
  readonly services: readonly ServiceInfo[]
}

interface Row extends ServiceInfo {
  readonly perSecond: number
}

const MOST_ROWS = 30
/** The empty line, the titles, how many more there are, and where the cursor stands. */
const BESIDE_ROWS = 4

const notes = `
Examples:
  waybill top
  waybill top --interval 5s
  waybill top --count 1 --json

The busiest come first. Ctrl-C ends it, with exit code 0.`

const columns: readonly Column<Row>[] = [
  { title: 'SERVICE', cell: ({ service }) => service, yields: true },
  { title: 'VERSION', cell: ({ version }) => version, yields: true },
  { title: 'CLIENT', cell: ({ client }) => client, yields: true },
  { title: 'RUNNING', cell: runningText, right: true },
  { title: 'CALLS/S', cell: ({ perSecond }) => rateText(perSecond), right: true },
  { title: 'CALLS', cell: ({ calls }) => calls.toLocaleString('en-US'), right: true },
]

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    verb
      .option('--interval <time>', 'how long each figure is measured', '1s')
      .option('--count <n>', 'end after so many', readCount)
      .option('--json', 'print JSON, a line for each time')
      .addHelpText('after', notes),
  ).action((options: Options) => act((terminal) => top(options, terminal)))
}

async function top(options: Options, terminal: Terminal): Promise<number> {
  const { count = Number.POSITIVE_INFINITY, json = false } = options
  const intervalMs = readDuration(options.interval, '--interval')
  if (intervalMs < 100) throw new UsageError('--interval: at least 100ms')
  return withRouter(options, terminal, async (client) => {
    const router = client.remote<RouterApi>('waybill.Router')
    const sample = async (): Promise<Sample> => {
      const [info, services] = await Promise.all([router.info(), router.services()])
      return { atMs: systemPorts.clock.nowMs(), info, services }
    }
    const block = new Block(terminal.out)
    const watch = async (): Promise<void> => {
      let before = await sample()
      for (let shown = 0; shown < count; shown++) {
        await new Promise<void>((resolve) => systemPorts.clock.timer(intervalMs, resolve))
        const now = await sample()
        if (json) print(JSON.stringify(figures(before, now)), terminal)
        else block.show(topLines(before, now, terminal))
        before = now
      }
    }
    try {
      await unlessInterrupted(terminal, watch)
      return Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

/** What changed between two samples, a second. This command and its questions are left out. */
export function figures(before: Sample, now: Sample) {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000)
  const rate = (of: (sample: Sample) => number): number => Math.max(0, of(now) - of(before)) / seconds
  const known = new Map(before.services.map((service) => [keyOf(service), service.calls]))
  const services = now.services
    .map((service) => ({ ...service, perSecond: Math.max(0, service.calls - (known.get(keyOf(service)) ?? service.calls)) / seconds }))
    .toSorted((left, right) => right.perSecond - left.perSecond || right.inFlight - left.inFlight || compare(keyOf(left), keyOf(right)))
  return {
    router: now.info.name,
    clients: now.info.clients - 1,
    callsPerSecond: rate(({ info }) => info.calls),
    pendingCalls: now.info.pendingCalls,
    heldCalls: now.info.heldCalls,
    storedCalls: now.info.storedCalls,
    eventsPerSecond: rate(({ info }) => info.eventsDelivered),
    services,
  }
}

/** The router as `waybill status` tells it, and below it the services; no more lines than the terminal has. */
export function topLines(before: Sample, now: Sample, terminal: Terminal): string[] {
  const { router, clients, callsPerSecond, pendingCalls, heldCalls, storedCalls, eventsPerSecond, services } = figures(before, now)
  const width = widthOf(terminal.out)
  const head = factLines(
    [
      ['ROUTER', `${printable(router)}, ${counted(clients, 'client')}`],
      [
        'CALLS',
        [`${rateText(callsPerSecond)}/s`, ...present([pendingCalls, 'pending'], [heldCalls, 'held'], [storedCalls, 'stored'])].join(', '),
      ],
      ['EVENTS', `${rateText(eventsPerSecond)}/s`],
    ],
    terminal,
  )
  if (services.length === 0) return [...head, '', 'Nobody offers a service.']
  // Lines that have left the screen cannot be written over.
  const room = Math.max(1, Math.min(MOST_ROWS, heightOf(terminal.out) - head.length - BESIDE_ROWS))
  const [titles = '', ...rows] = table(columns, services.slice(0, room), width)
  const rest = services.length - room
  return [...head, '', paint('bold', titles, terminal), ...rows, ...(rest > 0 ? [`and ${rest} more`] : [])]
}

function keyOf({ service, version, client }: ServiceInfo): string {
  return `${service}@${version} ${client}`
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function rateText(perSecond: number): string {
  return perSecond >= 100 || perSecond === 0 ? Math.round(perSecond).toLocaleString('en-US') : perSecond.toFixed(1)
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('A count is a whole number from 1 to 999999.')
  return Number(text)
}
