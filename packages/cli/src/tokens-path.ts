/** Owns where the tokens of a router on this machine are kept. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Terminal } from './terminal.js'

/** The option, the environment, the usual place, in this order. */
export function tokensPath(option: string | undefined, env: Terminal['env']): string {
  const file = option ?? env['WAYBILL_TOKENS'] ?? ''
  if (file !== '') return resolve(file)
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'waybill', 'tokens.json')
}
