/**
 * How deep JSON text nests, read from the bytes before anything is built from them. Does not validate the JSON.
 */

const quote = 0x22
const escape = 0x5c
const open = 0x7b
const close = 0x7d
/** `[` and `]` differ from `{` and `}` only in this bit. */
const curly = 0x20

/** Whether the JSON in `bytes[start, end)` nests deeper than `limit`. Brackets within strings do not count. */
export function nestsDeeper(bytes: Uint8Array, start: number, end: number, limit: number): boolean {
  // What opens must close, so a text this short cannot do it; it spares nearly every call the scan.
  if (end - start < 2 * (limit + 1)) return false
  let depth = 0
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte === quote) {
      for (i++; i < end && bytes[i] !== quote; i++) if (bytes[i] === escape) i++
    } else if (byte > 0x5a) {
      if ((byte | curly) === open) {
        if (++depth > limit) return true
      } else if ((byte | curly) === close) depth--
    }
  }
  return false
}
