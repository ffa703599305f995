/** `waybill describe`: what a service is, as it says itself. */
import type { Client } from '@waybill/client'
import { WaybillError } from '@waybill/core'
import type { Command } from 'commander'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { readAddress } from '../request.js'
import { withRouter } from '../router.js'
import { serviceText } from '../show/service.js'
import { printTitled } from '../show/titled.js'
import { print, widthOf, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

export function define(verb: Command, act: Act): void {
  addPlaceOptions(verb.argument('<service>', 'which one: Dog, Dog@^1, kennel/Dog').option('--json', 'print JSON')).action(
    (service: string, options: PlaceOptions) => act((terminal) => describeVerb(service, options, terminal)),
  )
}

async function describeVerb(service: string, options: PlaceOptions, terminal: Terminal): Promise<number> {
  const address = readAddress(service)
  return withRouter(options, terminal, (client) => describe(client, address, options.json === true, terminal))
}

export async function describe(client: Client, address: string, json: boolean, terminal: Terminal): Promise<number> {
  try {
    const description = await client.describe(address)
    if (json) print(JSON.stringify(description), terminal)
    else printTitled(serviceText(description, widthOf(terminal.out)), terminal)
    return Exit.ok
  } catch (thrown) {
    tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
    return Exit.failed
  }
}
