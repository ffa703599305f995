/** `waybill services`: what is offered, by whom. */
import type { RouterApi, ServiceInfo } from '@waybill/server'
import type { Command } from 'commander'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { labelsText, listing, runningText } from '../listing.js'
import type { Column } from '../show/table.js'
import type { Act } from '../verb.js'

const columns: readonly Column<ServiceInfo>[] = [
  { title: 'SERVICE', cell: ({ service }) => service },
  { title: 'VERSION', cell: ({ version }) => version },
  { title: 'CLIENT', cell: ({ client }) => client },
  { title: 'RUNNING', cell: runningText, right: true },
  { title: 'LABELS', cell: ({ labels }) => labelsText(labels), optional: true },
  { title: 'METHODS', cell: ({ methods }) => methods.join(' ') },
]

const nobody = 'Nobody offers a service yet. A client does: await client.expose(new Dog())'

export function define(verb: Command, act: Act): void {
  addPlaceOptions(verb.option('--json', 'print JSON')).action((options: PlaceOptions) =>
    act((terminal) =>
      listing(
        options,
        {
          columns,
          empty: nobody,
          rows: async (client) => sorted(await client.remote<RouterApi>('waybill.Router').services()),
        },
        terminal,
      ),
    ),
  )
}

function sorted(services: readonly ServiceInfo[]): readonly ServiceInfo[] {
  return services.toSorted(
    (left, right) => compare(left.service, right.service) || compare(left.version, right.version) || compare(left.client, right.client),
  )
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
