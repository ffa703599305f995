/** What tells calls with the same key from each other: all that their method is given, as one text of bytes to be digested. Digests nothing itself. */
import { Tag } from '../frame/index.js'
import { extensionField } from './extension.js'

/** Named arguments, and those of the constructor. */
const GIVEN: ReadonlySet<number> = new Set([Tag.kws, Tag.cntr])

/** What the digest is of: the arguments in this encoding, and what stands beside them in `fields`. */
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
