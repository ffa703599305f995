/** A body that is ready to be sent, in one frame or in pieces. */
import { bodyBytes, Flag, prepareBody, type BodyLimits, type FrameHead, type PreparedBody, type TakeStream } from '@waybill/core'
import type { Connection } from './connection.js'

export interface OutgoingBody {
  readonly prepared: PreparedBody
  /** The same as bytes, where it must outlive the turn or is cut into pieces: byte arrays in it belong to the user, who may change them. */
  readonly bytes: Uint8Array | undefined
}

/** Throws `NotRepresentable` or `TooLarge`. `what` is how errors name the value. Streams in it are given to `streams`. */
export function outgoingBody(value: unknown, what: string, limits: BodyLimits, pieceBytes: number, streams?: TakeStream): OutgoingBody {
  const prepared = prepareBody(value, limits, what, streams)
  const keep = prepared.segments !== undefined || prepared.byteLengthBound > pieceBytes
  return { prepared, bytes: keep ? bodyBytes(prepared) : undefined }
}

/** Writes the piece of `body` at `offset` and returns the offset of the next one, or 0 after the last. */
export function writePiece(
  connection: Connection,
  head: FrameHead,
  extension: Uint8Array | undefined,
  body: OutgoingBody,
  offset: number,
): number {
  const { prepared, bytes } = body
  if (bytes === undefined) {
    connection.write(head, extension, prepared)
    return 0
  }
  const end = Math.min(offset + connection.pieceBytes, bytes.byteLength)
  const more = end < bytes.byteLength
  const flags = (head.flags ?? 0) | (more ? Flag.more : 0)
  connection.writeRaw({ ...head, flags }, extension, prepared.encoding, bytes.subarray(offset, end))
  return more ? end : 0
}
