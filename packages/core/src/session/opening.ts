/**
 * The opening: the first message of each direction on a link, before any packet. Big-endian, as the handshake of the framed broadcast protocol that it takes after:
 *
 * ```
 * 0 u32 magic 24111602 (016fe9f2)
 * 4 u32 protocol version
 * 8 …   JSON: from the client an Introduction, from the router Connected or Refused
 * ```
 *
 * Owns the shape and the checks of these three; decides nothing about who may connect.
 */
import { isName } from '../address/names.js'
import { isCode, WaybillError, type Code } from '../errors/index.js'

export const MAGIC = 24111602
export const PROTOCOL_VERSION = 1
/** A client's whole opening message; a longer one is refused unread. */
export const MAX_INTRODUCTION_BYTES = 4096
const PREFIX_BYTES = 8
/** Of one client. */
export const MAX_LABELS = 32

/** What a client says of itself. */
export interface Introduction {
  /** The name that others address it by; minted by the router where absent. */
  readonly name?: string
  /** 20 hexadecimal digits, minted at process start: the constant part of its serial numbers, see `call/serial`. */
  readonly incarnation: string
  readonly labels?: Readonly<Record<string, string>>
  readonly credentials?: { readonly token: string }
  /** Optional features that the client understands; the router answers with those that both have. */
  readonly features?: readonly string[]
  /** Goes on with the session that a broken link carried. `received` is the last sequence that arrived here. */
  readonly resume?: { readonly session: string; readonly token: string; readonly received: number }
}

export interface SessionLimits {
  /** Unacknowledged bytes that the router takes from this client. */
  readonly windowBytes: number
  readonly maxFrameBytes: number
  /** Of a call or a result, over all its chunks. */
  readonly maxBodyBytes: number
  readonly heartbeatMs: number
  readonly heartbeatGraceMs: number
  /** How long the session outlives its link. */
  readonly resumeGraceMs: number
}

/** What both ends of a session may be able to do beyond the rest. */
export const Feature = {
  /** A callee keeps stored calls over the end of its session, see PROTOCOL.md, Leases. */
  leases: 'leases',
} as const

export interface RouterIdentity {
  readonly name: string
  /** Higher at each start. */
  readonly epoch: number
  /** Of what it keeps stored calls in, where that outlives it; another one knows nothing of them. */
  readonly store?: string | undefined
}

export interface Connected {
  readonly router: RouterIdentity
  /** The id and the single-use secret to resume with. */
  readonly session: string
  readonly token: string
  readonly resumed: boolean
  /** Last sequence that the router received; 0 in a new session. */
  readonly received: number
  readonly name: string
  readonly principal: string
  /** The client's own symbol, the source of all its frames. */
  readonly symbol: number
  readonly limits: SessionLimits
  readonly features: readonly string[]
}

