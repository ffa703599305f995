/** `waybill graph`: where parcels go that are for nobody: as a table, as a picture, and one edge more or less. */
import type { Client } from '@waybill/client'
import { WaybillError } from '@waybill/core'
import type { EdgeInfo, RouterApi } from '@waybill/server'
import type { Command } from 'commander'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { listing } from '../listing.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { withRouter } from '../router.js'
import type { Column } from '../show/table.js'
import { print, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options extends PlaceOptions {
  readonly dot?: true
  readonly mermaid?: true
}

const columns: readonly Column<EdgeInfo>[] = [
  { title: 'FROM', cell: ({ from }) => from },
  { title: 'TO', cell: ({ to }) => to },
]

const notes = `
Examples:
  waybill graph
  waybill graph connect kennel archive
  waybill graph disconnect kennel archive
  waybill graph --dot | dot -Tsvg > graph.svg

What a name dispatches to nobody goes to all names that its edges lead to. The graph
is your principal's own, and outlives the router.`

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    verb
      .argument('[change]', 'connect or disconnect')
      .argument('[from]', 'the name that sends')
      .argument('[to]', 'the name that it goes to')
      .option('--dot', 'print it for Graphviz')
      .option('--mermaid', 'print it for Mermaid')
      .option('--json', 'print JSON'),
  )
    .addHelpText('after', notes)
    .action((change: string | undefined, from: string | undefined, to: string | undefined, options: Options) =>
      act((terminal) => (change === undefined ? show(options, terminal) : changed(change, from, to, options, terminal))),
    )
}

function show(options: Options, terminal: Terminal): Promise<number> {
  if (options.dot === true || options.mermaid === true) return draw(options, terminal)
  const rows = (client: Client): Promise<readonly EdgeInfo[]> => apiOf(client).edges()
  return listing(options, { columns, empty: 'The graph has no edges.', rows }, terminal)
}

async function draw(options: Options, terminal: Terminal): Promise<number> {
  if (options.dot === options.mermaid) throw new UsageError('--dot or --mermaid, not both')
  return working(options, terminal, async (client) => {
    const { dotOf, mermaidOf } = await import('@waybill/server')
    const edges = await apiOf(client).edges()
    return (options.dot === true ? dotOf : mermaidOf)(edges).trimEnd()
  })
}

async function changed(
  change: string,
  from: string | undefined,
  to: string | undefined,
  options: Options,
  terminal: Terminal,
): Promise<number> {
  if ((change !== 'connect' && change !== 'disconnect') || from === undefined || to === undefined)
    throw new UsageError('write connect FROM TO, or disconnect FROM TO')
  return working(options, terminal, async (client) => {
    await apiOf(client)[change]({ from, to })
    const status = `${change}ed` as const
    if (options.json === true) return JSON.stringify({ status, from, to })
    return `${status} ${from} ${change === 'connect' ? 'to' : 'from'} ${to}`
  })
}

function working(options: Options, terminal: Terminal, work: (client: Client) => Promise<string>): Promise<number> {
  return withRouter(options, terminal, async (client) => {
    try {
      print(await work(client), terminal)
      return Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json: options.json === true, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

function apiOf(client: Client) {
  return client.remote<RouterApi>('waybill.Router')
}
