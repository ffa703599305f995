/**
 * The port to whatever writes and reads rich documents. A bundle that leaves the codec out still carries everything that JSON and
 * segments can say.
 */

import { WaybillError } from '../errors/index.js'
import type { BodyLimits } from './limits.js'
import type { GiveStream } from './streams.js'

export interface RichCodec {
  /** The JSON text of the document for a lifted tree (see `lift.ts`). */
  write(lifted: unknown): string
  /**
   * The value of a parsed document, or a `WaybillError`. `fill` puts the segments into the document's JSON part; it must be called once,
   * before anything is revived, and only after the document's outline was checked.
   */
  read(document: unknown, limits: BodyLimits, fill: ((json: unknown) => unknown) | undefined, streams: GiveStream | undefined): unknown
}

let installed: RichCodec | undefined

/** One for the process. `index.ts` installs the superjson codec, `page.ts` the light one. */
export function installRich(codec: RichCodec | undefined): void {
  installed = codec
}

/** Throws `NotRepresentable` in a bundle without one. */
export function richCodec(): RichCodec {
  if (installed !== undefined) return installed
  throw new WaybillError(
    'NotRepresentable',
    'this bundle carries plain JSON and bytes only: call installRich(superjsonCodec) for Date, Map, Set and others',
  )
}
