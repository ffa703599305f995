/** What a name says of itself when it registers, and what of that may be. */
import { isName, quoted, WaybillError } from '@waybill/core'

export interface Registering {
  readonly name: string
  readonly address?: string | undefined
  readonly concurrency?: number | undefined
  readonly fields: Readonly<Record<string, unknown>>
}

export const DEFAULT_CONCURRENCY = 16
const MOST_CONCURRENCY = 1024
/** Of what a name says of itself, as JSON. */
const MAX_FIELDS_BYTES = 16 * 1024

/** Throws `BadAddress`, `BadArguments` or `TooLarge`. */
export function checkRegistering({ name, concurrency, fields }: Omit<Registering, 'concurrency'> & { readonly concurrency: number }): void {
  if (!isName(name)) throw new WaybillError('BadAddress', `${quoted(name)} is not a name: letters, digits, _ and -, at most 64`)
  if (!Number.isSafeInteger(concurrency) || concurrency < 1 || concurrency > MOST_CONCURRENCY)
    throw new WaybillError('BadArguments', `the concurrency is ${concurrency}; it may be 1 to ${MOST_CONCURRENCY}`)
  const size = Buffer.byteLength(JSON.stringify(fields))
  if (size > MAX_FIELDS_BYTES)
    throw new WaybillError('TooLarge', `what ${name} says of itself has ${size} bytes; it may have ${MAX_FIELDS_BYTES}`, {
      executed: 'no',
      details: { limit: MAX_FIELDS_BYTES, size },
    })
}
