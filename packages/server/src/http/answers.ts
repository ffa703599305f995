/** What the router answers over HTTP: errors as JSON with the status of their code, and contents as they are. Decides nothing. */
import { codes, isCode, type WaybillError } from '@waybill/core'
import { SAFE_HEADERS } from '../gateways/web-door.js'
import { piecesOfLarge, type Content, type Failure } from '../parcels/index.js'

const OF_NO_TYPE = { 'content-type': 'application/octet-stream' }
/** A code of its callee's own. */
const UNKNOWN = { status: 500, retryable: false }

export function jsonAnswer(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { 'content-type': 'application/json', ...SAFE_HEADERS, ...headers },
  })
}

export function textAnswer(text: string, type: string, status = 200): Response {
  return new Response(text, { status, headers: { 'content-type': `${type}; charset=utf-8`, ...SAFE_HEADERS } })
}

export function nothing(status = 204): Response {
  return new Response(null, { status, headers: SAFE_HEADERS })
}

/** An answer that was made elsewhere. */
export function safely(response: Response): Response {
  for (const [name, text] of Object.entries(SAFE_HEADERS)) response.headers.set(name, text)
  return response
}

/** Byte for byte. Where nobody has said of what type they are, they are of the one that HTTP has for that: below here another one would be made up. */
export function contentAnswer({ head, bytes, large }: Content, headers: Readonly<Record<string, string>> = {}): Response {
  const whole = bytes.byteLength === 0 ? null : (bytes as Uint8Array<ArrayBuffer>)
  const body = large === undefined ? whole : ReadableStream.from(piecesOfLarge(large))
  return new Response(body, { status: 200, headers: { ...(body !== null && OF_NO_TYPE), ...head, ...SAFE_HEADERS, ...headers } })
}

/** `{ code, message, executed, retryable, details }`. */
export function errorAnswer(error: WaybillError): Response {
  const { code, message, executed, retryable, details } = error
  const body = { code, message, executed, retryable, ...(details !== undefined && { details }) }
  return jsonAnswer(body, codes[code].status, headersOf(code, details))
}

/** Of a call that has failed: as its own error, where it is one of Waybill's. */
export function failureAnswer(failure: Failure, headers: Readonly<Record<string, string>>): Response {
  const { code, message, executed, details } = failure
  const { status, retryable } = isCode(code) ? codes[code] : UNKNOWN
  return jsonAnswer({ code, message, executed, retryable, ...(details !== undefined && { details }) }, status, headers)
}

function headersOf(code: string, details: unknown): Record<string, string> {
  if (code === 'Unauthorized') return { 'www-authenticate': 'Bearer' }
  const { retryAfterMs } = (details ?? {}) as { retryAfterMs?: unknown }
  return typeof retryAfterMs === 'number' ? { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } : {}
}
