/**
 * Owns which router a command talks to, as whom, and how it hops on and off. Options first, then the environment, then the default. A token
 * is never an option here: others see a command's arguments in `ps`.
 */
import { readFileSync } from 'node:fs'
import { connect, WaybillError, type Client } from '@waybill/client'
import { isSocketUrl, parseSocketUrl } from '@waybill/core'
import type { RouterApi } from '@waybill/server'
import type { Command } from 'commander'
import { Exit, UsageError } from './exits.js'
import { tellFailure } from './failure.js'

export interface PlaceOptions {
  readonly url?: string
  readonly tokenFile?: string
  readonly json?: boolean
}

/** The server's own defaults, which is not loaded only to know this. */
export const DEFAULT_PORT = 7411
export const DEFAULT_TCP_PORT = 7412
const DEFAULT_URL = `ws://127.0.0.1:${DEFAULT_PORT}`
const CONNECT_MS = 2000

export const environmentText = `
Environment:
  WAYBILL_URL    the router, when --url is not given
                 (default ${DEFAULT_URL})
  WAYBILL_TOKEN  the token, when --token-file is not given`

export function addPlaceOptions(command: Command): Command {
  return command
    .option('--url <url>', `the router (default: $WAYBILL_URL, else ${DEFAULT_URL})`)
    .option('--token-file <file>', 'read the token from a file (default: $WAYBILL_TOKEN)')
}

/** The token of a file or of the environment, in this order. Throws `UsageError`. */
export function tokenFrom(file: string | undefined): string | undefined {
  if (file === undefined) return process.env['WAYBILL_TOKEN'] || undefined
  const token = readTextFile(file, '--token-file').trim()
  if (token === '') throw new UsageError(`--token-file: ${file} is empty`)
  return token
}

/** Throws `UsageError`. */
export function readTextFile(file: string, option: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    throw new UsageError(`${option}: cannot read ${file}: ${(thrown as Error).message}`)
  }
}

/** Hops on, does the work and hops off. The exit code is the work's, or 3 where the router cannot be reached or refuses us. */
export async function withRouter(options: PlaceOptions, work: (client: Client) => Promise<number>): Promise<number> {
  const url = checkUrl(options.url ?? (process.env['WAYBILL_URL'] || DEFAULT_URL))
  const token = tokenFrom(options.tokenFile)
  let client: Client
  try {
    client = await connect(url, { timeout: CONNECT_MS, ...(token !== undefined && { token }) })
  } catch (thrown) {
    tellFailure(explained(WaybillError.from(thrown, 'no'), url), { json: options.json === true, ofCall: false })
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

function checkUrl(url: string): string {
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

/** Nothing answered: said in the words of somebody who wants to go on. */
function explained(error: WaybillError, url: string): WaybillError {
  if (error.code !== 'RouterUnreachable') return error
  const reason = error.message.replace(`no router at ${url}: `, '')
  return new WaybillError('RouterUnreachable', `no router at ${url}: start one with \`waybill start\``, {
    executed: 'no',
    details: { reason },
  })
}
