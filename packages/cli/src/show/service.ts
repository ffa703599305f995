/** Owns how a service is described to people: a line of what it is, then one for each method. Pure. */
import type { MethodDescription, ServiceDescription } from '@waybill/client'
import { fold } from './fold.js'
import { printable } from './paint.js'
import { typeText } from './types.js'

const instances: Readonly<Record<string, string>> = {
  shared: 'one object for all',
  call: 'an object for each call',
  session: 'an object for each caller',
  key: 'an object for each key',
}

/** Lines of at most `width` characters, as far as there are spaces to break them at. */
export function serviceText(service: ServiceDescription, width = Number.POSITIVE_INFINITY): string[] {
  const { name, version, labels, instance, concurrency, methods } = service
  const facts = [
    instances[instance] ?? instance,
    ...(concurrency === undefined ? [] : [`${concurrency} calls at once`]),
    ...Object.entries(labels).map(([label, value]) => `${label}=${value}`),
  ]
  return [`${name} ${version}: ${facts.join(', ')}`, ...methods.map(methodText)].flatMap((text) => fold(oneLine(text), width, 6))
}

function methodText(method: MethodDescription): string {
  const { name, parameters, returns, idempotent, timeoutMs, concurrency, errors = [] } = method
  const facts = [
    ...(idempotent ? ['idempotent'] : []),
    ...(timeoutMs === undefined ? [] : [`timeout ${timeoutMs} ms`]),
    ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
    ...(errors.length === 0 ? [] : [`throws ${errors.join(' ')}`]),
  ]
  const signature = `${name}(${parameters?.map(typeText).join(', ') ?? '…'})${returns === undefined ? '' : `: ${typeText(returns)}`}`
  return `  ${signature}${facts.length === 0 ? '' : `  — ${facts.join(', ')}`}`
}

/** What comes from elsewhere can neither steer the terminal nor pretend to be another line. */
function oneLine(text: string): string {
  return printable(text).replaceAll(/[\n\t]/g, ' ')
}
