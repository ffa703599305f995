/**
 * The bounds of one body, checked on both sides: before a value is written and before anything is built from bytes.
 * What a larger value should become (a stream) is decided elsewhere.
 */

import { WaybillError } from '../errors/index.js'

export interface BodyLimits {
  /** Length of the whole encoded body. */
  readonly maxBodyBytes: number
  /** Arrays, objects, Maps, Sets and byte arrays inside each other; the array of a call's arguments is the first. */
  readonly maxDepth: number
  /** Decimal digits of one bigint: reading them costs more than linear time. */
  readonly maxBigintDigits: number
  /** Values in one rich body that JSON alone cannot say (a Date, an undefined, a repeated reference …): each costs about a microsecond; an Error counts as ten. */
  readonly maxRichValues: number
  /** Numbers and bigints that are members of Sets or keys of Maps, in one body: a sender can choose them to collide. */
  readonly maxNumericKeys: number
  /** Byte arrays and long strings beside the JSON of one body; never above 65,535, because their count is a u16. */
  readonly maxSegments: number
}

export const defaultLimits: BodyLimits = {
  maxBodyBytes: 8 * 1024 * 1024,
  maxDepth: 64,
  maxBigintDigits: 4096,
  maxRichValues: 262_144,
  maxNumericKeys: 32_768,
  maxSegments: 65_535,
}

/** `size` is what was found: exact for bytes and digits; for depth and counts the first size that is too much. */
export function tooLarge(what: string, limit: number, size: number): WaybillError {
  return new WaybillError('TooLarge', `${what}: ${size} is more than the limit of ${limit}`, { details: { limit, size } })
}

/** The peer sent bytes that no writer of this protocol makes. */
export function violation(message: string, cause?: unknown): WaybillError {
  return new WaybillError('ProtocolViolation', message, cause === undefined ? {} : { cause })
}

/** The value at `path` cannot travel. */
export function notRepresentable(path: string, reason: string, cause?: unknown): WaybillError {
  return new WaybillError('NotRepresentable', `${path} ${reason}`, { details: { path }, ...(cause !== undefined && { cause }) })
}
