/**
 * UTF-8 and back, for bodies, names and headers. Knows nothing of what the text means.
 *
 * Measured on Node 20 (ns): writing 8 characters costs 31 in a loop, 114 by `utf8Write`; from 24 characters on the native call wins, and
 * `encodeInto` costs one more allocation for the subarray. For reading, `utf8Slice` wins at every length above a few characters.
 */

import { violation } from './limits.js'

/** The two native methods of Node's Buffer that save a subarray and a copy. Absent in browsers, where the encoders below do it. */
interface NativeText {
  utf8Write(this: Uint8Array, text: string, offset: number, length: number): number
  utf8Slice(this: Uint8Array, start: number, end: number): string
}

interface NativeBuffer {
  readonly prototype?: Partial<NativeText>
  byteLength?(text: string): number
}

const NodeBuffer = (globalThis as { Buffer?: NativeBuffer }).Buffer
const native = NodeBuffer?.prototype
const utf8Write = typeof native?.utf8Write === 'function' ? native.utf8Write : undefined
const utf8Slice = typeof native?.utf8Slice === 'function' ? native.utf8Slice : undefined

const encoder = new TextEncoder()
/** `ignoreBOM` keeps a leading U+FEFF as the character that it is. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const loopBelow = 24
const exactFrom = 4096

/** Upper bound of the bytes that `writeText` writes: exact for long texts, three bytes for each UTF-16 unit of short ones. */
export function textBound(text: string): number {
  return text.length < exactFrom ? text.length * 3 : textBytes(text)
}

/** The exact length in UTF-8 bytes. A lone surrogate counts three: the replacement character. */
export function textBytes(text: string): number {
  if (NodeBuffer?.byteLength !== undefined) return NodeBuffer.byteLength(text)
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    bytes += unit < 0x800 ? 1 : 2
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      i++
    }
  }
  return bytes
}

/** Writes at `offset` and returns the end. `target` must have room for `textBound(text)` bytes. A lone surrogate becomes U+FFFD. */
export function writeText(text: string, target: Uint8Array, offset: number): number {
  const { length } = text
  let done = 0
  if (length < loopBelow) {
    for (; done < length; done++) {
      const unit = text.charCodeAt(done)
      if (unit > 0x7f) break
      target[offset + done] = unit
    }
    if (done === length) return offset + length
  }
  if (utf8Write !== undefined) return offset + utf8Write.call(target, text, offset, target.length - offset)
  return offset + encoder.encodeInto(text, target.subarray(offset)).written
}

/** The text in `bytes[start, end)`. Throws `ProtocolViolation` where the bytes are not UTF-8. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  if (utf8Slice !== undefined) {
    const text = utf8Slice.call(bytes, start, end)
    // The native method replaces what is invalid by U+FFFD instead of throwing; only a text that holds one needs the strict reader.
    if (!text.includes('\ufffd')) return text
  }
  try {
    return decoder.decode(bytes.subarray(start, end))
  } catch (cause) {
    throw violation('the text is not valid UTF-8', cause)
  }
}
