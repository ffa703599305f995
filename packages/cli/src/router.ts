/** Owns how a command hops on to a router and off again, and what it says where it cannot. */
import type { Client } from '@waybill/client'
import { isSocketUrl, parseSocketUrl, WaybillError } from '@waybill/core'
import type { RouterApi } from '@waybill/server'
import { Exit, UsageError } from './exits.js'
import { tellFailure } from './failure.js'
import { DEFAULT_URL, tokenFrom, type Environment, type PlaceOptions } from './place.js'
import type { Terminal } from './terminal.js'

const CONNECT_MS = 2000

/** Hops on, does the work and hops off. The exit code is the work's, or 3 where the router cannot be reached or refuses us. */
export async function withRouter(options: PlaceOptions, terminal: Terminal, work: (client: Client) => Promise<number>): Promise<number> {
  const url = urlFrom(options.url, terminal.env)
  const token = tokenFrom(options.tokenFile, terminal.env)
  // Loaded here, so that wrong usage does not wait for it.
  const { connect } = await import('@waybill/client')
  let client: Client
  try {
    client = await connect(url, { timeout: CONNECT_MS, ...(token !== undefined && { token }) })
  } catch (thrown) {
    tellFailure(explained(WaybillError.from(thrown, 'no'), url), { json: options.json === true, ofCall: false }, terminal)
    return Exit.noRouter
  }
  try {
    return await work(client)
  } finally {
    await client.close({ drainMs: 0 })
  }
}

/** Resolves when the router has read all that was sent to it before, and all that it had to say of that has arrived. */
export async function roundTrip(client: Client): Promise<void> {
  await client.remote<RouterApi>('waybill.Router').info()
}

/** Nothing answered: said in the words of somebody who wants to go on. */
function explained(error: WaybillError, url: string): WaybillError {
  if (error.code !== 'RouterUnreachable') return error
  const reason = error.message.replace(`no router at ${url}: `, '')
  return new WaybillError('RouterUnreachable', `no router at ${url}: start one with \`waybill start\``, {
    executed: 'no',
    details: { reason },
  })
}

/** The URL of the option or of the environment, in this order. Throws `UsageError`. */
function urlFrom(option: string | undefined, env: Environment): string {
  const url = option ?? (env['WAYBILL_URL'] || DEFAULT_URL)
  if (isSocketUrl(url)) {
    try {
      parseSocketUrl(url)
      return url
    } catch (thrown) {
      throw new UsageError((thrown as Error).message)
    }
  }
  if (!URL.canParse(url) || !/^wss?:/.test(url))
    throw new UsageError(`${JSON.stringify(url)} is not the URL of a router, such as ${DEFAULT_URL}`)
  if (new URL(url).username !== '' || new URL(url).password !== '')
    throw new UsageError('a token does not belong into the URL: give it with WAYBILL_TOKEN or --token-file')
  return url
}
