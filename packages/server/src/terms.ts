/** What a call asks of the router beside its address: read from the extension of its frame, once. Decides nothing. */
import { extensionField, findField, findText, Policy, readU32, serialText, Tag, WaybillError, type FrameReader } from '@waybill/core'

export interface CallTerms {
  /** The extension field of the caller's own data, to be returned with whatever the router says of the call. */
  readonly data: Uint8Array | undefined
  /** The whole serial number; only calls that are to be stored need it. */
  readonly sn: string | undefined
  /** How long the call may wait for somebody to take it. */
  readonly waitMs: number | undefined
  readonly orderKey: string | undefined
  /** What the caller knows a stored call by, and the digest of what it says, in hexadecimal digits. */
  readonly key: string | undefined
  readonly digest: string | undefined
  readonly sticky: string | undefined
  readonly isInTurn: boolean
  /** The client that is told what becomes of the call, instead of its caller. */
  readonly replyto: string | undefined
  /** The call during which this one is made. */
  readonly within: { readonly source: number; readonly number: number } | undefined
}

interface Choice {
  readonly orderKey?: string | undefined
  readonly sticky?: string | undefined
  readonly isInTurn?: boolean | undefined
}

/** It asks for a turn, or for an instance of its own. */
export function isChoosy({ orderKey, sticky, isInTurn }: Choice): boolean {
  return orderKey !== undefined || sticky !== undefined || isInTurn === true
}

const MAX_KEY_CHARACTERS = 256
const DIGEST_BYTES = 32

/** Undefined where nothing is asked, as for most calls. Throws `ProtocolViolation` or `BadArguments`. */
export function readTerms(frame: FrameReader): CallTerms | undefined {
  if (frame.extensionBytes === 0) return undefined
  const data = findField(frame, Tag.data)
  const sn = findField(frame, Tag.sn)
  const wait = findField(frame, Tag.wait)
  const within = findField(frame, Tag.within)
  const policy = findField(frame, Tag.policy)
  const terms: CallTerms = {
    data: data && extensionField(Tag.data, data),
    sn: sn && serialText(sn),
    waitMs: wait && number(wait, 0, 4),
    orderKey: key(frame, Tag.orderKey, 'order key'),
    key: key(frame, Tag.key, 'key'),
    digest: digestOf(frame),
    sticky: key(frame, Tag.sticky, 'sticky key'),
    isInTurn: policy?.[0] === Policy.roundRobin,
    replyto: findText(frame, Tag.replyto),
    within: within && { source: number(within, 0, 8), number: number(within, 4, 8) },
  }
  return Object.values(terms).every((term) => term === undefined || term === false) ? undefined : terms
}

function key(frame: FrameReader, tag: number, what: string): string | undefined {
  const text = findText(frame, tag)
  if (text !== undefined && (text.length === 0 || text.length > MAX_KEY_CHARACTERS)) {
    throw new WaybillError('BadArguments', `the ${what} has ${text.length} characters; it may have 1 to ${MAX_KEY_CHARACTERS}`)
  }
  return text
}

function digestOf(frame: FrameReader): string | undefined {
  const digest = findField(frame, Tag.digest)
  if (digest === undefined) return undefined
  if (digest.byteLength !== DIGEST_BYTES)
    throw new WaybillError('BadArguments', `a digest has ${DIGEST_BYTES} bytes, not ${digest.byteLength}`)
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function number(field: Uint8Array, at: number, length: number): number {
  if (field.byteLength !== length)
    throw new WaybillError('ProtocolViolation', `an extension field has ${field.byteLength} bytes instead of ${length}`)
  return readU32(field, at)
}
