/**
 * A packet: what one transport message carries once the session is open. 8 bytes, little-endian, then frames to its end.
 *
 * ```
 * 0 u32 sequence      1, 2, 3 …; 0 for a packet without a number (heartbeats, bare acknowledgements), which is never sent again
 * 4 u32 acknowledged  the last sequence that the sender of this packet received in order: every packet up to it has arrived
 * ```
 *
 * Numbers wrap around and are compared as serial numbers (RFC 1982).
 */
import { WaybillError } from '../errors/index.js'
import { readU32, writeU32 } from './little-endian.js'

export const PACKET_HEADER_BYTES = 8

/** The packet's numbers. Throws `ProtocolViolation` when there is no room for them. */
export function packetNumbers(packet: Uint8Array): { sequence: number; acknowledged: number } {
  if (packet.byteLength < PACKET_HEADER_BYTES) {
    throw new WaybillError(
      'ProtocolViolation',
      `a packet of ${packet.byteLength} bytes has no room for its header of ${PACKET_HEADER_BYTES}`,
    )
  }
  return { sequence: readU32(packet, 0), acknowledged: readU32(packet, 4) }
}

export function numberPacket(packet: Uint8Array, sequence: number, acknowledged: number): void {
  writeU32(packet, 0, sequence)
  writeU32(packet, 4, acknowledged)
}

/** The number after `sequence`; 0 is left out. */
export function after(sequence: number): number {
  return sequence === 0xffffffff ? 1 : sequence + 1
}

/** How far `later` is ahead of `earlier`; negative when it is behind. */
export function ahead(later: number, earlier: number): number {
  return (later - earlier) | 0
}
