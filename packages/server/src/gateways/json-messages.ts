/**
 * What one message of a JSON client says: its members, cut out of the text, as typed values. What is only carried (arguments, results, events, the
 * caller's own data) stays the text that it is. Owns the names of the members; decides nothing. Throws `ProtocolViolation`, naming the member.
 */
import {
  checkAddress,
  ENVELOPE_VERSION,
  envelopeFromJson,
  isCode,
  MAX_TRACE_CHARACTERS,
  parseAddress,
  Policy,
  printAddress,
  quoted,
  readText,
  WaybillError,
  type Envelope,
  type Executed,
} from '@waybill/core'
import { membersOf } from './json-slices.js'

export type Members = ReadonlyMap<string, Uint8Array>

/** Exactly one of them says what a message is. */
export const KINDS = [
  'hello',
  'heartbeat',
  'register',
  'unregister',
  'request',
  'status',
  'result',
  'cancel',
  'watch',
  'publish',
  'subscribe',
  'unsubscribe',
  'taken',
  'item',
  'end',
  'credit',
  'stop',
  'goodbye',
] as const

export type Kind = (typeof KINDS)[number]

/** Said by the router alone. */
export const ROUTERS = ['welcome', 'refused', 'minted', 'event', 'gap', 'drain', 'unsupported'] as const

/** Members beside the kind that mean something in some message. */
const BESIDE = [
  ...['n', 'ack', 'message', 'signature'],
  ...['sn', 'version', 'routing', 'replyto', 'timestamp', 'data', 'ttl', 'principal', 'attempt'],
  ...['durable', 'key', 'statuses', 'wait', 'orderKey', 'sticky', 'policy', 'parent', 'trace'],
  ...['total', 'completed', 'details', 'code', 'description', 'durability', 'duplicate', 'receipt', 'topic', 're'],
]

const KNOWN: ReadonlySet<string> = new Set([...KINDS, ...ROUTERS, ...BESIDE])
const MAX_TTL_MS = 0xffffffff
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** Stands for the sn in checks that do not concern it. */
const SOME_SN = '00000000-0000-8000-8000-000000000000'

export function wrong(field: string, expected: string): WaybillError {
  return new WaybillError('ProtocolViolation', `the message's ${field} is not ${expected}`, { executed: 'no', details: { field } })
}

/** The value of a member that is small by what it means; undefined where it is absent. */
export function valueOf(members: Members, name: string): unknown {
  const slice = members.get(name)
  return slice && (JSON.parse(readText(slice, 0, slice.byteLength)) as unknown)
}

export function textOf(members: Members, name: string): string | undefined {
  const value = valueOf(members, name)
  if (value !== undefined && typeof value !== 'string') throw wrong(name, 'a string')
  return value
}

export function flagOf(members: Members, name: string): boolean | undefined {
  const value = valueOf(members, name)
  if (value !== undefined && typeof value !== 'boolean') throw wrong(name, 'true or false')
  return value
}

/** A whole number from `least` on; undefined where it is absent. */
export function countOf(members: Members, name: string, least = 0, most = Number.MAX_SAFE_INTEGER): number | undefined {
  const value = valueOf(members, name)
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw wrong(name, `a whole number from ${least} to ${most}`)
  return value
}

/** The members of a member that is an object. */
export function objectOf(members: Members, name: string): Members {
  const slice = members.get(name)
  const inner = slice && membersOf(slice)
  if (inner === undefined) throw wrong(name, 'an object')
  return inner
}

/** As the client wrote it: what is told to it repeats these very characters. */
export function serialOf(members: Members): string | undefined {
  const sn = textOf(members, 'sn')
  if (sn !== undefined && !UUID.test(sn)) throw wrong('sn', 'a UUID')
  return sn
}

export function neededSerial(members: Members): string {
  const sn = serialOf(members)
  if (sn === undefined) throw wrong('sn', 'there')
  return sn
}

/** The text of an object of these members, as they stand. */
export function objectText(members: Iterable<readonly [string, Uint8Array | string]>): string {
  return `{${Array.from(members, ([name, slice]) => `${JSON.stringify(name)}:${typeof slice === 'string' ? slice : readText(slice, 0, slice.byteLength)}`).join(',')}}`
}

/** What this version gives no meaning, as an object; undefined where there is none. */
export function unknownOf(members: Members): string | undefined {
  const unknown = [...members].filter(([name]) => !KNOWN.has(name))
  return unknown.length === 0 ? undefined : objectText(unknown)
}

