/** Owns where the tokens of a router on this machine are kept. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The option, the environment, the usual place, in this order. */
export function tokensPath(option: string | undefined): string {
  const file = option ?? process.env['WAYBILL_TOKENS'] ?? ''
  if (file !== '') return resolve(file)
  return join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'waybill', 'tokens.json')
}
