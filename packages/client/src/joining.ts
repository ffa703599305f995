/** The bodies of calls that have not arrived whole, and how many bytes they may be together. */
import type { FrameReader } from '@waybill/core'
import type { IncomingCall } from './incoming-call.js'
import { Joiner } from './pieces.js'
import { crowded } from './refusals.js'

/** Of all of them together, so that callers who never finish cost a bounded amount. */
const MAX_BYTES = 64 * 1024 * 1024

export class Joining {
  #bytes = 0

  begin(call: IncomingCall, maxBodyBytes: number): void {
    call.joiner = new Joiner(maxBodyBytes)
  }

  /** Throws `TooLarge` or `Overloaded`; the piece is not kept then. */
  add(call: IncomingCall, frame: FrameReader): void {
    const piece = frame.body()
    if (this.#bytes + piece.byteLength > MAX_BYTES) throw crowded()
    call.joiner!.add(piece)
    this.#bytes += piece.byteLength
  }

  finish(call: IncomingCall): Uint8Array {
    const whole = call.joiner!.join()
    this.leave(call)
    return whole
  }

  /** Whatever has arrived of it. */
  leave(call: IncomingCall): void {
    this.#bytes -= call.joiner?.bytes ?? 0
    call.joiner = undefined
  }
}
