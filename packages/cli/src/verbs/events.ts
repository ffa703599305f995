/** `waybill events`: events as they are published, a line each. */
import { WaybillError, type Client, type Subscription } from '@waybill/client'
import { InvalidArgumentError, type Command } from 'commander'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { unlessInterrupted } from '../interrupt.js'
import { addPlaceOptions, withRouter, type PlaceOptions } from '../place.js'
import { readPattern } from '../request.js'
import { paint, printable } from '../show/paint.js'
import { eventForm, eventText, gapText } from '../show/event.js'

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

export function addEvents(program: Command, act: (verb: Promise<number>) => Promise<void>): Command {
  return addPlaceOptions(
    program
      .command('events')
      .description('print events as they are published')
      .argument('<pattern>', "which topics: dog.barked, 'dog.*', 'waybill.**'")
      .option('--count <n>', 'end after so many', readCount)
      .option('--json', 'print each as JSON, on a line of its own'),
  )
    .addHelpText('after', examples)
    .action((pattern: string, options: Options) => act(events(pattern, options)))
}

async function events(text: string, options: Options): Promise<number> {
  const pattern = readPattern(text)
  const json = options.json === true
  return withRouter(options, async (client) => {
    try {
      const subscription = client.events(pattern)
      const ended = await unlessInterrupted(async () => {
        await subscription.ready
        console.error(`Waiting for events of ${pattern}. Ctrl-C ends it.`)
        watchConnection(client)
        await print(subscription, json, options.count ?? Number.POSITIVE_INFINITY)
        return 'all'
      })
      // Without a count there is no other end; with one, something is missing.
      return ended === undefined && options.count !== undefined ? Exit.interrupted : Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false })
      return Exit.failed
    }
  })
}

async function print(subscription: Subscription<unknown>, json: boolean, count: number): Promise<void> {
  let left = count
  for await (const event of subscription) {
    if (json) console.log(JSON.stringify(eventForm(event)))
    else console.log(event.kind === 'gap' ? paint('yellow', gapText(event)) : eventText(event))
    if (event.kind === 'event' && --left === 0) return
  }
}

/** A reader who sees nothing for long knows whether anybody could speak. */
function watchConnection(client: Client): void {
  client.onStatus((status) => {
    if (status.kind === 'lost') console.error(`The connection was lost: ${printable(status.reason)}. Looking for the router.`)
    if (status.kind === 'connected') console.error('Connected again.')
  })
}

function readCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,10}$/.test(text) && count >= 1 && count <= MOST) return count
  throw new InvalidArgumentError(`A count is a whole number from 1 to ${MOST}.`)
}
