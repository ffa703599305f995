/** Owns how a failure is told: in text on stderr, or as one JSON object on stdout. */
import type { WaybillError } from '@waybill/client'
import { RemoteException } from '@waybill/core'
import { adviceFor, executedText } from './advice.js'
import { fold } from './show/fold.js'
import { paintError, printable } from './show/paint.js'
import { jsonForm, valueText } from './show/value.js'
import { print, remark, widthOf, type Terminal } from './terminal.js'

export interface Telling {
  readonly json: boolean
  /** Whether the user's own call failed, so that it matters whether it ran. */
  readonly ofCall: boolean
  /** What else the JSON object holds, in front of the error. */
  readonly beside?: Readonly<Record<string, unknown>>
}

export function tellFailure(error: WaybillError, { json, ofCall, beside }: Telling, terminal: Terminal): void {
  if (json) print(JSON.stringify({ ...beside, error: failureForm(error) }), terminal)
  else remark(failureText(error, ofCall, terminal), terminal)
}

function failureText(error: WaybillError, ofCall: boolean, terminal: Terminal): string {
  const line = (label: string, text: string): string => factLine(label, text, terminal)
  const { code, executed, retryable } = error
  const name = nameOf(error)
  const headline = fold(`waybill: ${name}: ${printable(error.message)}`, widthOf(terminal.err), 2).join('\n')
  const lines = [
    headline.replace(`waybill: ${name}:`, () => `${paintError('red', 'waybill:', terminal)} ${paintError('bold', name, terminal)}:`),
  ]
  for (const [label, text] of factsOf(error)) lines.push(line(label, text))
  if (ofCall) lines.push(line('executed', executedText[executed]))
  if (code !== 'RouterUnreachable') lines.push(line('to do', adviceFor(code, executed, retryable)))
  return lines.join('\n')
}

/** The error as plain JSON. */
export function failureForm(error: WaybillError): Record<string, unknown> {
  const { code, message, executed, retryable, details } = error
  return {
    code,
    message,
    executed,
    retryable,
    ...(details !== undefined && { details: jsonForm(details) }),
    ...(error instanceof RemoteException && {
      xclass: error.xclass,
      ...(error.xstate !== undefined && { xstate: jsonForm(error.xstate) }),
      ...(error.incident !== undefined && { incident: error.incident }),
    }),
  }
}

/** The class that was thrown says more than `RemoteException`. */
function nameOf(error: WaybillError): string {
  return error instanceof RemoteException ? printable(error.xclass) : error.code
}

/** In front of what is said of a failure. */
const MARGIN = 12

type Fact = readonly [label: string, text: string]

function factsOf(error: WaybillError): Fact[] {
  if (!(error instanceof RemoteException)) return [...reasonOf(error.details), ...issuesOf(error.details)]
  const { xstate, incident } = error
  const state = xstate !== undefined && Object.keys(xstate).length > 0 ? ([['state', valueText({ ...xstate })]] as const) : []
  return [...state, ...(incident === undefined ? [] : ([['incident', `${printable(incident)} in the log of the callee`]] as const))]
}

function reasonOf(details: unknown): Fact[] {
  const { reason } = fieldsOf(details)
  return typeof reason === 'string' ? [['reason', printable(reason)]] : []
}

/** What a contract said of arguments: where, counted from 1 for people, and what. */
function issuesOf(details: unknown): Fact[] {
  const { issues } = fieldsOf(details)
  if (!Array.isArray(issues)) return []
  return issues.map(fieldsOf).map(({ path, message }) => {
    const [argument, ...rest] = Array.isArray(path) ? path : []
    const where = typeof argument === 'number' ? [`argument ${argument + 1}`, ...rest].join('.') : String(path)
    return ['wrong', printable(`${where}: ${String(message)}`)]
  })
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function factLine(label: string, text: string, terminal: Terminal): string {
  const lines = text.split('\n').flatMap((one) => fold(one, widthOf(terminal.err) - MARGIN))
  return `  ${paintError('dim', label.padEnd(9), terminal)} ${lines.join(`\n${' '.repeat(MARGIN)}`)}`
}
