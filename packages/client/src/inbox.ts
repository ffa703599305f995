/**
 * What arrives on a link, packet by packet, and the frames in them. Owns the order of packets that have to wait, as they need what is not loaded yet; knows
 * where bodies stand, and nothing of what they mean.
 */
import { FrameReader, FrameType, isPlainEncoding, PACKET_HEADER_BYTES, readU32, WaybillError } from '@waybill/core'
import { Held, READY, type Late } from './late.js'

export interface Frames {
  /** A frame of a numbered packet. The reader is only valid during the call. */
  frame(frame: FrameReader): void
  goodbye(frame: FrameReader): void
  pinged(): void
}

export class Inbox {
  readonly #bodies: Late<unknown>
  readonly #frames: Frames
  readonly #held = new Held()
  #reader = new FrameReader(0)

  /** `bodies`: what reads bodies beyond plain JSON, and streams. */
  constructor(bodies: Late<unknown>, frames: Frames) {
    this.#bodies = bodies
    this.#frames = frames
  }

  /** A new session. */
  open(maxFrameBytes: number): void {
    this.#reader = new FrameReader(maxFrameBytes)
  }

  /** It, or one before it, needs what is not there: it has to be held. */
  isLate(packet: Uint8Array): boolean {
    const { isAhead } = this.#held
    if (!isAhead && this.#bodies.now !== undefined) return false
    // Heartbeats and bare acknowledgements have no number: they have no bodies, and no order.
    if (packet.byteLength < PACKET_HEADER_BYTES || readU32(packet, 0) === 0) return false
    return isAhead || !isReadable(packet, this.#reader)
  }

  /** `go` is called when it can be read. */
  hold(packet: Uint8Array, go: () => unknown): void {
    this.#held.hold(isReadable(packet, this.#reader) ? READY : this.#bodies.load(), go)
  }

  /** What arrives from now on waits, until somebody is there to hear of it, or never will be. */
  wait(ready: Promise<unknown>): void {
    this.#held.hold(ready, () => {})
  }

  /** Throws `ProtocolViolation` or `TooLarge`. */
  read(packet: Uint8Array, isNumbered: boolean): void {
    const frame = this.#reader
    const frames = this.#frames
    frame.open(packet, PACKET_HEADER_BYTES)
    while (frame.next()) {
      if (frame.type === FrameType.ping) frames.pinged()
      else if (frame.type === FrameType.pong) continue
      else if (!isNumbered) throw new WaybillError('ProtocolViolation', `frame type ${frame.type} came in a packet without a number`)
      else if (frame.type === FrameType.goodbye) return frames.goodbye(frame)
      else frames.frame(frame)
    }
  }
}

/** What is damaged is: whoever reads it says what is wrong. */
function isReadable(packet: Uint8Array, reader: FrameReader): boolean {
  try {
    reader.open(packet, PACKET_HEADER_BYTES)
    while (reader.next()) if (reader.type === FrameType.opened || !isPlainEncoding(reader.encoding)) return false
  } catch {
    // Its reading stops there too.
  }
  return true
}
