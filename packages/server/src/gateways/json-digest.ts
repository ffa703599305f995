/** What tells JSON calls with the same key from each other, as every client says it of its own. */
import { createHash } from 'node:crypto'
import { digestField, givenBytes } from '@waybill/core'

/** The field with the digest of arguments, and of what stands beside them in `fields`. */
export function digestOf(encoding: number, args: Uint8Array | undefined, fields: readonly Uint8Array[]): Uint8Array {
  const given = givenBytes(encoding, args ?? new Uint8Array(0), fields)
  return digestField(createHash('sha256').update(given).digest())
}
