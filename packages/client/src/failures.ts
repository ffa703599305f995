/** What another side said of a call: its progress; a failure, as an error of this side: a rejection, or an exception with its class where it is registered. */
import { isCode, isSerialNumber, parseBody, RemoteException, reviveError, WaybillError } from '@waybill/core'
import type { Durability, ErrorClass, ExceptionContent, Exceptional, Executed, FrameReader, Progress, Rejection } from '@waybill/core'

type Failure = Error & Exceptional

export function readRejection(body: unknown): Rejection {
  const { code, description, details } = fieldsOf(body)
  return {
    kind: 'rejected',
    code: textOf(code, 'Rejected'),
    description: textOf(description, ''),
    ...(details !== undefined && { details }),
  }
}

export function readProgress(body: unknown): Progress {
  const { total, completed, details } = fieldsOf(body)
  return { total: numberOf(total), completed: numberOf(completed), ...(details !== undefined && { details }) }
}

/** What the router promises of a call that it has stored. */
export interface Stored {
  readonly durability: Durability
  /** It had stored it before, */
  readonly duplicate: boolean
  /** under this number; undefined where that is said wrongly. */
  readonly sn: string | undefined
}

const durabilities: ReadonlySet<unknown> = new Set<Durability>(['memory', 'disk', 'replicated', 'quorum'])

export function readStored(body: unknown): Stored {
  const { durability, duplicate, sn } = fieldsOf(body)
  return {
    durability: durabilities.has(durability) ? (durability as Durability) : 'memory',
    duplicate: duplicate === true,
    sn: typeof sn === 'string' && isSerialNumber(sn) ? sn.toLowerCase() : undefined,
  }
}

export function errorFromRejection({ code, description, details }: Rejection): WaybillError {
  if (isCode(code)) return new WaybillError(code, description, { executed: 'no', details })
  return new WaybillError('Rejected', `${code}: ${description}`, { executed: 'no', details: { code, details } })
}

export function errorFromException(body: unknown, executed: Executed, declared: readonly ErrorClass[]): Failure {
  const { exval, code, details, xclass, xmodule, xstate, xargs, incident } = fieldsOf(body) as Partial<ExceptionContent>
  const message = textOf(exval, 'the method failed')
  if (isCode(code)) return new WaybillError(code, message, { executed, details })
  const name = textOf(xclass, 'Error')
  const revived = reviveError(name, message, xstate, declared)
  if (revived !== undefined) return revived
  return new RemoteException(message, { xclass: name, xmodule, xstate, xargs, incident })
}

/** The router's last word in a session. */
export function errorFromGoodbye(frame: FrameReader): WaybillError {
  const { code, message } = fieldsOf(parseBody(frame.encoding, frame.body()))
  return new WaybillError(isCode(code) ? code : 'RouterLost', textOf(message, 'the router said goodbye'), { executed: 'maybe' })
}

/** A refusal that another attempt would get again. */
const FINAL: ReadonlySet<string> = new Set(['Unauthorized', 'Forbidden', 'Incompatible', 'BadAddress', 'Superseded'])

export function isFinal({ code }: WaybillError): boolean {
  return FINAL.has(code)
}

function fieldsOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}
