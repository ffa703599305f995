/** A stored call's first frame as it leaves: what its caller sent, with the lease it leaves under and how often it was handed over before. */
import { extensionField, Flag, HEADER_BYTES, Offset, Tag, WaybillError, writeU32, type FrameReader } from '@waybill/core'
import { tokenBytes, TOKEN_BYTES } from './leases.js'
import type { Lease } from './model.js'

const FIELD_HEAD_BYTES = 4
/** What a lease adds to a frame. */
export const LEASE_BYTES = FIELD_HEAD_BYTES + TOKEN_BYTES
const MAX_EXTENSION_BYTES = 0xffff

/** Why the frame of a call that is to be stored cannot leave later; undefined where it can. */
export function cannotLeave(frame: FrameReader, maxFrameBytes: number): WaybillError | undefined {
  const size = frame.end - frame.start + LEASE_BYTES
  if (size <= maxFrameBytes && frame.extensionBytes + LEASE_BYTES <= MAX_EXTENSION_BYTES) return undefined
  const details = { limit: maxFrameBytes - LEASE_BYTES, size: size - LEASE_BYTES }
  return new WaybillError('TooLarge', `a frame of a stored call has to leave room for ${LEASE_BYTES} bytes of the router's own`, {
    details,
  })
}

/** A copy. Its statuses are wanted: by the receipt. That it is stored the callee is told, as some results cannot be. */
export function departing(frame: Uint8Array, attempts: number, lease: Lease): Uint8Array {
  const leaseBytes = lease.keeps ? LEASE_BYTES : 0
  const extensionBytes = frame[Offset.extension]! | (frame[Offset.extension + 1]! << 8)
  const bodyStart = HEADER_BYTES + extensionBytes
  const leaving = new Uint8Array(frame.byteLength + leaseBytes)
  leaving.set(frame.subarray(0, bodyStart))
  if (lease.keeps) leaving.set(extensionField(Tag.lease, tokenBytes(lease.token)), bodyStart)
  leaving.set(frame.subarray(bodyStart), bodyStart + leaseBytes)
  writeU32(leaving, Offset.length, leaving.byteLength)
  leaving[Offset.extension] = (extensionBytes + leaseBytes) & 0xff
  leaving[Offset.extension + 1] = (extensionBytes + leaseBytes) >> 8
  leaving[Offset.flags] = (frame[Offset.flags]! & ~Flag.noReply) | Flag.statusesWanted
  if (attempts > 0) leaving[Offset.attempt] = attempts + 1
  return leaving
}
