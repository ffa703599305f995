/**
 * The ports to what a body needs beyond plain JSON and bare bytes. A bundle that leaves it out, as a page's does at first, still carries everything that
 * these can say.
 */

import { WaybillError } from '../errors/index.js'
import type { Ownership, Segment } from './beside.js'
import type { BodyLimits } from './limits.js'
import type { GiveStream, TakeStream } from './streams.js'

/**
 * A value that is ready to be written. Byte arrays in it still belong to the caller's value: write it in the same turn, before anybody can
 * change them.
 */
export interface PreparedBody {
  /** u8 for the frame header, see `encoding.ts`. */
  readonly encoding: number
  readonly text: string
  /** Of a body that is bytes as a whole, the one segment that is the body. */
  readonly segments: readonly Segment[] | undefined
  /** `writeBody` writes at most so many bytes, and needs room for all of them. */
  readonly byteLengthBound: number
}

export interface Beyond {
  /** The shortest way for the commonest values: their JSON, or undefined for any other. */
  small(value: unknown): string | undefined
  /** `rich`: JSON alone cannot say it. Throws `NotRepresentable` or `TooLarge`. */
  prepare(value: unknown, limits: BodyLimits, what: string, rich: boolean, streams: TakeStream | undefined): PreparedBody
  /** Writes a body with segments, and returns its end. */
  write(text: string, segments: readonly Segment[], target: Uint8Array, offset: number): number
  parse(encoding: number, bytes: Uint8Array, limits: BodyLimits, ownership: Ownership, streams: GiveStream | undefined): unknown
}

/** Whatever writes and reads rich documents. */
export interface RichCodec {
  /** The JSON text of the document for a lifted tree (see `lift.ts`). */
  write(lifted: unknown): string
  /**
   * The value of a parsed document, or a `WaybillError`. `fill` puts the segments into the document's JSON part; it must be called once,
   * before anything is revived, and only after the document's outline was checked.
   */
  read(document: unknown, limits: BodyLimits, fill: ((json: unknown) => unknown) | undefined, streams: GiveStream | undefined): unknown
}

let installed: Beyond | undefined

/** One for the process. `index.ts` installs what it has; a page does it when it has loaded it. */
export function installBeyond(beyond: Beyond | undefined): void {
  installed = beyond
}

/** Undefined for any other value, and where nothing is installed. */
export function smallText(value: unknown): string | undefined {
  return installed?.small(value)
}

export function isInstalled(): boolean {
  return installed !== undefined
}

/** Throws `NotRepresentable` where it is not installed. */
export function beyondJson(): Beyond {
  if (installed !== undefined) return installed
  throw new WaybillError('NotRepresentable', 'what carries more than plain JSON and bytes is not loaded: see installBeyond')
}
