/** Numbers in the files of a store: little endian, whole, up to 2^53. */

import { readU32, writeU32 } from '@waybill/core'

export { readU32, writeU32 }

export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) + readU32(bytes, at + 4) * 2 ** 32
}

export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, value >>> 0)
  writeU32(bytes, at + 4, Math.floor(value / 2 ** 32))
}
