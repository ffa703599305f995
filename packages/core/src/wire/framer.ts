/**
 * Messages on a stream of bytes: `u32` length, little-endian, then so many bytes. Takes the stream in chunks of any size and gives whole
 * messages: as views where a message lies in one chunk, else copied together. What an announced length costs before its bytes are here is a few
 * kilobytes; what is held is never more than twice what arrived. Decides nothing about what a message means.
 */
import { readU32 } from './little-endian.js'
import { PACKET_HEADER_BYTES } from './packet.js'

/** In front of each message. */
export const LENGTH_BYTES = 4
/** An opening and a packet begin with as many bytes each. */
export const LEAST_MESSAGE_BYTES = PACKET_HEADER_BYTES
/** What a message that has only begun may be given room for. */
const AHEAD_BYTES = 4096

export class Framer {
  /** The longest message from the next one on. */
  mostBytes: number
  /** Of the message under way, as far as its own bytes are here. */
  #length = 0
  #lengthBytes = 0
  #gathered: Uint8Array | undefined
  #gatheredBytes = 0
  #fault: string | undefined

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes
  }

  /** Bytes of memory that wait for the rest of a message. */
  get heldBytes(): number {
    return this.#gathered?.byteLength ?? 0
  }

  /**
   * Gives each message that is whole now to `take`, in order. The chunk belongs to the framer from here on, and each message to who takes it: no
   * two of them share a byte. Says what is wrong with a length; nothing of this chunk or a later one is taken after that.
   */
  feed(chunk: Uint8Array, take: (message: Uint8Array) => void): string | undefined {
    let at = 0
    while (at < chunk.byteLength && this.#fault === undefined) {
      if (this.#lengthBytes < LENGTH_BYTES) {
        at = this.#readLength(chunk, at)
        continue
      }
      const missing = this.#length - this.#gatheredBytes
      const end = Math.min(chunk.byteLength, at + missing)
      const isWhole = end - at === missing
      if (isWhole && this.#gatheredBytes === 0) {
        this.#lengthBytes = 0
        take(chunk.subarray(at, end))
      } else {
        this.#gather(chunk, at, end)
        if (isWhole) take(this.#gatheredWhole())
      }
      at = end
    }
    return this.#fault
  }

  #readLength(chunk: Uint8Array, at: number): number {
    let next = at
    if (this.#lengthBytes === 0 && chunk.byteLength - at >= LENGTH_BYTES) {
      this.#length = readU32(chunk, at)
      this.#lengthBytes = LENGTH_BYTES
      next += LENGTH_BYTES
    } else {
      if (this.#lengthBytes === 0) this.#length = 0
      this.#length += chunk[next++]! * 256 ** this.#lengthBytes++
    }
    if (this.#lengthBytes === LENGTH_BYTES) this.#fault = this.#faultOf(this.#length)
    return next
  }

  #faultOf(length: number): string | undefined {
    if (length < LEAST_MESSAGE_BYTES) return `a message of ${length} bytes was announced, and none has fewer than ${LEAST_MESSAGE_BYTES}`
    if (length > this.mostBytes) return `a message of ${length} bytes was announced, more than ${this.mostBytes}`
    return undefined
  }

  #gather(chunk: Uint8Array, start: number, end: number): void {
    const needed = this.#gatheredBytes + end - start
    if (this.heldBytes < needed) {
      const grown = new Uint8Array(Math.min(this.#length, Math.max(AHEAD_BYTES, 2 * needed)))
      if (this.#gathered !== undefined) grown.set(this.#gathered.subarray(0, this.#gatheredBytes))
      this.#gathered = grown
    }
    this.#gathered!.set(chunk.subarray(start, end), this.#gatheredBytes)
    this.#gatheredBytes = needed
  }

  #gatheredWhole(): Uint8Array {
    const message = this.#gathered!
    this.#gathered = undefined
    this.#gatheredBytes = 0
    this.#lengthBytes = 0
    return message
  }
}
