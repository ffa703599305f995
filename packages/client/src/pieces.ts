/** Bodies that are longer than one frame: cut into pieces here, joined again there. */
import { WaybillError } from '@waybill/core'

/** A body longer than this travels in pieces, between which other frames may stand. */
export const PIECE_BYTES = 256 * 1024

export class Joiner {
  /** What was added so far. */
  bytes = 0
  #pieces: Uint8Array[] = []
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Throws `TooLarge` before anything is kept. The piece is not copied. */
  add(piece: Uint8Array): void {
    const bytes = this.bytes + piece.byteLength
    if (bytes > this.#limit) {
      throw new WaybillError('TooLarge', `a body of more than ${this.#limit} bytes arrived`, {
        details: { limit: this.#limit, size: bytes },
      })
    }
    this.bytes = bytes
    this.#pieces.push(piece)
  }

  join(): Uint8Array {
    const whole = new Uint8Array(this.bytes)
    let at = 0
    for (const piece of this.#pieces) {
      whole.set(piece, at)
      at += piece.byteLength
    }
    this.#pieces = []
    return whole
  }
}
