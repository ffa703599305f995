/** `waybill receipts`: the stored calls, and the cancel of many at once. */
import type { ReceiptInfo, ReceiptQuery } from '@waybill/client'
import { WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { Command } from 'commander'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { listing } from '../listing.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { addQueryOptions, isNarrow, MOST_RECEIPTS, queryOf, USUAL_RECEIPTS, type QueryOptions } from '../receipt-query.js'
import { withRouter } from '../router.js'
import { ageText } from '../show/age.js'
import type { Column } from '../show/table.js'
import { print, remark, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options extends PlaceOptions, QueryOptions {
  readonly cancel?: true
}

const columns: readonly Column<ReceiptInfo>[] = [
  { title: 'RECEIPT', cell: ({ sn }) => sn },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'CALL', cell: ({ service, method }) => `${service}.${method}` },
  { title: 'CLIENT', cell: ({ client }) => client },
  { title: 'AGE', cell: ({ storedAt }) => ageText(Date.parse(storedAt), systemPorts.clock.wallMs()), right: true },
  { title: 'KEY', cell: ({ key = '' }) => key, optional: true },
  { title: 'LOST', cell: ({ attempts }) => `${attempts}`, right: true },
]

const none = 'The router has no stored calls of yours. One is made with: waybill call Dog.walk 3 --async'
const noneFits = 'No stored call of yours fits.'

const examples = `
Examples:
  waybill receipts --state pending
  waybill receipts --service Dog --method walk --limit 10
  waybill receipts --match '{"group":2}' --cancel

The newest come first. A receipt is kept for an hour after the outcome, a dead letter
for a week (see: waybill dead). LOST counts those who took the call and were lost.`

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    addQueryOptions(verb)
      .option('--cancel', 'cancel those that fit and have not ended, and print which; asks for one of the above')
      .option('--json', 'print JSON'),
  )
    .addHelpText('after', examples)
    .action((options: Options) => act((terminal) => receipts(options, terminal)))
}

async function receipts(options: Options, terminal: Terminal): Promise<number> {
  const query = queryOf(options)
  if (options.cancel) return cancel(query, options, terminal)
  return listing(
    options,
    {
      columns,
      empty: isNarrow(query) ? noneFits : none,
      rows: (client) => client.receipts(query),
      note: ({ length }) =>
        length === (query.limit ?? USUAL_RECEIPTS) ? `These are the newest ${length}; --limit shows more.` : undefined,
    },
    terminal,
  )
}

async function cancel(query: ReceiptQuery, options: Options, terminal: Terminal): Promise<number> {
  if (!isNarrow(query))
    throw new UsageError('--cancel: say which: --state, --service, --method, --client, --key or --match; --state pending means all')
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    try {
      // Those that have ended are not to use up how many the router looks at.
      const limit = query.limit ?? MOST_RECEIPTS
      const asked = await client.cancelReceipts({ state: 'pending', ...query, limit })
      if (json) print(JSON.stringify({ cancelling: asked }), terminal)
      else if (asked.length === 0) remark('No stored call of yours fits and could be cancelled.', terminal)
      else print(asked.join('\n'), terminal)
      if (!json && asked.length === limit) remark(`These were the newest ${limit}; the same again cancels more.`, terminal)
      return Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}
