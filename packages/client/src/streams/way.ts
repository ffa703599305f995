/** How the frames of one call's streams go out: to whom, and under which number. Must not know who reads or writes them. */
import { FrameType, HEADER_BYTES, itemCost, TOWARD_CALLEE } from '@waybill/core'
import type { FrameHead, PreparedBody } from '@waybill/core'
import type { Connection, Sendable } from '../connection.js'

/** The longest piece of an item in one frame, so that small calls find their turn between two. */
export const ITEM_PIECE_BYTES = 64 * 1024

export class Way {
  readonly #connection: Connection
  readonly #connected: Connection['connected']
  readonly #toward: number
  readonly #destination: number
  readonly #call: number

  /** `caller`: its symbol, where the frames go to it; undefined toward the callee, whom the router knows. Belongs to the session of this moment. */
  constructor(connection: Connection, call: number, caller: number | undefined) {
    this.#connection = connection
    this.#connected = connection.connected
    this.#toward = caller === undefined ? TOWARD_CALLEE : 0
    this.#destination = caller ?? 0
    this.#call = call
  }

  /** The session in which the call was made is still the one. */
  get isOpen(): boolean {
    return this.#connection.connected === this.#connected
  }

  /** A frame that is more than a few bytes may be written now, and overtakes nothing. */
  get isFree(): boolean {
    return this.#connection.isLinked && this.#connection.hasCredit && this.#connection.isIdle
  }

  enqueue(sendable: Sendable): void {
    this.#connection.enqueue(sendable)
  }

  /** A whole item; returns what it cost. */
  item(stream: number, body: PreparedBody): number {
    return itemCost(this.#connection.write(this.#head(FrameType.item, stream), undefined, body))
  }

  /** A piece of an item, or of a stream of bytes; returns what it cost. */
  piece(stream: number, flags: number, encoding: number, bytes: Uint8Array): number {
    this.#connection.writeRaw({ ...this.#head(FrameType.item, stream), flags }, undefined, encoding, bytes)
    return itemCost(HEADER_BYTES + bytes.byteLength)
  }

  /** How the stream ended, or the result in which it stands. */
  say(type: typeof FrameType.end | typeof FrameType.failed | typeof FrameType.opened, stream: number, body: PreparedBody): void {
    this.#connection.write(this.#head(type, stream), undefined, body)
  }

  credit(stream: number, bytes: number): void {
    this.#connection.write({ ...this.#head(FrameType.credit, stream), ttlMs: bytes })
  }

  stop(stream: number): void {
    this.#connection.write(this.#head(FrameType.stop, stream))
  }

  #head(type: number, stream: number): FrameHead {
    const source = this.#connected!.symbol
    return { type: type | this.#toward, destination: this.#destination, source, call: this.#call, method: stream }
  }
}
