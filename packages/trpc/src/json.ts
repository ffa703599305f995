/** What JSON makes of a value. Owns that values are over Waybill what they are over tRPC's own links, on whose JSON the types of clients rest. */
import { isPlain } from '@waybill/core'

/** The same value where JSON says it as it is. Throws where JSON cannot say it at all: for a bigint, and for what contains itself. */
export function jsonOf(value: unknown): unknown {
  if (value === undefined || typeof value === 'string') return value
  // Bytes are plain to a body, and not to JSON.
  if (isPlain(value) && !ArrayBuffer.isView(value)) return value
  const text = JSON.stringify(value) as string | undefined
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}
