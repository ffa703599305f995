/** `waybill ping`: how long a round trip takes, to the router or through it to a service. */
import type { Client } from '@waybill/client'
import { WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { RouterApi } from '@waybill/server'
import { InvalidArgumentError, type Command } from 'commander'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { readAddress } from '../request.js'
import { withRouter } from '../router.js'
import { table, type Column } from '../show/table.js'
import { printTitled } from '../show/titled.js'
import { print, widthOf, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options extends PlaceOptions {
  readonly count: number
}

interface Pinged {
  readonly target: string
  readonly count: number
  readonly minMs: number
  readonly avgMs: number
  readonly maxMs: number
}

const DEFAULT_COUNT = 10
const MOST = 1_000_000
/** Who has not answered by then does not. */
const LONGEST_MS = 5000

const columns: readonly Column<Pinged>[] = [
  { title: 'TARGET', cell: ({ target }) => target },
  { title: 'COUNT', cell: ({ count }) => `${count}`, right: true },
  { title: 'MIN MS', cell: ({ minMs }) => milliseconds(minMs), right: true },
  { title: 'AVG MS', cell: ({ avgMs }) => milliseconds(avgMs), right: true },
  { title: 'MAX MS', cell: ({ maxMs }) => milliseconds(maxMs), right: true },
]

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    verb
      .argument('[client or service]', 'to whom: kennel, Dog, kennel/Dog@^1 (default: the router itself)')
      .option('--count <n>', 'how many, one after the other', readCount, DEFAULT_COUNT)
      .option('--json', 'print JSON'),
  ).action((target: string | undefined, options: Options) => act((terminal) => pingVerb(target, options, terminal)))
}

async function pingVerb(target: string | undefined, options: Options, terminal: Terminal): Promise<number> {
  const address = target === undefined ? undefined : readAddress(target)
  return withRouter(options, terminal, (client) => ping(client, address, options, terminal))
}

export async function ping(
  client: Client,
  target: string | undefined,
  { count, json = false }: Pick<Options, 'count' | 'json'>,
  terminal: Terminal,
): Promise<number> {
  try {
    const address = target === undefined ? undefined : await placeOf(client, target)
    const once = address === undefined ? tripToRouter(client) : () => client.describe(address, { deadline: LONGEST_MS })
    const times: number[] = []
    while (times.length < count) times.push(await timed(once))
    const pinged = summary(address ?? 'waybill.Router', times)
    if (json) print(JSON.stringify(pinged), terminal)
    else printTitled(table(columns, [pinged], widthOf(terminal.out)), terminal)
    return Exit.ok
  } catch (thrown) {
    tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
    return Exit.failed
  }
}

function tripToRouter(client: Client): () => Promise<unknown> {
  const { info } = client.remote<RouterApi>('waybill.Router', { deadline: LONGEST_MS })
  return () => info()
}

/** The address itself, or, where it is the name of a client, a service there. */
async function placeOf(client: Client, target: string): Promise<string> {
  const router = client.remote<RouterApi>('waybill.Router')
  if (!(await router.clients()).some(({ name }) => name === target)) return target
  const there = (await router.services()).find((one) => one.client === target)
  if (there === undefined) throw new WaybillError('NotExposed', `${target} is connected and offers nothing that could answer`)
  return `${target}/${there.service}@${there.version}`
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const { clock } = systemPorts
  const fromMs = clock.nowMs()
  await run()
  return clock.nowMs() - fromMs
}

function summary(target: string, times: readonly number[]): Pinged {
  const rounded = (ms: number): number => Math.round(ms * 1000) / 1000
  return {
    target,
    count: times.length,
    minMs: rounded(times.reduce((least, ms) => Math.min(least, ms))),
    avgMs: rounded(times.reduce((sum, ms) => sum + ms, 0) / times.length),
    maxMs: rounded(times.reduce((most, ms) => Math.max(most, ms))),
  }
}

/** Of one width, so that columns stand where they stood before. */
function milliseconds(ms: number): string {
  return ms.toFixed(2).padStart(8)
}

function readCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,7}$/.test(text) && count >= 1 && count <= MOST) return count
  throw new InvalidArgumentError(`A count is a whole number from 1 to ${MOST}.`)
}
