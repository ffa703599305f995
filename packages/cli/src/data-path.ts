/** Owns where a router of this user keeps stored calls. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Terminal } from './terminal.js'

/** The option, the environment, the usual place, in this order; a router on any free port has no usual place. */
export function dataPath(option: string | undefined, port: number, env: Terminal['env']): string | undefined {
  const folder = option ?? env['WAYBILL_DATA'] ?? ''
  if (folder !== '') return resolve(folder)
  return port === 0 ? undefined : join(env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'waybill', String(port))
}
