/** `waybill status`: what the router is and has to do at the moment. */
import { WaybillError } from '@waybill/client'
import { systemPorts } from '@waybill/core/system'
import type { RouterApi, RouterInfo } from '@waybill/server'
import type { Command } from 'commander'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { addPlaceOptions, withRouter, type PlaceOptions } from '../place.js'
import { ageText } from '../show/age.js'
import { paint, printable } from '../show/paint.js'

export function addStatus(program: Command, act: (verb: Promise<number>) => Promise<void>): Command {
  return addPlaceOptions(program.command('status').description('what the router is and has to do').option('--json', 'print JSON')).action(
    (options: PlaceOptions) => act(status(options)),
  )
}

function status(options: PlaceOptions): Promise<number> {
  const json = options.json === true
  return withRouter(options, async (client) => {
    try {
      const info = await client.remote<RouterApi>('waybill.Router').info()
      // Without this command itself.
      const told = { ...info, clients: info.clients - 1 }
      console.log(json ? JSON.stringify(told) : statusLines(told, systemPorts.clock.wallMs()).join('\n'))
      return Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false })
      return Exit.failed
    }
  })
}

/** One line for each thing; what is not there at all is not mentioned. */
export function statusLines(info: RouterInfo, nowMs: number): string[] {
  const several = (...parts: readonly (readonly [count: number, what: string])[]): string => {
    const [first, ...rest] = parts
    return [first!, ...rest.filter(([count]) => count > 0)].map(([count, what]) => `${grouped(count)} ${what}`).join(', ')
  }
  const rows: readonly (readonly [string, string])[] = [
    ['ROUTER', `${printable(info.name)}, up ${ageText(Date.parse(info.startedAt), nowMs)}, protocol ${info.protocolVersion}`],
    ['CLIENTS', grouped(info.clients)],
    ['SERVICES', grouped(info.services)],
    ['CALLS', several([info.pendingCalls, 'pending'], [info.heldCalls, 'held'], [info.storedCalls, 'stored'])],
    ['', several([info.calls, 'since the start'], [info.droppedCalls, 'dropped'])],
    ['EVENTS', several([info.subscriptions, 'subscriptions'])],
    ['', several([info.eventsPublished, 'published'], [info.eventsDelivered, 'delivered'], [info.eventsLeftOut, 'left out'])],
  ]
  return rows.map(([title, text]) => `${paint('bold', title.padEnd(8))}  ${text}`)
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
