/**
 * The router's side of a client in its own process: frames that wait, made into one packet. Nothing goes to the router from within it, as it is not done
 * then with the packet that it handles.
 */
import {
  framePacket,
  FrameType,
  HEADER_BYTES,
  joinFields,
  numberPacket,
  PACKET_HEADER_BYTES,
  Slab,
  WaybillError,
  writeRawFrame,
  type FrameHead,
  type LinkEvents,
  type Soon,
} from '@waybill/core'

/** Of the client's packets, and of the router's that it has taken. */
export interface PacketNumbers {
  readonly told: number
  nextSent(): number
}

const slab = new Slab()

export class Packets {
  readonly #router: LinkEvents
  readonly #soon: Soon
  readonly #numbers: PacketNumbers
  #frames: Uint8Array[] = []
  #owes = false
  #isScheduled = false
  #isOver = false

  constructor(router: LinkEvents, soon: Soon, numbers: PacketNumbers) {
    this.#router = router
    this.#soon = soon
    this.#numbers = numbers
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0
  }

  /** Throws `TooLarge`. */
  frame(head: FrameHead, extension: readonly Uint8Array[], encoding: number, body: Uint8Array, limit: number): void {
    const fields = joinFields(extension)
    const size = HEADER_BYTES + fields.byteLength + body.byteLength
    if (size > limit)
      throw new WaybillError('TooLarge', `a frame of ${size} bytes is over the limit of ${limit}`, {
        executed: 'no',
        details: { limit, size },
      })
    const start = writeRawFrame(slab, head, fields, encoding, body)
    this.#frames.push(slab.bytes.subarray(start, slab.at))
    this.#later()
  }

  /** The router is to hear something, and a sign of life will do: what is acknowledged rides on it. */
  owe(): void {
    this.#owes = true
    this.#later()
  }

  flush(): void {
    if (this.#isOver) return
    if (this.#frames.length === 0) {
      if (this.#owes) this.#hand(framePacket(slab, { type: FrameType.pong }), 0)
      return
    }
    const frames = this.#frames.splice(0)
    const packet = new Uint8Array(frames.reduce((sum, frame) => sum + frame.byteLength, PACKET_HEADER_BYTES))
    let at = PACKET_HEADER_BYTES
    for (const frame of frames) {
      packet.set(frame, at)
      at += frame.byteLength
    }
    this.#hand(packet, this.#numbers.nextSent())
  }

  /** The last packet says so; nothing follows. */
  goodbye(): void {
    this.frame({ type: FrameType.goodbye }, [], 0, new Uint8Array(0), HEADER_BYTES)
    this.flush()
    this.#isOver = true
  }

  #later(): void {
    if (this.#isScheduled || this.#isOver) return
    this.#isScheduled = true
    this.#soon.onTick(() => {
      this.#isScheduled = false
      this.flush()
    })
  }

  #hand(packet: Uint8Array, sequence: number): void {
    this.#owes = false
    numberPacket(packet, sequence, this.#numbers.told)
    this.#router.packet(packet)
  }
}
