/** `waybill events`: events as they are published, a line each. */
import type { Client, Subscription } from '@waybill/client'
import { WaybillError } from '@waybill/core'
import { InvalidArgumentError, type Command } from 'commander'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { unlessInterrupted } from '../interrupt.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { readPattern } from '../request.js'
import { withRouter } from '../router.js'
import { paint, printable } from '../show/paint.js'
import { eventForm, eventText, gapText } from '../show/event.js'
import { print, remark, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options extends PlaceOptions {
  readonly count?: number
}

const MOST = 1_000_000_000

const examples = `
Examples:
  waybill events 'dog.*'                  # * stands for one name
  waybill events 'waybill.**' --json      # ** at the end for one or more: who comes and goes
  waybill events dog.barked --count 1     # the next one

A line has the topic, who published it, and the value. Where events are missing a
line with --- says so. Ctrl-C is how it ends, exit code 0; with --count it comes too
early, exit code 130.`

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    verb
      .argument('<pattern>', "which topics: dog.barked, 'dog.*', 'waybill.**'")
      .option('--count <n>', 'end after so many', readCount)
      .option('--json', 'print each as JSON, on a line of its own'),
  )
    .addHelpText('after', examples)
    .action((pattern: string, options: Options) => act((terminal) => events(pattern, options, terminal)))
}

async function events(text: string, options: Options, terminal: Terminal): Promise<number> {
  const pattern = readPattern(text)
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    try {
      const subscription = client.events(pattern)
      const ended = await unlessInterrupted(terminal, async () => {
        await subscription.ready
        remark(`Waiting for events of ${pattern}. Ctrl-C ends it.`, terminal)
        watchConnection(client, terminal)
        await printEach(subscription, json, options.count ?? Number.POSITIVE_INFINITY, terminal)
        return 'all'
      })
      // Without a count there is no other end; with one, something is missing.
      return ended === undefined && options.count !== undefined ? Exit.interrupted : Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

async function printEach(subscription: Subscription<unknown>, json: boolean, count: number, terminal: Terminal): Promise<void> {
  let left = count
  for await (const event of subscription) {
    if (json) print(JSON.stringify(eventForm(event)), terminal)
    else print(event.kind === 'gap' ? paint('yellow', gapText(event), terminal) : eventText(event), terminal)
    if (event.kind === 'event' && --left === 0) return
  }
}

/** A reader who sees nothing for long knows whether anybody could speak. */
function watchConnection(client: Client, terminal: Terminal): void {
  client.onStatus((status) => {
    if (status.kind === 'lost') remark(`The connection was lost: ${printable(status.reason)}. Looking for the router.`, terminal)
    if (status.kind === 'connected') remark('Connected again.', terminal)
  })
}

function readCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,10}$/.test(text) && count >= 1 && count <= MOST) return count
  throw new InvalidArgumentError(`A count is a whole number from 1 to ${MOST}.`)
}
