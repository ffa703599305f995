/** Bodies that are bytes as a whole, with no text beside them. */
import { encodings } from './encoding.js'
import { defaultLimits, tooLarge, type BodyLimits } from './limits.js'
import type { PreparedBody } from './port.js'

export function isWhole(encoding: number): boolean {
  return encoding === encodings.bytes || encoding === encodings.parcel
}

/** A body of raw bytes. Throws `TooLarge`. */
export function prepareBytes(bytes: Uint8Array, limits: BodyLimits = defaultLimits): PreparedBody {
  if (bytes.length > limits.maxBodyBytes) throw tooLarge('bytes of the body', limits.maxBodyBytes, bytes.length)
  return { encoding: encodings.bytes, text: '', segments: [{ kind: 1, content: bytes }], byteLengthBound: bytes.length }
}