export interface Asked {
  readonly destination: string
  readonly method: string
  readonly ttlMs: number
  readonly replyto: string | undefined
  readonly timestamp: string | undefined
  readonly args: Uint8Array | undefined
  /** Takes the place of the arguments. */
  readonly parcel: Members | undefined
  readonly kws: Uint8Array | undefined
  readonly cntr: Uint8Array | undefined
  readonly data: Uint8Array | undefined
  readonly unknown: string | undefined
  readonly isDurable: boolean
  /** Only of what is durable. */
  readonly key: string | undefined
  readonly wantsStatuses: boolean
  readonly waitMs: number | undefined
  readonly orderKey: string | undefined
  readonly sticky: string | undefined
  readonly policy: Policy | undefined
  readonly parent: string | undefined
  readonly trace: string | undefined
}

/** Throws `Incompatible` for another version, too. */
export function readRequest(members: Members): Asked {
  const request = objectOf(members, 'request')
  const args = request.get('args')
  const kws = request.get('kws')
  const cntr = request.get('cntr')
  const hasParcel = request.has('parcel')
  if (hasParcel && ['args', 'kws', 'streams'].some((name) => request.has(name)))
    throw wrong('request', 'one with either a parcel or args, kws and streams')
  const {
    routing,
    replyto,
    timestamp,
    ttl,
    request: asked,
  } = checked(members, {
    routing: valueOf(members, 'routing') ?? [null, valueOf(request, 'classname')],
    ttl: valueOf(members, 'ttl'),
    request: {
      classname: valueOf(request, 'classname'),
      method: valueOf(request, 'method'),
      args: args && shapeOf(args),
      kws: kws && shapeOf(kws),
      cntr: valueOf(request, 'cntr'),
    },
  }) as Extract<Envelope, { kind: 'request' }>
  const policy = textOf(members, 'policy')
  if (policy !== undefined && policy !== 'leastBusy' && policy !== 'roundRobin') throw wrong('policy', 'leastBusy or roundRobin')
  const isDurable = flagOf(members, 'durable') ?? false
  const key = textOf(members, 'key')
  if (key !== undefined && !isDurable) throw wrong('key', 'beside durable')
  const parent = textOf(members, 'parent')
  if (parent !== undefined && !UUID.test(parent)) throw wrong('parent', 'a UUID')
  return {
    destination: addressOf(routing[1], asked.classname),
    method: asked.method,
    ttlMs: ttl ?? 0,
    replyto,
    timestamp,
    args,
    parcel: hasParcel ? request : undefined,
    kws: asked.kws === undefined ? undefined : kws,
    cntr,
    data: members.get('data'),
    unknown: unknownOf(members),
    isDurable,
    key,
    wantsStatuses: flagOf(members, 'statuses') ?? true,
    waitMs: countOf(members, 'wait', 1, MAX_TTL_MS),
    orderKey: textOf(members, 'orderKey'),
    sticky: textOf(members, 'sticky'),
    policy: policy && Policy[policy],
    parent: parent?.toLowerCase(),
    trace: traceOf(members),
  }
}

/** What is longer is no context. */
function traceOf(members: Members): string | undefined {
  const trace = textOf(members, 'trace')
  return trace === undefined || trace.length > MAX_TRACE_CHARACTERS ? undefined : trace
}

/**
 * A destination that names the class itself (with a range or labels) is a service; any other is a client that offers the class.
 */
function addressOf(destination: string, classname: string): string {
  const address = parseAddress(destination)
  if (address.service === classname) return printAddress(address)
  if (address.client !== undefined)
    throw new WaybillError('BadAddress', `the destination means ${address.service}, the request ${quoted(classname)}`)
  const { service, ...rest } = address
  return printAddress(checkAddress({ ...rest, client: service, service: classname }))
}

export type Answer =
  | { readonly kind: 'accepted' | 'started' }
  /** With the text of its body. */
  | { readonly kind: 'progress' | 'rejected'; readonly body: string }
  | { readonly kind: 'result'; readonly retval: Uint8Array | undefined }
  /** A result, whose member `parcel` it is. */
  | { readonly kind: 'parcel'; readonly said: Members }
  | { readonly kind: 'exception'; readonly body: string; readonly executed: Executed }

/** A status or an outcome, from who serves. */
export function readAnswer(members: Members, kind: 'status' | 'result'): Answer {
  const details = members.get('details')
  if (kind === 'result') {
    const said = objectOf(members, 'result')
    if (!said.has('parcel')) return readOutcome(members, said)
    if (said.size > 1) throw wrong('result', 'a parcel alone')
    return { kind: 'parcel', said }
  }
  const { kind: said } = checked(members, {
    status: valueOf(members, 'status'),
    ...Object.fromEntries(['total', 'completed', 'code', 'description'].map((name) => [name, valueOf(members, name)])),
    ...(details && { details: null }),
  })
  if (said === 'accepted' || said === 'started') return { kind: said }
  const fields = said === 'progress' ? ['total', 'completed', 'details'] : ['code', 'description', 'details']
  return { kind: said === 'progress' ? said : 'rejected', body: objectText(pick(members, fields)) }
}

