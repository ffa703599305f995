import { isStreamMark, type StreamMark } from './streams.js'

/**
 * What superjson cannot say, as leaves of the lifted tree. On the wire a marker is the superjson custom value `["custom", "waybill"]` with
 * one of these payloads.
 */

/** A number is a repeated reference: the n-th object of the value, counted from 0 in the order of first appearance, depth first. */
export type MarkerPayload = number | 'hole' | 'invalid date' | StreamMark

export class Marker {
  constructor(readonly payload: MarkerPayload) {}
}

export const markerName = 'waybill'

export function isMarkerPayload(json: unknown): json is MarkerPayload {
  return (
    json === 'hole' ||
    json === 'invalid date' ||
    isStreamMark(json) ||
    (Number.isInteger(json) && Object.is(Math.abs(json as number), json))
  )
}

/** A plain part of the lifted tree. superjson takes it for a leaf and keeps it; `JSON.stringify` writes what it holds. */
export class Sealed {
  constructor(readonly tree: unknown) {}

  toJSON(): unknown {
    return this.tree
  }
}
