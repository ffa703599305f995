/** Directives, and what is said of those that come to nothing. Must not know how they are sent. */
import { isServiceName, WaybillError } from '@waybill/core'
import { serviceName } from './serve.js'

export interface Directive {
  readonly plugin: string
  readonly action: string
}

/** Undefined where there is no colon. */
export function parseDirective(text: string): Directive | undefined {
  const at = text.indexOf(':')
  return at < 0 ? undefined : { plugin: text.slice(0, at), action: text.slice(at + 1) }
}

/** Why no service can be asked for it; undefined where one can. */
export function refusalOf(text: string, directive: Directive | undefined): WaybillError | undefined {
  if (directive === undefined) return new WaybillError('BadAddress', `An invalid directive ('${text}') was specified.`)
  return isServiceName(serviceName(directive.plugin))
    ? undefined
    : new WaybillError('NoSuchService', `no plugin can have the name in ${text}`)
}

/** What it ended with, as text: words of their own for what was refused, else those of the error, such as what the plugin threw. */
export function reasonOf(error: WaybillError, directive: Directive | undefined, recipient: string | undefined): string {
  const { code, executed, message } = error
  // What an action meets when it calls others is its own affair.
  if (directive === undefined || executed !== 'no') return message
  const { plugin, action } = directive
  if (code === 'NoSuchService' || code === 'NoSuchVersion') return `Error loading directive handlers for ${plugin}`
  if (code === 'NoSuchMethod') return `Invalid action ${action} for ${plugin}`
  if (code === 'Forbidden') return `Access denied calling ${action} for ${plugin}`
  if (code === 'NoSuchClient' && recipient !== undefined) return `No route found to ${recipient}`
  return code === 'Expired' ? 'expired: nobody took it within its time' : message
}
