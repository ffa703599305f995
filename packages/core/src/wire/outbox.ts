/**
 * Frames that wait for the next packet of one connection. What arrives is remembered as runs of bytes (neighbouring frames of one buffer
 * become one run) and copied once, when the packet is taken. Owns no memory of its own: the sources must not change until they are taken.
 */
import { PACKET_HEADER_BYTES } from './packet.js'
import type { Slab } from './slab.js'

/** From this size on a connection flushes at once instead of at the end of the tick. */
export const EARLY_FLUSH_BYTES = 48 * 1024

/** Up to this length a loop costs less than the view that `set` needs. */
const LOOP_BYTES = 192

function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > LOOP_BYTES) return target.set(source.subarray(start, end), at)
  for (let from = start, to = at; from < end; from++, to++) target[to] = source[from]!
}

export class Outbox {
  /** Bytes of all waiting frames. */
  bytes = 0
  readonly #slab: Slab
  // Three arrays and a count instead of one object a run, and never shortened: runs come and go with each packet.
  readonly #sources: (Uint8Array | undefined)[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #runs = 0
  /** The first run has room for a packet's header in front of it, so that alone it is a packet without a copy. */
  #headroom = false

  constructor(slab: Slab) {
    this.#slab = slab
  }

  /**
   * `headroom`: the bytes of a packet's header in front of `start` belong to nobody. A packet may then be made of the source itself, so whoever
   * pushes it gives the source away.
   */
  push(source: Uint8Array, start: number, end: number, headroom = false): void {
    const last = this.#runs - 1
    if (last < 0) this.#headroom = headroom
    this.bytes += end - start
    if (last >= 0 && this.#ends[last] === start && this.#sources[last] === source && end - this.#starts[last]! <= EARLY_FLUSH_BYTES) {
      this.#ends[last] = end
      return
    }
    this.#sources[this.#runs] = source
    this.#starts[this.#runs] = start
    this.#ends[this.#runs] = end
    this.#runs++
  }

  /**
   * One packet, its header still to be numbered, or undefined when nothing waits. It ends with the first run that takes it over
   * `EARLY_FLUSH_BYTES`, so it is never longer than that plus the longest frame.
   */
  take(): Uint8Array | undefined {
    if (this.#runs === 0) return undefined
    let length = PACKET_HEADER_BYTES
    let taken = 0
    while (taken < this.#runs && length < EARLY_FLUSH_BYTES) {
      length += this.#ends[taken]! - this.#starts[taken]!
      taken++
    }
    if (taken === 1 && this.#headroom) return this.#whole(length)
    const packet = this.#slab.take(length)
    let at = PACKET_HEADER_BYTES
    for (let run = 0; run < taken; run++) {
      const start = this.#starts[run]!
      const end = this.#ends[run]!
      copyBytes(this.#sources[run]!, start, end, packet, at)
      at += end - start
    }
    this.#forget(taken)
    this.bytes -= length - PACKET_HEADER_BYTES
    return packet
  }

  #whole(length: number): Uint8Array {
    const end = this.#ends[0]!
    const packet = this.#sources[0]!.subarray(end - length, end)
    this.#forget(1)
    this.bytes -= length - PACKET_HEADER_BYTES
    return packet
  }

  clear(): void {
    this.#forget(this.#runs)
    this.bytes = 0
  }

  #forget(count: number): void {
    this.#runs -= count
    this.#headroom = false
    for (let run = 0; run < this.#runs; run++) {
      this.#sources[run] = this.#sources[run + count]
      this.#starts[run] = this.#starts[run + count]!
      this.#ends[run] = this.#ends[run + count]!
    }
    this.#sources.fill(undefined, this.#runs, this.#runs + count)
  }
}
