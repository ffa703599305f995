/** `waybill events`: events as they are published, or as the router has stored them, a line each; and the cursors of those who read them. */
import type { Client, DurableSubscription, Subscription } from '@waybill/client'
import { WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { CursorInfo, RouterApi } from '@waybill/server'
import { InvalidArgumentError, type Command } from 'commander'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { unlessInterrupted } from '../interrupt.js'
import { listing } from '../listing.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { readPattern } from '../request.js'
import { withRouter } from '../router.js'
import { ageText } from '../show/age.js'
import { eventForm, eventText, gapText } from '../show/event.js'
import { paint, printable } from '../show/paint.js'
import type { Column } from '../show/table.js'
import { print, remark, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options extends PlaceOptions {
  readonly count?: number
  readonly after?: number
  readonly cursor?: string
  readonly cursors?: true
  readonly forget?: string
}

const columns: readonly Column<CursorInfo>[] = [
  { title: 'CURSOR', cell: ({ name }) => name },
  { title: 'AFTER', cell: ({ after }) => `#${after}`, right: true },
  { title: 'BEHIND', cell: ({ behind }) => `${behind}`, right: true },
  { title: 'MOVED', cell: ({ movedAt }) => ageText(Date.parse(movedAt), systemPorts.clock.wallMs()), right: true },
  { title: 'READER', cell: ({ reader }) => reader ?? '' },
]

const none = "The router has no cursors of yours. One is made with: waybill events 'dog.*' --cursor printer"

const MOST = 1_000_000_000

const examples = `
Examples:
  waybill events 'dog.*'                  # * stands for one name
  waybill events 'waybill.**' --json      # ** at the end for one or more: who comes and goes
  waybill events dog.barked --count 1     # the next one
  waybill events 'dog.*' --after 0        # all durable ones that are kept, then what comes
  waybill events 'dog.*' --cursor printer # from where this cursor's last reader stopped
  waybill events --cursors                # how far the readers of cursors are

A line has the topic, who published it, and the value; one of a durable event begins
with its id, for --after. Where events are missing a line with --- says so. Ctrl-C is
how it ends, exit code 0; with --count it comes too early, exit code 130.`

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    verb
      .argument('[pattern]', "which topics: dog.barked, 'dog.*', 'waybill.**'")
      .option('--count <n>', 'end after so many', readCount)
      .option('--after <id>', 'durable events behind this id; 0: all that are kept', readId)
      .option('--cursor <name>', 'durable events from where this cursor is, which moves along')
      .option('--cursors', 'print the cursors instead')
      .option('--forget <cursor>', 'delete a cursor instead')
      .option('--json', 'print each as JSON, on a line of its own'),
  )
    .addHelpText('after', examples)
    .action((pattern: string | undefined, options: Options) => act((terminal) => eventsVerb(pattern, options, terminal)))
}

async function eventsVerb(pattern: string | undefined, options: Options, terminal: Terminal): Promise<number> {
  const { cursors, forget } = options
  if (pattern !== undefined && (cursors || forget !== undefined))
    throw new UsageError('--cursors and --forget are about cursors, and take no pattern')
  if (forget !== undefined) return forgetCursor(forget, options, terminal)
  if (cursors) return listing(options, { columns, empty: none, rows: (client) => routerOf(client).cursors() }, terminal)
  if (pattern === undefined) throw new UsageError("missing required argument 'pattern'")
  return events(pattern, options, terminal)
}

function routerOf(client: Client) {
  return client.remote<RouterApi>('waybill.Router')
}

async function forgetCursor(name: string, options: Options, terminal: Terminal): Promise<number> {
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    try {
      const forgotten = await routerOf(client).forgetCursor(name)
      if (json) print(JSON.stringify({ cursor: name, forgotten }), terminal)
      else if (forgotten) print(`forgot ${name}`, terminal)
      else remark(`The router has no cursor ${name} of yours.`, terminal)
      return forgotten ? Exit.ok : Exit.failed
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

async function events(text: string, options: Options, terminal: Terminal): Promise<number> {
  const pattern = readPattern(text)
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    try {
      const { after, cursor } = options
      const subscription = client.events(pattern, { ...(after !== undefined && { after }), ...(cursor !== undefined && { cursor }) })
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
    if (event.kind !== 'event' || --left > 0) continue
    // It is printed: no later reader of the cursor need see it again.
    if ('taken' in subscription) (subscription as DurableSubscription<unknown>).taken()
    return
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

function readId(text: string): number {
  const id = Number(text)
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(id)) return id
  throw new InvalidArgumentError('An id is a whole number; 0 means all that are kept.')
}
