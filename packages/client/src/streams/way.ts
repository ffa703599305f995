/** How the frames of one call's streams go out: to whom, and under which number. Must not know who reads or writes them. */
import { FrameType, HEADER_BYTES, itemCost, TOWARD_CALLEE } from '@waybill/core'
import type { FrameHead, PreparedBody } from '@waybill/core'

/** So that small calls find their turn between two. */
const ITEM_PIECE_BYTES = 64 * 1024

/** Something that waits for credit and writes one frame at a time; true when more of it remains. */
export interface Writing {
  writeNext(): boolean
}

/** What is needed of a connection. `connected` is another one in each session. */
export interface Outlet {
  readonly connected: { readonly symbol: number } | undefined
  readonly hasRoom: boolean
  /** The longest piece of a body that the router takes in one frame. */
  readonly pieceBytes: number
  enqueueItem(writing: Writing): void
  write(head: FrameHead, extension?: Uint8Array, body?: PreparedBody): number
  writeRaw(head: FrameHead, extension: Uint8Array | undefined, encoding: number, piece: Uint8Array): void
}

export class Way {
  readonly #outlet: Outlet
  readonly #connected: Outlet['connected']
  readonly #toward: number
  readonly #destination: number
  readonly #call: number

  /** `caller`: its symbol, where the frames go to it; undefined toward the callee, whom the router knows. Belongs to the session of this moment. */
  constructor(outlet: Outlet, call: number, caller: number | undefined) {
    this.#outlet = outlet
    this.#connected = outlet.connected
    this.#toward = caller === undefined ? TOWARD_CALLEE : 0
    this.#destination = caller ?? 0
    this.#call = call
  }

  /** The session in which the call was made is still the one. */
  get isOpen(): boolean {
    return this.#outlet.connected === this.#connected
  }

  /** The longest piece of an item in one frame. */
  get pieceBytes(): number {
    return Math.min(ITEM_PIECE_BYTES, this.#outlet.pieceBytes)
  }

  /** A frame that is more than a few bytes may be written now, and overtakes nothing. */
  get isFree(): boolean {
    return this.#outlet.hasRoom
  }

  enqueue(writing: Writing): void {
    this.#outlet.enqueueItem(writing)
  }

  /** A whole item; returns what it cost. */
  item(stream: number, body: PreparedBody): number {
    return itemCost(this.#outlet.write(this.#head(FrameType.item, stream), undefined, body))
  }

  /** A piece of an item, or of a stream of bytes; returns what it cost. */
  piece(stream: number, flags: number, encoding: number, bytes: Uint8Array): number {
    this.#outlet.writeRaw({ ...this.#head(FrameType.item, stream), flags }, undefined, encoding, bytes)
    return itemCost(HEADER_BYTES + bytes.byteLength)
  }

  /** How the stream ended. */
  say(type: typeof FrameType.end | typeof FrameType.failed, stream: number, body: PreparedBody): void {
    this.#outlet.write(this.#head(type, stream), undefined, body)
  }

  credit(stream: number, bytes: number): void {
    this.#outlet.write({ ...this.#head(FrameType.credit, stream), ttlMs: bytes })
  }

  stop(stream: number): void {
    this.#outlet.write(this.#head(FrameType.stop, stream))
  }

  #head(type: number, stream: number): FrameHead {
    const source = this.#connected!.symbol
    return { type: type | this.#toward, destination: this.#destination, source, call: this.#call, method: stream }
  }
}
