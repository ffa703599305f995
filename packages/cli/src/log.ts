/**
 * Owns the lines of `waybill start` on stderr: one for each event of the router, for people or as JSON. What could end a line or move a cursor is
 * shown as an escape.
 */
import { logLine, quoted } from '@waybill/core'
import { systemPorts } from '@waybill/core/system'
import type { Log } from '@waybill/server'
import { paintError } from './show/paint.js'
import { remark, type Terminal } from './terminal.js'

/** From the least to the most important. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]
export const logFormats = ['pretty', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

export function logTo(terminal: Terminal, level: LogLevel, format: LogFormat, wallMs = systemPorts.clock.wallMs): Log {
  const writes = (of: keyof Log): Log['info'] => {
    if (logLevels.indexOf(of) < logLevels.indexOf(level)) return () => {}
    return (fields, text) => {
      const time = new Date(wallMs()).toISOString()
      remark(format === 'json' ? jsonLine(of, fields, text, time) : prettyLine(of, fields, text, time, terminal), terminal)
    }
  }
  return { debug: writes('debug'), info: writes('info'), warn: writes('warn'), error: writes('error') }
}

function jsonLine(level: string, fields: object, text: string, time: string): string {
  return logLine({ time, level, event: text, ...fields })
}

const styles = { debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red' } as const

function prettyLine(level: keyof Log, fields: object, text: string, time: string, terminal: Terminal): string {
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value)}`)
  return [paintError('dim', time.slice(11, 19), terminal), paintError(styles[level], level.padEnd(5), terminal), text, ...shown].join(' ')
}

/** Bare where that is one word and no mark of ours. */
function valueText(value: unknown): string {
  const text = String(value)
  return /^[\w.:/@~^-]{1,100}$/.test(text) ? text : quoted(text)
}
