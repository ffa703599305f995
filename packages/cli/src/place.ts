/**
 * Owns which router a command talks to, and as whom. Options first, then the environment, then the default. A token is never an option here:
 * others see a command's arguments in `ps`.
 */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { UsageError } from './exits.js'
import type { Terminal } from './terminal.js'

export type Environment = Terminal['env']

export interface PlaceOptions {
  readonly url?: string
  readonly tokenFile?: string
  readonly json?: boolean
}

/** The server's own defaults, which is not loaded only to know this. */
export const DEFAULT_PORT = 7411
export const DEFAULT_TCP_PORT = 7412
export const DEFAULT_URL = `ws://127.0.0.1:${DEFAULT_PORT}`

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
export function tokenFrom(file: string | undefined, env: Environment): string | undefined {
  if (file === undefined) return env['WAYBILL_TOKEN'] || undefined
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
