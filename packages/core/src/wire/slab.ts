/**
 * Memory for what is written: one growing slab for all connections of a process, never a buffer per connection. Written bytes are never
 * written again, so whoever holds a slice (a packet kept for resume) may hold it for as long as it likes; a full slab is left to the
 * garbage collector.
 */
/** Below the size from which an allocator maps fresh pages, which cost more than what is written to them. */
const SLAB_BYTES = 64 * 1024

export class Slab {
  bytes = new Uint8Array(SLAB_BYTES)
  view = new DataView(this.bytes.buffer)
  /** First free byte. Whoever reserved room moves it past what was written. */
  at = 0

  /** Makes sure that `length` bytes are free at `at`; may change `bytes` and `view`. */
  reserve(length: number): void {
    if (this.bytes.byteLength - this.at >= length) return
    this.bytes = new Uint8Array(Math.max(SLAB_BYTES, length))
    this.view = new DataView(this.bytes.buffer)
    this.at = 0
  }

  /** A slice of `length` bytes, with whatever stood there. Large ones get memory of their own, so that they do not pin a slab. */
  take(length: number): Uint8Array {
    if (length > SLAB_BYTES / 4) return new Uint8Array(length)
    this.reserve(length)
    const slice = this.bytes.subarray(this.at, this.at + length)
    this.at += length
    return slice
  }
}
