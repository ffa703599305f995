/** `waybill dispatch`: a parcel for somebody, and what becomes of it. */
import type { DispatchOptions } from '@waybill/client'
import { Parcel, WaybillError } from '@waybill/core'
import type { Command } from 'commander'
import { readCallOptions } from '../call-options.js'
import { Exit, UsageError } from '../exits.js'
import { tellFailure } from '../failure.js'
import { follow } from '../following.js'
import { readInput } from '../input.js'
import { addPlaceOptions, type PlaceOptions } from '../place.js'
import { withRouter } from '../router.js'
import { print, remark, type Terminal } from '../terminal.js'
import type { Act } from '../verb.js'

const examples = `
Examples:
  waybill dispatch kennel hello
  waybill dispatch kennel @photo.jpg --type image/jpeg --follow > answer.jpg
  gzip -c log | waybill dispatch kennel - --ttl 1h --key log-7

A parcel is bytes that nobody on the way looks into: @file is what stands in the file,
- what comes in on stdin, and any other text is itself. The router has it when this
prints its receipt, and \`waybill receipt <sn>\` says what became of it. With --follow the
answer is printed, byte for byte.`

interface Options extends PlaceOptions {
  readonly type?: string
  readonly follow?: true
  readonly ttl?: string
  readonly key?: string
  readonly orderKey?: string
  readonly data?: string
  readonly replyto?: string
}

export function define(verb: Command, act: Act): void {
  addPlaceOptions(
    verb
      .argument('<name>', 'the client that it is for, however that one is reached')
      .argument('[body]', 'its bytes: text, @file or - (default: none)')
      .option('--type <type>', 'the content type (default: text/plain, of files application/octet-stream)')
      .option('--follow', 'stay for the answer; Ctrl-C leaves it on its way')
      .option('--ttl <time>', 'wait so long for somebody to take it (default 24h)')
      .option('--key <key>', 'known by it: dispatched again, it is the same parcel')
      .option('--order-key <key>', 'parcels with the same key keep their order')
      .option('--data <json>', 'travels beside it')
      .option('--replyto <name>', 'the client that is told what becomes of it')
      .option('--json', 'print {"receipt": …} or {"error": …}'),
  )
    .addHelpText('after', examples)
    .action((name: string, body: string | undefined, options: Options) => act((terminal) => dispatchVerb(name, body, options, terminal)))
}

async function dispatchVerb(name: string, body: string | undefined, options: Options, terminal: Terminal): Promise<number> {
  const parcel = await readParcel(body ?? '', options.type, terminal)
  const asked: DispatchOptions = {
    ...readCallOptions(pick(options)),
    ...(options.replyto !== undefined && { replyto: options.replyto }),
  }
  const json = options.json === true
  return withRouter(options, terminal, async (client) => {
    try {
      const { dispatch } = await import('@waybill/client')
      const receipt = await dispatch(client, name, parcel, asked)
      if (options.follow) return await follow(receipt, json, terminal, () => json || remark(`Stored as ${receipt.sn}`, terminal))
      print(json ? JSON.stringify({ receipt: receipt.sn }) : receipt.sn, terminal)
      return Exit.ok
    } catch (thrown) {
      tellFailure(WaybillError.from(thrown), { json, ofCall: false }, terminal)
      return Exit.failed
    }
  })
}

function pick({ ttl, key, orderKey, data }: Options): Pick<Options, 'ttl' | 'key' | 'orderKey' | 'data'> {
  return {
    ...(ttl !== undefined && { ttl }),
    ...(key !== undefined && { key }),
    ...(orderKey !== undefined && { orderKey }),
    ...(data !== undefined && { data }),
  }
}

async function readParcel(body: string, type: string | undefined, terminal: Terminal): Promise<Parcel> {
  const isNamed = body === '-' || /^@./s.test(body)
  const content = isNamed ? ((await readInput(`bytes:${body}`, terminal)) as Uint8Array) : body
  const kind = type ?? (isNamed ? 'application/octet-stream' : 'text/plain; charset=utf-8')
  try {
    return new Parcel(content, { 'content-type': kind })
  } catch (thrown) {
    throw new UsageError(`--type: ${(thrown as Error).message}`)
  }
}
