/** Bodies as what they say to somebody who knows bytes with a content type and nothing else. Parcels are not looked into; JSON is passed on as the text that it is. */
import { encodings, parseBody, readParcel, WaybillError, type Executed, type ParcelHead } from '@waybill/core'
import type { Place } from '../journal/journal.js'
import { bodyText } from '../gateways/json-frames.js'
import { bytesOf } from '../gateways/json-wire.js'

export interface Content {
  readonly head: ParcelHead
  /** Empty where they are too many for a frame: then they have a place of their own. */
  readonly bytes: Uint8Array
  readonly large?: Large
}

/** The same on its way in: bytes that are too many for a frame have been spooled as they came. */
export interface Incoming extends Omit<Content, 'large'> {
  readonly spooled?: Spooled
}

export interface Spooled {
  /** Of the record that has them: whoever takes it keeps it, or drops it. */
  readonly place: Place
  /** SHA-256 of them. */
  readonly digest: Uint8Array
}

/** Bytes that are not in memory. */
export interface Large {
  readonly size: number
  /** So many from there on, or as many as there are. Rejects with `Damaged`. */
  read(offset: number, length: number): Promise<Uint8Array>
}

/** In order, no more of them in memory than who takes them asks for. */
export async function* piecesOfLarge({ size, read }: Large): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += PIECE_BYTES) yield await read(at, PIECE_BYTES)
}

const PIECE_BYTES = 256 * 1024

const JSON_HEAD: ParcelHead = { 'content-type': 'application/json' }

/** Throws `NotRepresentable` for a value that is more than bytes or plain JSON. */
export function contentOf(encoding: number, body: Uint8Array, executed: Executed): Content {
  switch (encoding) {
    case encodings.parcel:
      return readParcel(body)
    case encodings.bytes:
      return { head: { 'content-type': 'application/octet-stream' }, bytes: body }
    case encodings.none:
      return { head: {}, bytes: body }
    default:
      return { head: JSON_HEAD, bytes: bytesOf(bodyText(encoding, body, executed)!) }
  }
}

/** What went wrong, as HTTP tells it. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly executed: Executed
  readonly details?: unknown
}

export function failureContent(failure: Failure): Content {
  return { head: JSON_HEAD, bytes: bytesOf(JSON.stringify(failure)) }
}

/** Of an exception or a rejection, as it was said by a callee or the router. */
export function failureOf(encoding: number, body: Uint8Array, executed: Executed): Failure {
  try {
    const said = (parseBody(encoding, body) ?? {}) as Record<string, unknown>
    const text = (name: string): string | undefined => (typeof said[name] === 'string' ? said[name] : undefined)
    const { details } = said
    return {
      code: text('code') ?? 'RemoteException',
      message: text('description') ?? text('exval') ?? text('xclass') ?? 'the call failed and its callee did not say why',
      executed,
      ...(details !== undefined && { details }),
    }
  } catch (thrown) {
    return { code: 'RemoteException', message: WaybillError.from(thrown).message, executed }
  }
}
