/**
 * What is asked of a call beside its arguments: worked out from options and contract once for each callable and semantics, then shared by all
 * its calls. Owns the defaults of times.
 */
import { durationMs, Flag, printAddress, WaybillError } from '@waybill/core'
import type { Address, ErrorClass, RemoteOptions, ServiceDefinition } from '@waybill/core'
import { optionFields } from './call-fields.js'
import type { Named, Names } from './names.js'
import type { OutgoingBody } from './outgoing-body.js'

/**
 * `live`: lives as long as its connection. `durable`: stored, and its outcome is waited for. `stored`: done when the router has stored it. `send`:
 * nobody answers. `watch`: not a call, but the watching of a stored one.
 */
export type Semantics = 'live' | 'durable' | 'stored' | 'send' | 'watch'

/** What a caller asks for. */
export type Wanted = Exclude<Semantics, 'watch'>

export interface Request {
  readonly semantics: Semantics
  readonly address: Named
  readonly method: Named
  /** Bits of the frame, `Flag`. */
  readonly flags: number
  /** Idle time and hard limit on this side; may be infinite. */
  readonly timeoutMs: number
  readonly deadlineMs: number
  /** Somebody asked for that limit: without it a call with streams has none. */
  readonly isTimed: boolean
  /** How many more attempts there may be, and whether also after one that may have run, as its definition declares. */
  readonly retries: number
  readonly isIdempotent: boolean
  /** What the router is told: how long it may try. */
  readonly ttlMs: number
  readonly fields: readonly Uint8Array[]
  readonly signal?: AbortSignal | undefined
  readonly data?: unknown
  /** It is the same call as the one before with this key. */
  readonly key?: string | undefined
  /** Classes of errors that its definition declares. */
  readonly errors: readonly ErrorClass[]
  /** The arguments, where they were taken before. */
  readonly body?: OutgoingBody
  /** Why no such call can be made. */
  readonly refusal?: WaybillError | undefined
}

/** What a callable calls, and how it was told to. */
export interface Target {
  readonly names: Names
  readonly address: Address
  readonly method: string
  readonly options: RemoteOptions
  readonly definition: Pick<ServiceDefinition<object>, 'methods' | 'terms'> | undefined
}

/** Of `.all()` alone: for one call they mean nothing, so it is refused as well. */
const FOR_ALL = ['first', 'quorum', 'hedge'] as const

const IDLE_MS = 30_000
const DEADLINE_MS = 600_000
const HOUR_MS = 3_600_000
const STORED_TTL_MS = 24 * HOUR_MS
const SEND_TTL_MS = 30_000
const NO_ERRORS: readonly ErrorClass[] = []

const flagsOf: Readonly<Record<Semantics, number>> = {
  live: 0,
  durable: Flag.durable,
  stored: Flag.durable | Flag.noReply,
  send: Flag.noReply,
  watch: 0,
}

/** Throws `BadAddress`, `NotRepresentable` or `TooLarge`. `replyto` is the client that is told of a stored call. */
export function requestOf(target: Target, wanted: Wanted, replyto?: string): Request {
  const { names, address, method, options, definition } = target
  const { key, durable = key !== undefined } = options
  const semantics = wanted === 'live' && durable ? 'durable' : wanted
  if (key !== undefined && semantics !== 'durable' && semantics !== 'stored') throw unstored()
  const other = FOR_ALL.find((option) => (options[option] ?? false) !== false)
  const terms = definition?.methods.get(method)
  const timeout = options.timeout ?? terms?.timeout
  const askedMs = options.ttl === undefined ? undefined : durationMs(options.ttl, 'ttl')
  const deadlineMs = options.deadline === undefined ? undefined : durationMs(options.deadline, 'deadline')
  return {
    semantics,
    retries: semantics === 'live' ? retriesOf(options) : 0,
    // Of its versions that fit: whoever asks for others knows nothing of them.
    isIdempotent: terms?.idempotent === true && options.version === undefined,
    address: names.address(printAddress(address)),
    method: names.method(method),
    flags: flagsOf[semantics],
    fields: optionFields(options, semantics === 'durable' || semantics === 'stored' ? undefined : askedMs, replyto),
    ...times(semantics, timeout === undefined ? undefined : durationMs(timeout, 'timeout'), deadlineMs, askedMs),
    isTimed: deadlineMs !== undefined,
    signal: options.signal,
    data: options.data,
    key,
    errors: terms === undefined ? NO_ERRORS : [...(terms.errors ?? []), ...(definition!.terms.errors ?? [])],
    refusal: other && new WaybillError('BadAddress', `the option ${other} is for .all(); nothing was sent`),
  }
}

const MOST_RETRIES = 100

function retriesOf({ retry = 0 }: RemoteOptions): number {
  if (Number.isInteger(retry) && retry >= 0 && retry <= MOST_RETRIES) return retry
  throw new WaybillError('BadAddress', `the option retry is a whole number from 0 to ${MOST_RETRIES}`)
}

/** Only what is stored is known again. */
function unstored(): WaybillError {
  return new WaybillError('BadAddress', 'the option key is for calls that are stored: not for .send(), nor beside durable: false')
}

/** Whether the router is to store such calls. */
export function isStored({ semantics }: Request): boolean {
  return semantics === 'durable' || semantics === 'stored'
}

/** Whether it goes to one instance, known by its symbol alone. Such a call cannot go on in another session. */
export function isAlone({ semantics, address }: Request): boolean {
  return address.name === '' && semantics !== 'watch'
}

/** The watching of a stored call: it ends with that call. */
export const watchRequest: Request = {
  semantics: 'watch',
  address: { name: '', symbol: 0 },
  method: { name: '', symbol: 0 },
  flags: 0,
  timeoutMs: Number.POSITIVE_INFINITY,
  deadlineMs: Number.POSITIVE_INFINITY,
  isTimed: false,
  retries: 0,
  isIdempotent: false,
  ttlMs: Number.POSITIVE_INFINITY,
  fields: [],
  errors: NO_ERRORS,
}

function times(
  semantics: Semantics,
  timeoutMs: number | undefined,
  deadlineMs: number | undefined,
  ttlMs: number | undefined,
): Pick<Request, 'timeoutMs' | 'deadlineMs' | 'ttlMs'> {
  switch (semantics) {
    case 'live':
    case 'watch': {
      // Who waits for somebody to come has the usual time from then on.
      const whole = deadlineMs ?? DEADLINE_MS + (ttlMs ?? 0)
      return { timeoutMs: timeoutMs ?? IDLE_MS + (ttlMs ?? 0), deadlineMs: whole, ttlMs: whole }
    }
    case 'durable': {
      const whole = deadlineMs ?? ttlMs ?? STORED_TTL_MS
      return { timeoutMs: timeoutMs ?? Number.POSITIVE_INFINITY, deadlineMs: whole, ttlMs: whole }
    }
    // Only the word that it is stored is waited for.
    case 'stored':
      return { timeoutMs: IDLE_MS, deadlineMs: DEADLINE_MS, ttlMs: deadlineMs ?? ttlMs ?? STORED_TTL_MS }
    case 'send': {
      const whole = deadlineMs ?? ttlMs ?? SEND_TTL_MS
      return { timeoutMs: IDLE_MS, deadlineMs: whole, ttlMs: whole }
    }
  }
}
