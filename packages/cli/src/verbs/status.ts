/** `waybill status`: what the router is and has to do at the moment. */
import { WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { RouterApi, RouterInfo } from '@waybill/server'
import type { Command } from 'commander'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { withRouter } from '../router.js'
import { ageText } from '../show/age.js'
import { counted, factLines, grouped, present, type Count } from '../show/facts.js'
import { printable } from '../show/paint.js'
import { print, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

export function define(verb: Command, act: Act): void {
  addPlaceOptions(verb.option('--json', 'print JSON')).action((options: PlaceOptions) => act((terminal) => status(options, terminal)))
}

function status(options: PlaceOptions, terminal: Terminal): Promise<number> {
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    try {
      const info = await client.remote<RouterApi>('waybill.Router').info()
      // Without this command itself.
      const told = { ...info, clients: info.clients - 1 }
      print(json ? JSON.stringify(told) : statusLines(told, systemPorts.clock.wallMs(), terminal).join('\n'), terminal)
      return Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

/** One line for each thing; what is not there at all is not mentioned. */
export function statusLines(info: RouterInfo, nowMs: number, terminal: Terminal): string[] {
  const told = (first: string, ...others: readonly Count[]): string => [first, ...present(...others)].join(', ')
  return factLines(
    [
      ['ROUTER', `${printable(info.name)}, up ${ageText(Date.parse(info.startedAt), nowMs)}, protocol ${info.protocolVersion}`],
      ['CLIENTS', grouped(info.clients)],
      ['SERVICES', grouped(info.services)],
      ['CALLS', told(`${grouped(info.pendingCalls)} pending`, [info.heldCalls, 'held'], [info.storedCalls, 'stored'])],
      ['', told(`${grouped(info.calls)} since the start`, [info.droppedCalls, 'dropped'])],
      ['EVENTS', counted(info.subscriptions, 'subscription')],
      ['', told(`${grouped(info.eventsPublished)} published`, [info.eventsDelivered, 'delivered'], [info.eventsLeftOut, 'left out'])],
    ],
    terminal,
  )
}
