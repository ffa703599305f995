/**
 * What an HTTP request asks of a call: its address, its arguments, and what is said in headers. Throws `Refusal`, or `WaybillError` of what is not well
 * formed. Owns the names of the headers; makes no call.
 */
import { durationMs, isMethodName, parseAddress, printAddress, quoted, WaybillError } from '@waybill/core'
import { checkJson, membersOf } from '../gateways/json-slices.js'
import { bytesOf, quote } from '../gateways/json-wire.js'

/** As a client's deadline, its ttl of a stored call, and its longest wait where it says nothing. */
const DEADLINE_MS = 600_000
const TTL_MS = 86_400_000
const WAIT_MS = 30_000
const MAX_MS = 0xffffffff
/** In JSON that is carried; the message around it nests two deeper. */
const MAX_DEPTH = 64

/** An answer of HTTP's own, beside the table of errors. */
export class Refusal extends WaybillError {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>>,
    code: 'BadArguments' | 'TooLarge' = 'BadArguments',
  ) {
    super(code, message, { executed: 'no' })
    this.status = status
    this.headers = headers
  }
}

export interface Asked {
  /** `client/service@range`, as it is printed. */
  readonly destination: string
  readonly service: string
  readonly method: string
  /** The call outlives its request. */
  readonly isStored: boolean
  readonly key: string | undefined
  /** How long the answer may take: of a live call its deadline; of a stored one until its receipt is the answer. */
  readonly waitMs: number
  /** How long it may wait for somebody to take it. */
  readonly ttlMs: number | undefined
  /** JSON of the caller's own, which comes back with errors. */
  readonly data: string | undefined
  readonly trace: string | undefined
  /** What of `Prefer` is heeded. */
  readonly applied: string | undefined
  /** A stream is to come as server-sent events. */
  readonly wantsEvents: boolean
}

export function readAsked(request: Request): Asked {
  const { pathname, search } = new URL(request.url)
  if (search !== '') throw new WaybillError('BadAddress', 'labels of an address stand in its path, as Dog%3Fregion=eu; there is no query')
  const steps = pathname.split('/').slice(2).map(decoded)
  const method = steps.pop()!
  const address = parseAddress(steps.join('/'))
  if (!isMethodName(method) && !/^waybill\.\w+$/.test(method))
    throw new WaybillError('BadAddress', `${quoted(method)} is no name of a method`)
  const { headers } = request
  const prefer = preferencesOf(headers.get('prefer') ?? '')
  const key = headers.get('idempotency-key') ?? undefined
  const isAsync = prefer.has('respond-async')
  const waitMs = timeOf(headers, 'waybill-timeout') ?? prefer.get('wait')
  const isStored = isAsync || key !== undefined
  return {
    destination: printAddress(address),
    service: address.service,
    method,
    isStored,
    key,
    waitMs: waitMs ?? (isAsync ? 0 : isStored ? WAIT_MS : DEADLINE_MS),
    ttlMs: timeOf(headers, 'waybill-ttl') ?? (isStored ? TTL_MS : undefined),
    data: jsonOf(headers, 'waybill-data'),
    trace: traceOf(headers),
    applied: prefer.size === 0 ? undefined : [...prefer].map(([name, ms]) => (ms === 0 ? name : `${name}=${ms / 1000}`)).join(', '),
    wantsEvents: /\btext\/event-stream\b/i.test(headers.get('accept') ?? ''),
  }
}

/** The message that makes the call. Throws `TooLarge` where there is none as long. */
export function messageOf(asked: Asked, body: Uint8Array, replyto: string, most: number): Uint8Array {
  const { destination, service, method, isStored, key, waitMs, ttlMs, data, trace } = asked
  const head = JSON.stringify({
    routing: [null, destination],
    ...(isStored ? { durable: true, ttl: ttlMs } : { replyto, statuses: false, ttl: waitMs, ...(ttlMs !== undefined && { wait: ttlMs }) }),
    ...(key !== undefined && { key }),
    ...(trace !== undefined && { trace }),
  })
  const named = body.byteLength === 0 ? '' : membersOf(body) === undefined ? ',"args":' : ',"kws":'
  const carried = data === undefined ? '' : `,"data":${data}`
  const before = bytesOf(`${head.slice(0, -1)}${carried},"request":{"classname":${quote(service)},"method":${quote(method)}${named}`)
  const size = before.byteLength + body.byteLength + 2
  if (size > most) throw tooLarge(most)
  const message = new Uint8Array(size)
  message.set(before)
  message.set(body, before.byteLength)
  message.set([0x7d, 0x7d], size - 2)
  return message
}

