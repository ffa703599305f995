/** Entries of archived receipts as they were before a row knew the deadline of its call: brought to the present when they are read. */
import { readU32 } from '@waybill/core'

const MARK = 1
const HEAD_BYTES = 9
const WORDS_BYTES = 19 * 4
const NUMBERS_BYTES = 3 * 8
const ROW_BYTES = WORDS_BYTES + NUMBERS_BYTES

export function isFormer(entry: Uint8Array): boolean {
  return entry[0] === MARK
}

/** The same with a last word of 0, as if its deadline had been when it was stored. What has not the length that it says stays so. */
export function widened(entry: Uint8Array, mark: number): Uint8Array {
  const rowsAt = HEAD_BYTES + readU32(entry, 5)
  const count = (entry.byteLength - rowsAt) / ROW_BYTES
  if (!Number.isInteger(count) || count !== readU32(entry, 1)) return entry
  const wide = new Uint8Array(entry.byteLength + count * 4)
  wide.set(entry.subarray(0, rowsAt))
  wide[0] = mark
  for (let row = 0; row < count; row++) {
    const [from, to] = [rowsAt + row * ROW_BYTES, rowsAt + row * (ROW_BYTES + 4)]
    wide.set(entry.subarray(from, from + WORDS_BYTES), to)
    wide.set(entry.subarray(from + WORDS_BYTES, from + ROW_BYTES), to + WORDS_BYTES + 4)
  }
  return wide
}
