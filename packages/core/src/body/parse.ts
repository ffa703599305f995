/**
 * Bytes to values. The bytes are hostile until proven otherwise: whatever they are, the outcome is a value without functions, symbols and
 * foreign prototypes, or a `WaybillError`; and every limit is checked before anything is built that would break it.
 */

import { takeBytes, type Ownership } from './beside.js'
import { encodings, segmentedBit } from './encoding.js'
import { parseJson } from './json.js'
import { defaultLimits, tooLarge, violation, type BodyLimits } from './limits.js'
import { beyondJson } from './port.js'
import type { GiveStream } from './streams.js'

/**
 * `bytes` is the whole body. With `given` the caller promises never to change or reuse them, and a byte array that makes up most of the
 * buffer is handed on without a copy. Throws `ProtocolViolation` or `TooLarge`, never anything else
 * (but `NotRepresentable` for what is beyond plain JSON and bytes, where that is not installed).
 */
export function parseBody(
  encoding: number,
  bytes: Uint8Array,
  limits: BodyLimits = defaultLimits,
  ownership: Ownership = 'lent',
  streams?: GiveStream,
): unknown {
  const { length } = bytes
  if (length > limits.maxBodyBytes) throw tooLarge('bytes of the body', limits.maxBodyBytes, length)
  switch (encoding) {
    case encodings.json:
      return parseJson(bytes, 0, length, limits.maxDepth, limits)
    case encodings.none:
      if (length !== 0) throw violation(`${length} bytes in a body without a value`)
      return undefined
    case encodings.bytes:
      return takeBytes(bytes, 0, length, ownership)
    case encodings.rich:
    case encodings.parcel:
    case encodings.json | segmentedBit:
    case encodings.rich | segmentedBit:
      return beyondJson().parse(encoding, bytes, limits, ownership, streams)
    default:
      throw violation(`unknown body encoding ${encoding}`)
  }
}

/** The same for a body between `start` and `end` of a larger buffer; the common encoding is read in place, without a view for each body. */
export function parseBodyIn(
  encoding: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: BodyLimits,
  ownership: Ownership,
  streams?: GiveStream,
): unknown {
  if (encoding !== encodings.json || end - start > limits.maxBodyBytes) {
    return parseBody(encoding, bytes.subarray(start, end), limits, ownership, streams)
  }
  return parseJson(bytes, start, end, limits.maxDepth, limits)
}

/** Whether a body of this encoding is read without what is installed by `installBeyond`. */
export function isPlainEncoding(encoding: number): boolean {
  return encoding <= encodings.json || encoding === encodings.bytes
}
