/** Errors as HTTP answers: the status that stands in the table of errors, and a body of JSON that says what happened, what was executed, and what else is known. */
import { codes, isCode, type Code, type Executed, type WaybillError } from '@waybill/core'
import { SAFE_HEADERS } from '../gateways/web-door.js'
import { objectText, pick, textOf, type Members } from '../gateways/json-messages.js'
import { quote } from '../gateways/json-wire.js'
import { Refusal } from './asked.js'

export interface Failure {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON. */
  readonly text: string
}

/** Of an exception: what is known of the error that the method threw. */
const THROWN = ['details', 'xclass', 'xmodule', 'xstate', 'xargs', 'incident'] as const
/** What they wait for may be over soon. */
const SOON: ReadonlySet<number> = new Set([429, 503])

export function failureOf(error: WaybillError): Failure {
  const { code, message, executed, retryable, details } = error
  const text = JSON.stringify({ code, message, executed, retryable, ...(details !== undefined && { details }) })
  const failure = failureWith(code, text)
  return error instanceof Refusal ? { ...failure, status: error.status, headers: error.headers } : failure
}

/** Of the message that says how a call ended, or an `end` of a stream in it: what travels in it passes as the text that it is. */
export function failureIn(outcome: Members, message: Members): Failure {
  const isRejection = message.has('status')
  const said = isCode(codeIn(outcome)) ? (codeIn(outcome) as Code) : isRejection ? 'Rejected' : 'RemoteException'
  const executed: Executed = isRejection ? 'no' : ((textOf(outcome, 'executed') as Executed | undefined) ?? 'maybe')
  const sentence = outcome.get(isRejection ? 'description' : 'exval') ?? quote('')
  const text = objectText([
    ['code', quote(said)],
    ['message', sentence],
    ['executed', quote(executed)],
    ['retryable', String(codes[said].retryable)],
    ...pick(outcome, isRejection ? ['details'] : THROWN),
    ...pick(message, ['data']),
  ])
  return failureWith(said, text)
}

export function answerOf({ status, headers, text }: Failure): Response {
  return new Response(text, { status, headers: { 'content-type': 'application/json', ...SAFE_HEADERS, ...headers } })
}

function codeIn(outcome: Members): string | undefined {
  return outcome.has('code') ? textOf(outcome, 'code') : undefined
}

function failureWith(code: Code, text: string): Failure {
  const { status } = codes[code]
  return { status, headers: status === 401 ? { 'www-authenticate': 'Bearer' } : SOON.has(status) ? { 'retry-after': '1' } : {}, text }
}
