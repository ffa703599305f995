/**
 * Frames that wait for the next packet of one connection. What arrives is remembered as runs of bytes (neighbouring frames of one buffer
 * become one run) and copied once, when the packet is taken. Owns no memory of its own: the sources must not change until they are taken.
 */
import { PACKET_HEADER_BYTES } from './packet.js'
import type { Slab } from './slab.js'

/** From this size on a connection flushes at once instead of at the end of the tick. */
export const EARLY_FLUSH_BYTES = 48 * 1024

export class Outbox {
  /** Bytes of all waiting frames. */
  bytes = 0
  readonly #slab: Slab
  #sources: Uint8Array[] = []
  #starts: number[] = []
  #ends: number[] = []

  constructor(slab: Slab) {
    this.#slab = slab
  }

  get empty(): boolean {
    return this.bytes === 0
  }

  push(source: Uint8Array, start: number, end: number): void {
    const last = this.#sources.length - 1
    this.bytes += end - start
    if (last >= 0 && this.#sources[last] === source && this.#ends[last] === start && end - this.#starts[last]! <= EARLY_FLUSH_BYTES) {
      this.#ends[last] = end
      return
    }
    this.#sources.push(source)
    this.#starts.push(start)
    this.#ends.push(end)
  }

  /**
   * One packet, its header still to be numbered, or undefined when nothing waits. It ends with the first run that takes it over
   * `EARLY_FLUSH_BYTES`, so it is never longer than that plus the longest frame.
   */
  take(): Uint8Array | undefined {
    const waiting = this.#sources.length
    if (waiting === 0) return undefined
    let length = PACKET_HEADER_BYTES
    let taken = 0
    while (taken < waiting && length < EARLY_FLUSH_BYTES) {
      length += this.#ends[taken]! - this.#starts[taken]!
      taken++
    }
    const packet = this.#slab.take(length)
    let at = PACKET_HEADER_BYTES
    for (let run = 0; run < taken; run++) {
      const start = this.#starts[run]!
      const end = this.#ends[run]!
      packet.set(this.#sources[run]!.subarray(start, end), at)
      at += end - start
    }
    this.#forget(taken)
    this.bytes -= length - PACKET_HEADER_BYTES
    return packet
  }

  clear(): void {
    this.#forget(this.#sources.length)
    this.bytes = 0
  }

  #forget(count: number): void {
    if (count === this.#sources.length) {
      this.#sources.length = 0
      this.#starts.length = 0
      this.#ends.length = 0
      return
    }
    this.#sources.splice(0, count)
    this.#starts.splice(0, count)
    this.#ends.splice(0, count)
  }
}
