/** What tells calls with the same key from each other: a digest of all that their method is given. Owns what goes into it. */
import { extensionField, Tag } from '@waybill/core'

/**
 * The extension field with the SHA-256 of arguments in this encoding, and of what stands beside them in `fields`: at once where the surroundings can, else
 * later, in the order in which it was asked for.
 */
export type Digest = (encoding: number, body: Uint8Array, fields: readonly Uint8Array[]) => Uint8Array | Promise<Uint8Array>

/** Named arguments, and those of the constructor. */
const GIVEN: ReadonlySet<number> = new Set([Tag.kws, Tag.cntr])

/** What the digest is of. */
export function givenBytes(encoding: number, body: Uint8Array, fields: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const parts = [Uint8Array.of(encoding), body, ...fields.filter(([tag]) => GIVEN.has(tag!))]
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

export function digestField(digest: Uint8Array): Uint8Array {
  return extensionField(Tag.digest, digest)
}
