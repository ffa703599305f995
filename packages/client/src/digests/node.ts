/** SHA-256 by Node, at once: so a call with a key keeps its place among the others. */
import { createHash } from 'node:crypto'
import { digestField, givenBytes } from '@waybill/core'
import type { Digest } from './digest.js'

export const nodeDigest: Digest = (...given) =>
  digestField(
    createHash('sha256')
      .update(givenBytes(...given))
      .digest(),
  )
