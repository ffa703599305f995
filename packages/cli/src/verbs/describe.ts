/** `waybill describe`: what a service is, as it says itself. */
import { WaybillError, type Client } from '@waybill/client'
import type { Command } from 'commander'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { addPlaceOptions, withRouter, type PlaceOptions } from '../place.js'
import { readAddress } from '../request.js'
import { paint } from '../show/paint.js'
import { serviceText } from '../show/service.js'

export function addDescribe(program: Command, act: (verb: Promise<number>) => Promise<void>): Command {
  return addPlaceOptions(
    program
      .command('describe')
      .description('print the methods of a service with their types')
      .argument('<service>', 'which one: Dog, Dog@^1, kennel/Dog')
      .option('--json', 'print JSON'),
  ).action((service: string, options: PlaceOptions) => act(describeVerb(service, options)))
}

async function describeVerb(service: string, options: PlaceOptions): Promise<number> {
  const address = readAddress(service)
  return withRouter(options, (client) => describe(client, address, options.json === true))
}

export async function describe(client: Client, address: string, json: boolean): Promise<number> {
  try {
    const description = await client.describe(address)
    if (json) console.log(JSON.stringify(description))
    else {
      const [title, ...methods] = serviceText(description, process.stdout.isTTY ? process.stdout.columns : undefined)
      console.log([paint('bold', title ?? ''), ...methods].join('\n'))
    }
    return Exit.ok
  } catch (thrown) {
    tellFailure(WaybillError.from(thrown), { json, ofCall: false })
    return Exit.failed
  }
}
