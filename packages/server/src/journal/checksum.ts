/**
 * CRC-32, as in zip: short stretches here, where asking the system costs more than the sum, long ones there. Continues from `seed`, so that two
 * seeds never give the same checksum for the same bytes.
 */
import { crc32 } from 'node:zlib'

/** From this many bytes on the system is quicker. */
const LONG_BYTES = 96

const tables = Array.from({ length: 4 }, () => new Uint32Array(256))
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320
  tables[0]![byte] = value
}
for (let byte = 0; byte < 256; byte++) {
  for (let table = 1; table < 4; table++) {
    const value = tables[table - 1]![byte]!
    tables[table]![byte] = (value >>> 8) ^ tables[0]![value & 0xff]!
  }
}
const [first, second, third, fourth] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array]

export function checksum(bytes: Uint8Array, from: number, to: number, seed: number): number {
  return to - from < LONG_BYTES ? shortChecksum(bytes, from, to, seed) : crc32(bytes.subarray(from, to), seed)
}

export function shortChecksum(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let value = ~seed
  let at = from
  for (; at + 4 <= to; at += 4) {
    value ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    value = fourth[value & 0xff]! ^ third[(value >>> 8) & 0xff]! ^ second[(value >>> 16) & 0xff]! ^ first[value >>> 24]!
  }
  for (; at < to; at++) value = first[(value ^ bytes[at]!) & 0xff]! ^ (value >>> 8)
  return ~value >>> 0
}
