// Frames to bytes and back, as lean as Node allows: what Waybill's wire would cost if it did nothing else.
//
//   0 u32 length   4 u8 type   5 u8 flags   6 u16 extension length   8 u32 destination   12 u32 source
//  16 u32 call    20 u32 ttl  24 u32 method 28 u32 reserved          32 body (JSON)      little-endian
//
// Many frames make a packet, a packet is one binary WebSocket message.

export const HEADER = 32
export const WELCOME = 1 // from the relay: `destination` is your number
export const CALL = 2
export const RESULT = 3

/** Above this a packet leaves at once and does not wait for the end of the tick. */
export const EARLY_BYTES = 48 * 1024
const SLAB_BYTES = 256 * 1024

// One slab for all connections of the process. It is only ever written forwards, so what was sent stays untouched; a full slab
// is left to the collector.
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
let view = new DataView(slab.buffer)
let used = 0

/** Makes `bytes` of the slab available from `used` on. */
function reserve(bytes) {
  if (used + bytes <= slab.length) return
  slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes))
  view = new DataView(slab.buffer)
  used = 0
}

/** Writes text at `used` and returns its length in bytes. Short ASCII text, the usual case, is quicker in a loop than by a native call. */
function writeText(text) {
  const { length } = text
  if (length > 64) return slab.utf8Write(text, used)
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) return slab.utf8Write(text, used)
    slab[used + i] = code
  }
  return length
}

/**
 * Bytes waiting to leave one connection as one packet: slices of anybody's buffers, in order. One slice is sent as it lies, several are
 * copied together into the slab.
 */
export class Packet {
  /** @param {import('ws').WebSocket} socket */
  constructor(socket) {
    this.socket = socket
    this.bytes = 0
    this.buffer = undefined // the last slice: buffer, start, end
    this.start = 0
    this.end = 0
    this.earlier = [] // the slices before it
  }

  /** Appends bytes [start, end) of `buffer`, which nobody may change any more. Adjacent slices grow together. */
  append(buffer, start, end) {
    this.bytes += end - start
    if (this.buffer === buffer && this.end === start) {
      this.end = end
      return
    }
    if (this.buffer !== undefined) this.earlier.push(this.buffer.subarray(this.start, this.end))
    this.buffer = buffer
    this.start = start
    this.end = end
  }

  /** Appends a frame, written into the slab. */
  write(type, destination, source, call, method, body) {
    reserve(HEADER + body.length * 3)
    const start = used
    used += HEADER
    const end = used + writeText(body)
    view.setUint32(start, end - start, true)
    view.setUint32(start + 4, type, true) // flags and extension length are zero
    view.setUint32(start + 8, destination, true)
    view.setUint32(start + 12, source, true)
    view.setUint32(start + 16, call, true)
    view.setUint32(start + 20, 0, true)
    view.setUint32(start + 24, method, true)
    view.setUint32(start + 28, 0, true)
    used = end
    this.append(slab, start, end)
  }

  flush() {
    if (this.bytes === 0) return
    const packet = this.earlier.length === 0 ? this.buffer.subarray(this.start, this.end) : this.join()
    this.bytes = 0
    this.buffer = undefined
    if (this.socket.readyState === 1) this.socket.send(packet)
  }

  join() {
    reserve(this.bytes)
    const start = used
    for (const slice of this.earlier) {
      slab.set(slice, used)
      used += slice.length
    }
    this.buffer.copy(slab, used, this.start, this.end)
    used += this.end - this.start
    this.earlier.length = 0
    return slab.subarray(start, used)
  }
}
