/** The JSON of a body, whichever encoding it is part of: bounded, strictly UTF-8, and without a key `__proto__`. */

import { holdsProto } from './proto.js'
import { tooLarge, violation, type BodyLimits } from './limits.js'
import { nestsDeeper } from './nesting.js'
import { readText } from './text.js'

/** Throws `ProtocolViolation` or `TooLarge`. */
export function parseJson(bytes: Uint8Array, start: number, end: number, depth: number, limits: BodyLimits): unknown {
  if (nestsDeeper(bytes, start, end, depth)) throw tooLarge('nesting', limits.maxDepth, limits.maxDepth + 1)
  const text = readText(bytes, start, end)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw violation('the body is not JSON', cause)
  }
  if (holdsProto(json, text)) throw violation('a key __proto__ must not be written as it is')
  return json
}
