/** Bytes that come in parts. */

export function lengthOf(parts: readonly Uint8Array[]): number {
  let bytes = 0
  for (const part of parts) bytes += part.byteLength
  return bytes
}

/** What there is of so many bytes from an offset on. */
export function partOf(bytes: number, offset: number, length: number): { readonly from: number; readonly bytes: number } {
  const from = Math.min(offset, bytes)
  return { from, bytes: Math.min(length, bytes - from) }
}

/** As one, and a copy. */
export function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

/** Those of them, or parts of those, that make up so many bytes from an offset on. */
export function slicesOf(parts: readonly Uint8Array[], offset: number, bytes: number): Uint8Array[] {
  const slices: Uint8Array[] = []
  let at = 0
  for (const part of parts) {
    if (at >= offset + bytes) break
    const [from, to] = [Math.max(0, offset - at), Math.min(part.byteLength, offset + bytes - at)]
    if (to > from) slices.push(part.subarray(from, to))
    at += part.byteLength
  }
  return slices
}
