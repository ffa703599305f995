/** SHA-256 by the browser, which gives it later. */
import { digestField, givenBytes, WaybillError } from '@waybill/core'
import type { Digest } from './digest.js'

/** Settled when all that were asked for before are there. */
let last: Promise<unknown> = Promise.resolve()

/** Rejects with `Unsupported` in a page that may not ask for it. */
export const pageDigest: Digest = async (...given) => {
  const subtle = (globalThis.crypto as Partial<Crypto> | undefined)?.subtle
  if (subtle === undefined) {
    throw new WaybillError('Unsupported', 'the option key needs a page that came over https, or from this machine', { executed: 'no' })
  }
  const digest = subtle.digest('SHA-256', givenBytes(...given))
  const before = last
  last = Promise.allSettled([before, digest])
  await before
  return digestField(new Uint8Array(await digest))
}
