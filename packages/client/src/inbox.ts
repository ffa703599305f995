/**
 * What arrives on a link, packet by packet, and the frames in them. Owns the order of packets that have to wait, as they need what is not loaded yet; knows
 * where bodies stand, and nothing of what they mean.
 */
import { FrameReader, FrameType, isPlainEncoding, PACKET_HEADER_BYTES, readU32, WaybillError } from '@waybill/core'
import { Held, type Late } from './late.js'

export interface Frames {
  /** A frame of a numbered packet. The reader is only valid during the call. */
  frame(frame: FrameReader): void
  goodbye(frame: FrameReader): void
  pinged(): void
}

/** What has to be there before some frames can be read. */
export interface Readers {
  /** Of bodies beyond plain JSON, and streams. */
  readonly bodies: Late<unknown>
  /** Of what becomes of calls of others. */
  readonly postbacks: () => Late<unknown>
}

export class Inbox {
  readonly #readers: Readers
  readonly #frames: Frames
  readonly #held = new Held()
  #reader = new FrameReader(0)

  constructor(readers: Readers, frames: Frames) {
    this.#readers = readers
    this.#frames = frames
  }

  /** A new session. */
  open(maxFrameBytes: number): void {
    this.#reader = new FrameReader(maxFrameBytes)
  }

  /** It, or one before it, needs what is not there: it has to be held. */
  isLate(packet: Uint8Array): boolean {
    const { isAhead } = this.#held
    const { bodies, postbacks } = this.#readers
    if (!isAhead && bodies.now !== undefined && postbacks().now !== undefined) return false
    // Heartbeats and bare acknowledgements have no number: they have no bodies, and no order.
    if (packet.byteLength < PACKET_HEADER_BYTES || readU32(packet, 0) === 0) return false
    return isAhead || this.#missing(packet).size > 0
  }

  /** `go` is called when it can be read. */
  hold(packet: Uint8Array, go: () => unknown): void {
    this.#held.hold(Promise.all(Array.from(this.#missing(packet), (reader) => reader.load())), go)
  }

  /** What is damaged needs nothing: whoever reads it says what is wrong. */
  #missing(packet: Uint8Array): ReadonlySet<Late<unknown>> {
    const { bodies, postbacks } = this.#readers
    const frame = this.#reader
    const needed = new Set<Late<unknown>>()
    try {
      frame.open(packet, PACKET_HEADER_BYTES)
      while (frame.next()) {
        if (frame.type === FrameType.opened || !isPlainEncoding(frame.encoding)) needed.add(bodies)
        if (frame.call === 0 && isAnswer(frame.type)) needed.add(postbacks())
      }
    } catch {
      // Its reading stops there too.
    }
    for (const reader of needed) if (reader.now !== undefined) needed.delete(reader)
    return needed
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

/** To a call; to none, it is a postback. */
function isAnswer(type: number): boolean {
  return type >= FrameType.accepted && type <= FrameType.answerChunk
}
