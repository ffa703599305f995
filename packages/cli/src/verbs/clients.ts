/** `waybill clients`: who is connected, besides this command itself. */
import type { ClientInfo, RouterApi } from '@waybill/server'
import type { Command } from 'commander'
import { labelsText, listing } from '../listing.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import type { Column } from '../show/table.js'
import type { Act } from '../verb.js'

const columns: readonly Column<ClientInfo>[] = [
  { title: 'CLIENT', cell: ({ name }) => name },
  { title: 'PRINCIPAL', cell: ({ principal }) => principal },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'SERVICES', cell: ({ services }) => `${services}`, right: true },
  { title: 'RUNNING', cell: ({ inFlight }) => `${inFlight}`, right: true },
  { title: 'CALLS', cell: ({ pendingCalls }) => `${pendingCalls}`, right: true },
  { title: 'SINCE', cell: ({ connectedAt }) => `${connectedAt.slice(0, 19)}Z` },
  { title: 'LABELS', cell: ({ labels }) => labelsText(labels), optional: true },
]

const nobody = 'Nobody else is connected. A process hops on: await connect(url)'

export function define(verb: Command, act: Act): void {
  addPlaceOptions(verb.option('--json', 'print JSON')).action((options: PlaceOptions) =>
    act((terminal) =>
      listing(
        options,
        {
          columns,
          empty: nobody,
          rows: async (client) => (await client.remote<RouterApi>('waybill.Router').clients()).filter(({ name }) => name !== client.name),
        },
        terminal,
      ),
    ),
  )
}
