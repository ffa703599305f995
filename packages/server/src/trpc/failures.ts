/** What went wrong, in the words of tRPC: its own code, and beside it all that Waybill says of an error. */
import { TRPCError, type TRPC_ERROR_CODE_KEY } from '@trpc/server'
import { codes, isCode, WaybillError, type Code, type Executed } from '@waybill/core'
import * as z from 'zod'

/** `error.data.waybill` of whatever a client of tRPC catches. */
export interface ToldFailure {
  readonly code: Code
  readonly executed: Executed
  readonly retryable: boolean
  readonly details?: unknown
}

/** By the HTTP status of a code. tRPC has nothing for some of them. */
const BY_STATUS: Readonly<Record<number, TRPC_ERROR_CODE_KEY>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  410: 'PRECONDITION_FAILED',
  413: 'PAYLOAD_TOO_LARGE',
  422: 'UNPROCESSABLE_CONTENT',
  426: 'BAD_REQUEST',
  429: 'TOO_MANY_REQUESTS',
  499: 'CLIENT_CLOSED_REQUEST',
  501: 'NOT_IMPLEMENTED',
  502: 'BAD_GATEWAY',
  503: 'SERVICE_UNAVAILABLE',
  504: 'GATEWAY_TIMEOUT',
}

/** What tRPC found wrong itself, before anything was asked of the router. */
const BY_TRPC: Readonly<Partial<Record<TRPC_ERROR_CODE_KEY, Code>>> = {
  BAD_REQUEST: 'BadArguments',
  PARSE_ERROR: 'BadArguments',
  UNPROCESSABLE_CONTENT: 'BadArguments',
  UNSUPPORTED_MEDIA_TYPE: 'BadArguments',
  NOT_FOUND: 'NoSuchMethod',
  METHOD_NOT_SUPPORTED: 'NoSuchMethod',
  PAYLOAD_TOO_LARGE: 'TooLarge',
}

export function trpcErrorOf(error: WaybillError): TRPCError {
  const code = BY_STATUS[codes[error.code].status] ?? 'INTERNAL_SERVER_ERROR'
  return new TRPCError({ code, message: error.message, cause: error })
}

export function toldOf({ code, cause }: TRPCError): ToldFailure {
  if (cause instanceof WaybillError) {
    const { executed, retryable, details } = cause
    return { code: cause.code, executed, retryable, ...(details !== undefined && { details }) }
  }
  const issues = cause instanceof z.ZodError ? cause.issues.map(({ path, message }) => ({ path: path.join('.'), message })) : undefined
  const found = BY_TRPC[code] ?? 'Internal'
  const executed = found === 'Internal' ? 'maybe' : 'no'
  return { code: found, executed, retryable: codes[found].retryable, ...(issues !== undefined && { details: { issues } }) }
}

/** Of a code that came as text. */
export function errorOf(code: string | undefined, message: string): WaybillError {
  return new WaybillError(code !== undefined && isCode(code) ? code : 'Rejected', message)
}
