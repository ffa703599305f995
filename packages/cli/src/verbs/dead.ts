/** `waybill dead`: stored calls that have ended without having been done for certain; another try of them, and their end. */
import type { Client, DeadLetter, DeadQuery } from '@waybill/client'
import { WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { RouterApi } from '@waybill/server'
import type { Command } from 'commander'
import { addDeadOptions, adviceByReason, chosen, deadQueryOf, type DeadOptions } from '../dead-query.js'
import { Exit } from '../exits.js'
import { failureForm, tellFailure } from '../failure.js'
import { listing } from '../listing.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { MOST_RECEIPTS, USUAL_RECEIPTS } from '../receipt-query.js'
import { readSerialNumber } from '../request.js'
import { withRouter } from '../router.js'
import { ageText } from '../show/age.js'
import { fold } from '../show/fold.js'
import { StatusLine } from '../show/line.js'
import { receiptText } from '../show/receipt.js'
import type { Column } from '../show/table.js'
import { printTitled } from '../show/titled.js'
import { print, remark, widthOf, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options extends PlaceOptions, DeadOptions {
  readonly everyone?: true
}

const notes = `
Examples:
  waybill dead list --reason expired
  waybill dead show 018f3c1e-7a00-8dea-b6fb-bc0000000001
  waybill dead redrive --reason expired --service Dog
  waybill dead purge --reason rejected

A dead letter is a stored call that was not done for certain: nobody took it in time
(expired), it was refused (rejected, no_method, …), those who took it were lost
(max_attempts, indeterminate). It is kept for a week. redrive makes another stored
call of it, which asks for the same; the dead one stays, with a note.`

export function define(verb: Command, act: Act): void {
  verb.addHelpText('after', notes)
  const sub = (name: string, description: string): Command =>
    addPlaceOptions(verb.command(name).description(description).option('--json', 'print JSON'))
  addDeadOptions(sub('list', 'list dead letters, the newest first')).action((options: Options) =>
    act((terminal) => list(options, terminal)),
  )
  sub('show <sn>', 'print what is known of one')
    .option('--everyone', 'also one of another principal; asks for the right to operate')
    .action((sn: string, options: Options) => act((terminal) => show(sn, options, terminal)))
  addDeadOptions(sub('redrive [sn...]', 'try those again that fit and were not tried again before')).action(
    (sns: string[], options: Options) => act((terminal) => redrive(sns, options, terminal)),
  )
  addDeadOptions(sub('purge [sn...]', 'forget those that fit, for good')).action((sns: string[], options: Options) =>
    act((terminal) => purge(sns, options, terminal)),
  )
}

const columns: readonly Column<DeadLetter>[] = [
  { title: 'RECEIPT', cell: ({ sn }) => sn },
  { title: 'REASON', cell: ({ reason }) => reason },
  { title: 'CALL', cell: ({ service, method }) => `${service}.${method}` },
  { title: 'CLIENT', cell: ({ client }) => client },
  { title: 'AGE', cell: ({ endedAt = '' }) => ageText(Date.parse(endedAt), systemPorts.clock.wallMs()), right: true },
  { title: 'AGAIN', cell: ({ redrivenAs }) => (redrivenAs === undefined ? '' : 'yes'), optional: true },
]
const ofAll: readonly Column<DeadLetter>[] = [...columns, { title: 'PRINCIPAL', cell: ({ principal }) => principal }]

function list(options: Options, terminal: Terminal): Promise<number> {
  const query = deadQueryOf(options)
  return listing(
    options,
    {
      columns: query.everyone === true ? ofAll : columns,
      empty: Object.keys(query).length === 0 ? 'The router has no dead letters of yours.' : 'No dead letter fits.',
      rows: (client) => client.deadLetters(query),
      note: ({ length }) =>
        length === (query.limit ?? USUAL_RECEIPTS) ? `These are the newest ${length}; --limit shows more.` : undefined,
    },
    terminal,
  )
}

function show(text: string, options: Options, terminal: Terminal): Promise<number> {
  const sn = readSerialNumber(text)
  return asking(options, terminal, async (client) => {
    const [letter] = await client.deadLetters({ sn, ...(options.everyone === true && { everyone: true }) })
    if (letter === undefined) throw noDeadLetter(sn)
    if (options.json === true) return print(JSON.stringify(letter), terminal)
    const width = widthOf(terminal.out)
    const advice = letter.redrivenAs === undefined ? fold(`  to do     ${adviceByReason[letter.reason]}`, width, 12) : []
    const [title, ...facts] = receiptText(letter, undefined, systemPorts.clock.wallMs(), width)
    printTitled([`${title}, a dead letter (${letter.reason})`, ...facts, ...advice], terminal)
  })
}

/** One after the other: each is another call, and one that cannot be tried again holds up none. */
async function redrive(sns: readonly string[], options: Options, terminal: Terminal): Promise<number> {
  const queries = chosen(sns, deadQueryOf(options), 'redrive')
  const json = options.json === true
  return asking(options, terminal, async (client) => {
    const router = client.remote<RouterApi>('waybill.Router')
    const letters = await found(
      client,
      queries.map((query) => ('sn' in query ? query : { ...query, redriven: false })),
    )
    const done: { sn: string; as: string }[] = []
    const failed: { sn: string; error: WaybillError }[] = []
    const line = new StatusLine(terminal.err)
    for (const { sn, principal } of letters) {
      if (terminal.err.isTTY === true) line.show(`${done.length + failed.length} of ${letters.length} …`)
      try {
        done.push({ sn, as: (await router.redrive(sn, ...(options.everyone === true ? [principal] : []))).sn })
      } catch (thrown) {
        failed.push({ sn, error: WaybillError.from(thrown) })
      }
    }
    line.clear()
    if (json)
      print(JSON.stringify({ redriven: done, failed: failed.map(({ sn, error }) => ({ sn, error: failureForm(error) })) }), terminal)
    else {
      if (letters.length === 0) remark('No dead letter fits that was not tried again before.', terminal)
      for (const { as } of done) print(as, terminal)
      for (const { sn, error } of failed) remark(`waybill: ${sn} could not be tried again: ${error.code}: ${error.message}`, terminal)
      if (letters.length === MOST_RECEIPTS) remark(`These were the newest ${MOST_RECEIPTS}; the same again tries more.`, terminal)
    }
    return failed.length === 0 ? Exit.ok : Exit.failed
  })
}

/** Each serial number must be one; a query may find none. */
async function found(client: Client, queries: readonly DeadQuery[]): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = []
  for (const query of queries) {
    const some = await client.deadLetters({ limit: MOST_RECEIPTS, ...query })
    if (some.length === 0 && query.sn !== undefined) throw noDeadLetter(query.sn)
    letters.push(...some)
  }
  return letters
}

async function purge(sns: readonly string[], options: Options, terminal: Terminal): Promise<number> {
  const queries = chosen(sns, deadQueryOf(options), 'purge')
  return asking(options, terminal, async (client) => {
    const purged: string[] = []
    for (const query of queries) purged.push(...(await client.purge({ limit: MOST_RECEIPTS, ...query })))
    if (options.json === true) return print(JSON.stringify({ purged }), terminal)
    if (purged.length === 0) remark('No dead letter fits that nobody is to be told of any more.', terminal)
    else print(purged.join('\n'), terminal)
    if (purged.length === MOST_RECEIPTS) remark(`These were the newest ${MOST_RECEIPTS}; the same again purges more.`, terminal)
  })
}

function asking(options: Options, terminal: Terminal, work: (client: Client) => Promise<number | void>): Promise<number> {
  return withRouter(options, terminal, async (client) => {
    try {
      return (await work(client)) ?? Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json: options.json === true, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

function noDeadLetter(sn: string): WaybillError {
  return new WaybillError('NoSuchReceipt', `you have no dead letter ${sn} here`, { executed: 'no' })
}