/**
 * What a refusal says, as an exception: where the call's streams have begun, the router takes it for begun, and passes no refusal on. A code of the client's own
 * would say there that it ran, so it stands in the details.
 */
export function refusalAsException(members: Members): Answer {
  const code = textOf(members, 'code')
  const description = textOf(members, 'description') ?? ''
  const isOurs = isCode(code)
  const details = isOurs ? pick(members, ['details']) : [['details', objectText(pick(members, ['code', 'details']))] as const]
  const body = objectText([
    ['exval', JSON.stringify(isOurs ? description : `${code}: ${description}`)],
    ['code', JSON.stringify(isOurs ? code : 'Rejected')],
    ...details,
  ])
  return { kind: 'exception', body, executed: 'no' }
}

/** How something ended. */
export function readOutcome(members: Members, result: Members): Extract<Answer, { kind: 'result' | 'exception' }> {
  if (!result.has('exval')) return { kind: 'result', retval: result.get('retval') }
  const shapes = [...result].map(([name, slice]) => [
    name,
    name === 'xstate' || name === 'xargs' || name === 'details' ? shapeOf(slice) : valueOf(result, name),
  ])
  const { exception } = checked(members, { result: Object.fromEntries(shapes) }) as Extract<Envelope, { kind: 'exception' }>
  // It ran: nobody else could say this.
  return {
    kind: 'exception',
    body: objectText([...result].filter(([name]) => name !== 'executed')),
    executed: exception.executed ?? 'yes',
  }
}

export function pick(members: Members, names: readonly string[]): [string, Uint8Array][] {
  return names.flatMap((name) => {
    const slice = members.get(name)
    return slice === undefined ? [] : [[name, slice] as [string, Uint8Array]]
  })
}

/** The checks of every envelope, whatever door it comes through; of what is carried only the shape is looked at. */
function checked(members: Members, content: Readonly<Record<string, unknown>>): Envelope {
  return envelopeFromJson({
    sn: SOME_SN,
    version: valueOf(members, 'version') ?? ENVELOPE_VERSION,
    routing: [null, ''],
    replyto: valueOf(members, 'replyto'),
    timestamp: valueOf(members, 'timestamp'),
    ...content,
  })
}

function shapeOf(slice: Uint8Array): unknown {
  if (slice[0] === 0x5b) return []
  return slice[0] === 0x7b ? {} : (JSON.parse(readText(slice, 0, slice.byteLength)) as unknown)
}

export interface Registered {
  readonly service: string
  readonly version: string
  readonly methods: readonly string[]
  readonly idempotent: readonly string[]
  readonly concurrency: number | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly perCaller: boolean
}

/** Only what is needed to know afterwards what a call means; whether it may be offered like this, the router says. */
export function readRegister(members: Members): Registered {
  const offer = objectOf(members, 'register')
  const service = textOf(offer, 'service')
  const version = textOf(offer, 'version') ?? '1.0.0'
  if (service === undefined) throw wrong('register.service', 'a string')
  const labels = offer.has('labels') ? objectOf(offer, 'labels') : new Map<string, Uint8Array>()
  return {
    service,
    version,
    methods: names(offer, 'methods'),
    idempotent: offer.has('idempotent') ? names(offer, 'idempotent') : [],
    concurrency: countOf(offer, 'concurrency', 1),
    labels: Object.fromEntries([...labels.keys()].map((label) => [label, textOf(labels, label) ?? ''])),
    perCaller: flagOf(offer, 'perCaller') ?? false,
  }
}

function names(members: Members, name: string): string[] {
  const value = valueOf(members, name)
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) throw wrong(name, 'a list of strings')
  return value
}

/** By what a client recognizes what an answer is about: the sn, and the number of its message. */
export function referenceOf(members: Members): [string, string][] {
  let sn: string | undefined
  try {
    sn = serialOf(members)
  } catch {
    // It is what is wrong.
  }
  const n = members.get('n')
  return [
    ...(sn === undefined ? [] : [['sn', JSON.stringify(sn)] as [string, string]]),
    ...(n === undefined ? [] : [['re', readText(n, 0, n.byteLength)] as [string, string]]),
  ]
}
