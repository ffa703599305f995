/** Writes one frame into a slab. The layout is `header`'s. */
import { writeBody, type PreparedBody } from '../body/lean.js'
import { HEADER_BYTES, Offset } from './header.js'
import { PACKET_HEADER_BYTES } from './packet.js'
import type { Slab } from './slab.js'

/** The fields of a header that a sender chooses. What is absent is 0. */
export interface FrameHead {
  readonly type: number
  readonly flags?: number
  readonly destination?: number
  readonly source?: number
  readonly call?: number
  readonly ttlMs?: number
  readonly method?: number
}

/** Appends the frame to the slab, `headroom` bytes behind what is there, and returns where it starts; it ends at `slab.at`. */
export function writeFrame(slab: Slab, head: FrameHead, extension?: Uint8Array, body?: PreparedBody, headroom = 0): number {
  const extensionBytes = extension === undefined ? 0 : extension.byteLength
  const start = reserveFrame(slab, extensionBytes + (body === undefined ? 0 : body.byteLengthBound), headroom)
  let end = start + HEADER_BYTES
  if (extension !== undefined) {
    slab.bytes.set(extension, end)
    end += extensionBytes
  }
  if (body !== undefined) end = writeBody(body, slab.bytes, end)
  finishFrame(slab, start, end, head, extensionBytes, body === undefined ? 0 : body.encoding)
  return start
}

/** A packet of one frame without a body, its header still to be numbered: a heartbeat. */
export function framePacket(slab: Slab, head: FrameHead): Uint8Array {
  const start = writeFrame(slab, head)
  const frame = slab.bytes.subarray(start, slab.at)
  const packet = new Uint8Array(PACKET_HEADER_BYTES + frame.byteLength)
  packet.set(frame, PACKET_HEADER_BYTES)
  return packet
}

/** The same with a body that is bytes already: a piece of a chunked body, or one that was prepared before. */
export function writeRawFrame(
  slab: Slab,
  head: FrameHead,
  extension: Uint8Array | undefined,
  encoding: number,
  piece: Uint8Array,
  headroom = 0,
): number {
  const extensionBytes = extension === undefined ? 0 : extension.byteLength
  const start = reserveFrame(slab, extensionBytes + piece.byteLength, headroom)
  if (extension !== undefined) slab.bytes.set(extension, start + HEADER_BYTES)
  slab.bytes.set(piece, start + HEADER_BYTES + extensionBytes)
  finishFrame(slab, start, start + HEADER_BYTES + extensionBytes + piece.byteLength, head, extensionBytes, encoding)
  return start
}

function reserveFrame(slab: Slab, contentBytes: number, headroom: number): number {
  slab.reserve(headroom + HEADER_BYTES + contentBytes)
  return slab.at + headroom
}

function finishFrame(slab: Slab, start: number, end: number, head: FrameHead, extensionBytes: number, encoding: number): void {
  const view = slab.view
  view.setUint32(start, end - start, true)
  view.setUint8(start + Offset.type, head.type)
  view.setUint8(start + Offset.flags, head.flags ?? 0)
  view.setUint16(start + Offset.extension, extensionBytes, true)
  view.setUint32(start + Offset.destination, head.destination ?? 0, true)
  view.setUint32(start + Offset.source, head.source ?? 0, true)
  view.setUint32(start + Offset.call, head.call ?? 0, true)
  view.setUint32(start + Offset.ttl, head.ttlMs ?? 0, true)
  view.setUint32(start + Offset.method, head.method ?? 0, true)
  view.setUint32(start + Offset.encoding, encoding, true)
  slab.at = end
}
