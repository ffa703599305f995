/**
 * A parcel: bytes that nobody on the way looks into, with what their sender says of them. On the wire a body of its own:
 *
 * ```
 * 0     u16 length of the head, h
 * 2     the head: a JSON object of header names and texts
 * 2+h   the bytes
 * ```
 */
import { WaybillError } from '../errors/index.js'
import { violation } from './limits.js'

/** What is said of the bytes: names as HTTP has them, in lower case, each of one kind. */
export type ParcelHead = Readonly<Record<string, string>>

/** The names that a head may have; all that HTTP says of a representation. */
export const PARCEL_HEADERS: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'content-language',
  'content-disposition',
  'content-location',
  // Of bytes that are not in the parcel itself.
  'content-length',
])
/** Of the head as JSON. */
export const MAX_PARCEL_HEAD_BYTES = 2048

const LENGTH_BYTES = 2
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export class Parcel {
  /** A text is UTF-8, and `text/plain` unless the head says otherwise. Throws `BadArguments` for a head that cannot travel. */
  constructor(
    content: Uint8Array | string,
    readonly head: ParcelHead = typeof content === 'string' ? { 'content-type': 'text/plain; charset=utf-8' } : {},
  ) {
    checkHead(head)
    this.bytes = typeof content === 'string' ? encoder.encode(content) : content
  }

  readonly bytes: Uint8Array

  /** The content type, or undefined. */
  get type(): string | undefined {
    return this.head['content-type']
  }

  /** Throws a `TypeError` where they are no UTF-8. */
  text(): string {
    return decoder.decode(this.bytes)
  }

  /** Throws a `SyntaxError` where they are no JSON. */
  json(): unknown {
    return JSON.parse(this.text())
  }
}

/** The whole body. The bytes are copied. */
export function writeParcel({ head, bytes }: Pick<Parcel, 'head' | 'bytes'>): Uint8Array {
  const text = encoder.encode(JSON.stringify(head))
  const body = new Uint8Array(LENGTH_BYTES + text.byteLength + bytes.byteLength)
  body[0] = text.byteLength & 0xff
  body[1] = text.byteLength >> 8
  body.set(text, LENGTH_BYTES)
  body.set(bytes, LENGTH_BYTES + text.byteLength)
  return body
}

/** For who has nothing but the body. Throws `ProtocolViolation`, and `TooLarge` where the bytes are elsewhere, as no frame holds them. */
export function readWholeParcel(body: Uint8Array): { readonly head: ParcelHead; readonly bytes: Uint8Array } {
  const parcel = readParcel(body)
  const size = Number(parcel.head['content-length'] ?? 0)
  if (size === 0 || parcel.bytes.byteLength > 0) return parcel
  throw new WaybillError('TooLarge', `the parcel has ${size} bytes, more than a frame; they are read over HTTP`)
}

/** The bytes are a view of the body. Throws `ProtocolViolation`. */
export function readParcel(body: Uint8Array): { readonly head: ParcelHead; readonly bytes: Uint8Array } {
  const length = body.byteLength < LENGTH_BYTES ? 0 : body[0]! | (body[1]! << 8)
  const end = LENGTH_BYTES + length
  if (body.byteLength < end) throw violation('a parcel is shorter than its head')
  try {
    const head: unknown = JSON.parse(decoder.decode(body.subarray(LENGTH_BYTES, end)))
    checkHead(head)
    return { head, bytes: body.subarray(end) }
  } catch (cause) {
    throw violation('the head of a parcel is none', cause)
  }
}

function checkHead(head: unknown): asserts head is ParcelHead {
  if (typeof head !== 'object' || head === null || Array.isArray(head)) throw badHead('it is no object')
  for (const [name, text] of Object.entries(head)) {
    if (!PARCEL_HEADERS.has(name))
      throw badHead(`it may not say ${JSON.stringify(name.slice(0, 64))}; ${[...PARCEL_HEADERS].join(', ')} it may`)
    // What HTTP lets a header say: it goes into one as it is.
    if (typeof text !== 'string' || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) throw badHead(`its ${name} is no text that a header may have`)
  }
  if (JSON.stringify(head).length > MAX_PARCEL_HEAD_BYTES / 2) throw badHead(`it has more than ${MAX_PARCEL_HEAD_BYTES / 2} characters`)
}

function badHead(why: string): WaybillError {
  return new WaybillError('BadArguments', `the head of a parcel cannot travel: ${why}`)
}
