/**
 * The header of a frame: 32 bytes, little-endian, read in place.
 *
 * ```
 *  0 u32 length       of the whole frame: header, extension, body
 *  4 u8  type         FrameType
 *  5 u8  flags        Flag
 *  6 u16 extension    length of the extension in bytes
 *  8 u32 destination  symbol: an address, an instance, or a client
 * 12 u32 source       symbol of the client that sent the frame
 * 16 u32 call         low 32 bits of the counter in the call's serial number, minted by the caller
 * 20 u32 ttl          milliseconds that remain, 0 for none
 * 24 u32 method       symbol of the method
 * 28 u8  encoding     of the body, see `body`
 * 29 u8  hops         routers passed so far
 * 30 u8  priority     reserved, 0
 * 31 u8  attempt      of a call: how often it was handed over, see `FrameReader.attempt`
 * 32 …   extension, then the body to the end of the frame
 * ```
 *
 * Owns the layout. Knows nothing of what a frame means.
 */
import { WaybillError } from '../errors/index.js'
import { readU16, readU32 } from './little-endian.js'

export const HEADER_BYTES = 32
export const MAX_EXTENSION_BYTES = 0xffff

export const Offset = {
  length: 0,
  type: 4,
  flags: 5,
  extension: 6,
  destination: 8,
  source: 12,
  call: 16,
  ttl: 20,
  method: 24,
  encoding: 28,
  hops: 29,
  priority: 30,
  attempt: 31,
} as const

/**
 * Walks the frames of one packet without allocating: `next()` moves to the following frame and fills the fields. A reader is used
 * again for packet after packet, so what it shows is only valid until the next call.
 */
export class FrameReader {
  bytes: Uint8Array = new Uint8Array(0)
  /** Where the current frame begins and ends in `bytes`. */
  start = 0
  end = 0
  type = 0
  flags = 0
  destination = 0
  source = 0
  call = 0
  ttlMs = 0
  method = 0
  encoding = 0
  extensionBytes = 0

  readonly #maxFrameBytes: number

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** Points the reader before the first frame, at `offset` of `bytes`. */
  open(bytes: Uint8Array, offset: number): void {
    this.bytes = bytes
    this.start = offset
    this.end = offset
  }

  /** False at the end of the packet. Throws `ProtocolViolation` where the lengths do not add up. */
  next(): boolean {
    const start = this.end
    const bytes = this.bytes
    const left = bytes.byteLength - start
    if (left === 0) return false
    if (left < HEADER_BYTES) throw new WaybillError('ProtocolViolation', `${left} bytes are left in the packet, less than a frame's header`)
    const length = readU32(bytes, start)
    const extension = readU16(bytes, start + Offset.extension)
    if (length > left || length < HEADER_BYTES + extension) {
      throw new WaybillError(
        'ProtocolViolation',
        `a frame's length of ${length} does not fit ${left} bytes with an extension of ${extension}`,
      )
    }
    if (length > this.#maxFrameBytes) {
      throw new WaybillError('TooLarge', `a frame of ${length} bytes is over the limit of ${this.#maxFrameBytes}`, {
        executed: 'no',
        details: { limit: this.#maxFrameBytes, size: length },
      })
    }
    this.start = start
    this.end = start + length
    this.type = bytes[start + Offset.type]!
    this.flags = bytes[start + Offset.flags]!
    this.extensionBytes = extension
    this.destination = readU32(bytes, start + Offset.destination)
    this.source = readU32(bytes, start + Offset.source)
    this.call = readU32(bytes, start + Offset.call)
    this.ttlMs = readU32(bytes, start + Offset.ttl)
    this.method = readU32(bytes, start + Offset.method)
    this.encoding = bytes[start + Offset.encoding]!
    return true
  }

  /** Where the current frame's body begins; it ends at `end`. */
  get bodyStart(): number {
    return this.start + HEADER_BYTES + this.extensionBytes
  }

  /** Of a call: 1 when it is handed over for the first time, which headers say as 0. */
  get attempt(): number {
    return this.bytes[this.start + Offset.attempt] || 1
  }

  /** A view of the current frame's body, without a copy. */
  body(): Uint8Array {
    return this.bytes.subarray(this.bodyStart, this.end)
  }
}