/** The body: a list, an object, or nothing. Rejects with `TooLarge` before more than that is read. */
export async function readBody(request: Request, most: number): Promise<Uint8Array> {
  const body = await bytesUpTo(request, most).catch((thrown: unknown) => {
    if (thrown instanceof WaybillError) throw thrown
    throw new Refusal(400, 'the body broke off', { connection: 'close' })
  })
  if (body.byteLength === 0) return body
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new Refusal(415, `arguments are application/json, not ${quoted(type)}`, { 'accept-post': 'application/json' })
  checkCarried(body)
  const start = body.find((byte) => byte > 0x20)
  if (start !== 0x5b && start !== 0x7b)
    throw new WaybillError('BadArguments', 'the body is neither a list of arguments nor an object of named ones')
  return body
}

function checkCarried(bytes: Uint8Array): void {
  try {
    checkJson(bytes, MAX_DEPTH)
  } catch (thrown) {
    const { code, message, details } = WaybillError.from(thrown)
    throw new WaybillError(code, message, { executed: 'no', details })
  }
}

async function bytesUpTo(request: Request, most: number): Promise<Uint8Array> {
  const length = request.headers.get('content-length')
  if (Number(length ?? 0) > most) throw tooLarge(most)
  // No more comes than was said.
  if (length !== null) return new Uint8Array(await request.arrayBuffer())
  if (request.body === null) return new Uint8Array(0)
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of request.body as unknown as AsyncIterable<Uint8Array>) {
    size += piece.byteLength
    if (size > most) throw tooLarge(most)
    pieces.push(piece)
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size)
}

/** What was not read of it stands in the way of any other request. */
function tooLarge(limit: number): Refusal {
  const why = `arguments, with what travels beside them, are over the limit of ${limit} bytes`
  return new Refusal(413, why, { connection: 'close' }, 'TooLarge')
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step)
  } catch {
    throw new WaybillError('BadAddress', `${quoted(step)} is not percent-encoded UTF-8`)
  }
}

/** RFC 7240: `respond-async` (0), `wait=10` (milliseconds). Others are passed over, and so is what is not well formed. */
function preferencesOf(text: string): ReadonlyMap<'respond-async' | 'wait', number> {
  const found = new Map<'respond-async' | 'wait', number>()
  for (const part of text.split(',')) {
    const word = part.split(';', 1)[0]!.trim().toLowerCase()
    const seconds = /^wait="?(\d{1,7})"?$/.exec(word)?.[1]
    if (word === 'respond-async') found.set(word, 0)
    else if (seconds !== undefined && Number(seconds) > 0) found.set('wait', Math.min(Number(seconds) * 1000, MAX_MS))
  }
  return found
}

/** Milliseconds, or a time such as `30s`. */
function timeOf(headers: Headers, name: string): number | undefined {
  const text = headers.get(name)
  if (text === null) return undefined
  const ms = durationMs((/^\d+$/.test(text) ? Number(text) : text) as Parameters<typeof durationMs>[0], name)
  return Math.min(Math.ceil(ms), MAX_MS)
}

function jsonOf(headers: Headers, name: string): string | undefined {
  const text = headers.get(name)
  if (text === null) return undefined
  // A header holds the bytes of its text, one to a character.
  const bytes = Buffer.from(text, 'latin1')
  checkCarried(bytes)
  return bytes.toString()
}

function traceOf(headers: Headers): string | undefined {
  const parent = headers.get('traceparent')
  const state = headers.get('tracestate')
  return parent === null ? undefined : state === null ? parent : `${parent},${state}`
}
