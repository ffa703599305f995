/** Reads from the wires of a gathering which sessions began and which calls belong to a group. Changes nothing. */
import { findField, FrameReader, FrameType, PACKET_HEADER_BYTES, readConnected, serialText, Tag } from '@waybill/core'
import type { End, Tap, Wire } from '../../link.js'
import type { Record } from './record.js'

export class Watcher implements Tap {
  readonly #record: Record
  readonly #nowMs: () => number
  readonly #frame = new FrameReader(Number.MAX_SAFE_INTEGER)

  constructor(record: Record, nowMs: () => number) {
    this.#record = record
    this.#nowMs = nowMs
  }

  sent(wire: Wire, from: End, packet: Uint8Array): void {
    const isFromClient = from === wire.client
    // The magic number of an opening.
    if (packet[0] === 0x01 && packet[1] === 0x6f) return isFromClient ? undefined : this.#welcomed(wire, packet)
    if (!isFromClient) return
    const frame = this.#frame
    frame.open(packet, PACKET_HEADER_BYTES)
    while (frame.next()) {
      const parent = frame.type === FrameType.call ? findField(frame, Tag.parent) : undefined
      if (parent === undefined) continue
      const sn = serialText(parent)
      const members = this.#record.members.get(sn) ?? new Set()
      this.#record.members.set(sn, members.add(String(frame.call)))
    }
  }

  #welcomed({ client, router }: Wire, packet: Uint8Array): void {
    try {
      const { resumed, session } = readConnected(packet)
      if (resumed) return
      this.#record.sessions.push({ router: router.process.id, name: client.process.name, session, atMs: this.#nowMs() })
    } catch {
      // Refused.
    }
  }
}
