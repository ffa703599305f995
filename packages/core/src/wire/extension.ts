/**
 * The extension of a frame: fields of `u8 tag, u8 0, u16 length, bytes`, little-endian, in any order, each tag at most once. Unknown tags
 * are skipped. Owns the layout only.
 */
import { readText } from '../body/text.js'
import { WaybillError } from '../errors/index.js'
import { HEADER_BYTES, MAX_EXTENSION_BYTES, type FrameReader } from './header.js'
import { readU16 } from './little-endian.js'

export const FIELD_BYTES = 4
const encoder = new TextEncoder()

/** The bytes of one field, ready to be joined. */
export function extensionField(tag: number, content: string | Uint8Array): Uint8Array {
  const bytes = typeof content === 'string' ? encoder.encode(content) : content
  const most = MAX_EXTENSION_BYTES - FIELD_BYTES
  if (bytes.byteLength > most) throw tooLong('an extension field', bytes.byteLength, most)
  const field = new Uint8Array(FIELD_BYTES + bytes.byteLength)
  field[0] = tag
  field[2] = bytes.byteLength & 0xff
  field[3] = bytes.byteLength >> 8
  field.set(bytes, FIELD_BYTES)
  return field
}

function tooLong(what: string, size: number, limit: number): WaybillError {
  return new WaybillError('TooLarge', `${what} of ${size} bytes is over the limit of ${limit}`, {
    executed: 'no',
    details: { limit, size },
  })
}

/** Throws `TooLarge` where together they are longer than an extension can be. */
export function joinFields(fields: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const field of fields) length += field.byteLength
  if (length > MAX_EXTENSION_BYTES) throw tooLong('the extension fields', length, MAX_EXTENSION_BYTES)
  const joined = new Uint8Array(length)
  let at = 0
  for (const field of fields) {
    joined.set(field, at)
    at += field.byteLength
  }
  return joined
}

/** The content of the field `tag` of the reader's current frame, or undefined. Throws `ProtocolViolation` where lengths do not add up. */
export function findField(frame: FrameReader, tag: number): Uint8Array | undefined {
  let at = frame.start + HEADER_BYTES
  const end = at + frame.extensionBytes
  while (at < end) {
    const next = fieldEnd(frame, at, end)
    if (frame.bytes[at] === tag) return frame.bytes.subarray(at + FIELD_BYTES, next)
    at = next
  }
  return undefined
}

/** The end of the field that begins at `at`. Throws `ProtocolViolation`. */
export function fieldEnd(frame: FrameReader, at: number, end: number): number {
  if (end - at < FIELD_BYTES) throw new WaybillError('ProtocolViolation', 'an extension field is cut off')
  const length = readU16(frame.bytes, at + 2)
  if (at + FIELD_BYTES + length > end)
    throw new WaybillError('ProtocolViolation', `an extension field of ${length} bytes is longer than its extension`)
  return at + FIELD_BYTES + length
}

export function findText(frame: FrameReader, tag: number): string | undefined {
  if (frame.extensionBytes === 0) return undefined
  const field = findField(frame, tag)
  return field && readText(field, 0, field.byteLength)
}