export interface Refused {
  readonly refused: { readonly code: Code; readonly message: string }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export function writeOpening(content: Introduction | Connected | Refused, version = PROTOCOL_VERSION): Uint8Array {
  const json = encoder.encode(JSON.stringify(content))
  const message = new Uint8Array(PREFIX_BYTES + json.byteLength)
  const view = new DataView(message.buffer)
  view.setUint32(0, MAGIC)
  view.setUint32(4, version)
  message.set(json, PREFIX_BYTES)
  return message
}

/** The router's side. Throws `Incompatible`, `TooLarge` or `ProtocolViolation`; nothing is allocated before the length is checked. */
export function readIntroduction(message: Uint8Array): Introduction {
  if (message.byteLength > MAX_INTRODUCTION_BYTES) {
    throw new WaybillError('TooLarge', `the introduction has ${message.byteLength} bytes, more than ${MAX_INTRODUCTION_BYTES}`, {
      executed: 'no',
      details: { limit: MAX_INTRODUCTION_BYTES, size: message.byteLength },
    })
  }
  const { name, incarnation, labels, credentials, features, resume } = readJson(message)
  return {
    incarnation: matching(incarnation, /^[0-9a-f]{20}$/, 'incarnation'),
    ...(name !== undefined && { name: checkedName(name) }),
    ...(labels !== undefined && { labels: checkedLabels(labels) }),
    ...(credentials !== undefined && { credentials: { token: text(record(credentials, 'credentials').token, 'credentials.token') } }),
    ...(features !== undefined && { features: texts(features, 'features') }),
    ...(resume !== undefined && { resume: checkedResume(record(resume, 'resume')) }),
  }
}

/** The client's side. Throws what the router refused with. */
export function readConnected(message: Uint8Array): Connected {
  const content = readJson(message)
  if (content.refused !== undefined) {
    const { code, message: reason } = record(content.refused, 'refused')
    throw new WaybillError(isCode(code) ? code : 'Internal', text(reason, 'refused.message'), { executed: 'no' })
  }
  return connected(content, '')
}

/** What a value is, or throws, naming where it stands. */
type Reader<T> = (value: unknown, path: string) => T

/** An object with these fields; others are left out, and those that are undefined. */
function fields<T>(readers: { readonly [K in keyof T]-?: Reader<T[K]> }): Reader<T> {
  const each = Object.entries<Reader<unknown>>(readers)
  return (value, path) => {
    const found = record(value, path)
    const entries = each.map(([name, read]) => [name, read(found[name], path === '' ? name : `${path}.${name}`)] as const)
    return Object.fromEntries(entries.filter(([, content]) => content !== undefined)) as T
  }
}

const connected = fields<Connected>({
  router: fields<Connected['router']>({
    name: text,
    epoch: count,
    store: (value, path) => (value === undefined ? undefined : text(value, path)),
  }),
  session: text,
  token: text,
  resumed: (value) => value === true,
  received: u32,
  name: checkedName,
  principal: text,
  symbol: u32,
  limits: fields({
    windowBytes: count,
    maxFrameBytes: count,
    maxBodyBytes: count,
    heartbeatMs: count,
    heartbeatGraceMs: count,
    resumeGraceMs: count,
  }),
  features: texts,
})

function readJson(message: Uint8Array): Record<string, unknown> {
  if (message.byteLength < PREFIX_BYTES) throw new WaybillError('Incompatible', 'the peer did not begin with the magic number 24111602')
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const magic = view.getUint32(0)
  if (magic !== MAGIC) throw new WaybillError('Incompatible', `the peer began with ${magic} instead of the magic number ${MAGIC}`)
  const version = view.getUint32(4)
  if (version !== PROTOCOL_VERSION) {
    throw new WaybillError('Incompatible', `the peer speaks protocol version ${version}, this side version ${PROTOCOL_VERSION}`, {
      details: { expected: PROTOCOL_VERSION, found: version },
    })
  }
  try {
    return record(JSON.parse(decoder.decode(message.subarray(PREFIX_BYTES))), 'opening')
  } catch (thrown) {
    if (thrown instanceof WaybillError) throw thrown
    throw new WaybillError('ProtocolViolation', 'the opening is not JSON', { executed: 'no' })
  }
}

function wrong(path: string, expected: string): WaybillError {
  return new WaybillError('ProtocolViolation', `the opening's ${path} is not ${expected}`, { executed: 'no' })
}

function record(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, 'an object')
  return value as Record<string, unknown>
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw wrong(path, 'a string')
  return value
}

function texts(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value)) throw wrong(path, 'a list of strings')
  return value.map((item, index) => text(item, `${path}[${index}]`))
}

function count(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(path, 'a whole number')
  return value
}

function u32(value: unknown, path: string): number {
  const number = count(value, path)
  if (number > 0xffffffff) throw wrong(path, 'a number of 32 bits')
  return number
}

function matching(value: unknown, pattern: RegExp, path: string): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw wrong(path, `of the form ${pattern.source}`)
  return value
}

function checkedName(value: unknown): string {
  if (typeof value !== 'string' || !isName(value)) throw wrong('name', 'a name: 1 to 64 letters, digits, _ and -')
  return value
}

function checkedLabels(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(record(value, 'labels'))
  if (entries.length > MAX_LABELS) throw wrong('labels', `at most ${MAX_LABELS} pairs`)
  const labels: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [label, content] of entries) {
    if (typeof content !== 'string' || !isName(label) || !isName(content)) throw wrong(`labels.${label}`, 'a name with a name')
    labels[label] = content
  }
  return labels
}

function checkedResume(value: Record<string, unknown>): NonNullable<Introduction['resume']> {
  return {
    session: text(value.session, 'resume.session'),
    token: text(value.token, 'resume.token'),
    received: u32(value.received, 'resume.received'),
  }
}
