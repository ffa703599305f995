/** Owns lines under a title. */
import { print, type Terminal } from '../terminal.js'
import { paint } from './paint.js'

export function printTitled([title = '', ...lines]: readonly string[], terminal: Terminal): void {
  print([paint('bold', title, terminal), ...lines].join('\n'), terminal)
}
