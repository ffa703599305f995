/** `waybill receipt`: what is known of one stored call, its outcome, and its cancel. */
import type { Client, Progress, Receipt, ReceiptInfo } from '@waybill/client'
import { WaybillError } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { RouterApi } from '@waybill/server'
import type { Command } from 'commander'
import { Exit } from '../exits.js'
import { tellFailure } from '../failure.js'
import { follow } from '../following.js'
import { tellException, tellResult } from '../outcome.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { readSerialNumber } from '../request.js'
import { withRouter } from '../router.js'
import { receiptText } from '../show/receipt.js'
import { printTitled } from '../show/titled.js'
import { jsonForm } from '../show/value.js'
import { print, remark, widthOf, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

interface Options extends PlaceOptions {
  readonly follow?: true
  readonly cancel?: true
}

/** All that the router says of it at one moment. */
interface Known {
  readonly info: ReceiptInfo
  readonly progress: Progress | undefined
}

const AGAIN = 'Its cancel had been asked for before.'

const examples = `
Examples:
  waybill receipt 018f3c1e-7a00-8dea-b6fb-bc0000000001
  waybill receipt 018f3c1e-7a00-8dea-b6fb-bc0000000001 --follow

The outcome is printed as \`waybill call\` prints it, with its exit code.`

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    verb
      .argument('<sn>', 'its serial number, as `waybill call --async` printed it')
      .option('--follow', 'stay for the outcome and print nothing else; Ctrl-C leaves it running')
      .option('--cancel', 'ask for its cancel; the outcome says how far it had come')
      .option('--json', 'print {"receipt": …, "state": …}, with "result" or "error" once it has ended'),
  )
    .addHelpText('after', examples)
    .action((sn: string, options: Options) => act((terminal) => receiptVerb(sn, options, terminal)))
}

async function receiptVerb(text: string, options: Options, terminal: Terminal): Promise<number> {
  const sn = readSerialNumber(text)
  return withRouter(options, terminal, async (client) => {
    try {
      return await tell(client, client.receipt<unknown>(sn), options, terminal)
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json: options.json === true, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

async function tell(client: Client, receipt: Receipt<unknown>, options: Options, terminal: Terminal): Promise<number> {
  const json = options.json === true
  const { info, progress } = await knownOf(client, receipt)
  const { sn, ...rest } = info
  const beside = { receipt: sn, ...rest, ...(progress !== undefined && { progress: jsonForm(progress) }) }
  if (options.cancel) {
    const asked = info.endedAt === undefined ? await client.cancelReceipts({ sn }) : []
    const said = info.endedAt !== undefined ? 'It had ended before.' : asked.length > 0 ? 'Its cancel has been asked for.' : AGAIN
    if (!json) remark(said, terminal)
    if (info.endedAt === undefined && !options.follow) {
      if (json) print(JSON.stringify({ ...beside, cancelling: true }), terminal)
      return Exit.ok
    }
  }
  if (options.follow) return follow(receipt, json, terminal)
  if (!json) printTitled(receiptText(info, progress, systemPorts.clock.wallMs(), widthOf(terminal.out)), terminal)
  if (info.endedAt !== undefined) {
    return receipt.result().then(
      (value) => tellResult(value, { json, beside }, terminal),
      (thrown: unknown) => tellException(thrown, { json, beside }, terminal),
    )
  }
  if (json) print(JSON.stringify(beside), terminal)
  return Exit.ok
}

/** Throws `NoSuchReceipt`. The router answers in order, so what it knows of the progress is here before the rest. */
async function knownOf(client: Client, receipt: Receipt<unknown>): Promise<Known> {
  let progress: Progress | undefined
  void receipt.on('progress', (latest) => (progress = latest))
  const info = await client.remote<RouterApi>('waybill.Router').receipt(receipt.sn)
  return { info, progress: info.endedAt === undefined ? progress : undefined }
}
