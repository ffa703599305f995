/** `waybill receipts`: the stored calls, and the cancel of many at once. */
import { WaybillError, type ReceiptInfo, type ReceiptQuery } from '@waybill/client'
import { systemPorts } from '@waybill/core/system'
import type { Command } from 'commander'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { listing } from '../listing.js'
import { addPlaceOptions, withRouter, type PlaceOptions } from '../place.js'
import { addQueryOptions, isNarrow, MOST_RECEIPTS, queryOf, USUAL_RECEIPTS, type QueryOptions } from '../receipt-query.js'
import { ageText } from '../show/age.js'
import type { Column } from '../show/table.js'

interface Options extends PlaceOptions, QueryOptions {
  readonly cancel?: true
}

const columns: readonly Column<ReceiptInfo>[] = [
  { title: 'RECEIPT', cell: ({ sn }) => sn },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'CALL', cell: ({ service, method }) => `${service}.${method}` },
  { title: 'CLIENT', cell: ({ client }) => client },
  { title: 'AGE', cell: ({ storedAt }) => ageText(Date.parse(storedAt), systemPorts.clock.wallMs()), right: true },
  { title: 'LOST', cell: ({ attempts }) => `${attempts}`, right: true },
]

const none = 'The router has no stored calls of yours. One is made with: waybill call Dog.walk 3 --async'
const noneFits = 'No stored call of yours fits.'

const examples = `
Examples:
  waybill receipts --state pending
  waybill receipts --service Dog --method walk --limit 10
  waybill receipts --match '{"group":2}' --cancel

The newest come first. A receipt is kept for an hour after the outcome. LOST counts
those who took the call and were lost with it.`

export function addReceipts(program: Command, act: (verb: Promise<number>) => Promise<void>): Command {
  const verb = program.command('receipts').description('list stored calls, or cancel them')
  return addPlaceOptions(
    addQueryOptions(verb)
      .option('--cancel', 'cancel those that fit and have not ended, and print which; asks for one of the above')
      .option('--json', 'print JSON'),
  )
    .addHelpText('after', examples)
    .action((options: Options) => act(receipts(options)))
}

async function receipts(options: Options): Promise<number> {
  const query = queryOf(options)
  if (options.cancel) return cancel(query, options)
  return listing(options, {
    columns,
    empty: isNarrow(query) ? noneFits : none,
    rows: (client) => client.receipts(query),
    note: ({ length }) => (length === (query.limit ?? USUAL_RECEIPTS) ? `These are the newest ${length}; --limit shows more.` : undefined),
  })
}

async function cancel(query: ReceiptQuery, options: Options): Promise<number> {
  if (!isNarrow(query))
    throw new UsageError('--cancel: say which: --state, --service, --method, --client or --match; --state pending means all')
  const json = options.json === true
  return withRouter(options, async (client) => {
    try {
      // Those that have ended are not to use up how many the router looks at.
      const limit = query.limit ?? MOST_RECEIPTS
      const asked = await client.cancelReceipts({ state: 'pending', ...query, limit })
      if (json) console.log(JSON.stringify({ cancelling: asked }))
      else if (asked.length === 0) console.error('No stored call of yours fits and could be cancelled.')
      else console.log(asked.join('\n'))
      if (!json && asked.length === limit) console.error(`These were the newest ${limit}; the same again cancels more.`)
      return Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false })
      return Exit.failed
    }
  })
}
