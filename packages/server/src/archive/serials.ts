/** Serial numbers as four words of 32 bits, as rows hold them, and what they and ordinals hash to. */
const SN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export type SerialWords = readonly [number, number, number, number]

/** Undefined where it is not written as a row gives it back. */
export function serialWords(sn: string): SerialWords | undefined {
  if (!SN.test(sn)) return undefined
  const hex = sn.replaceAll('-', '')
  const word = (at: number): number => Number.parseInt(hex.slice(at, at + 8), 16)
  return [word(0), word(8), word(16), word(24)]
}

export function serialOf(words: SerialWords): string {
  const hex = words.map((word) => word.toString(16).padStart(8, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export function hashOfSerial([first, second, third, last]: SerialWords): number {
  return mixed(first ^ Math.imul(second, 0x9e3779b1) ^ Math.imul(third, 0x85ebca6b) ^ Math.imul(last, 0xc2b2ae35))
}

export function hashOfNumber(number: number): number {
  return mixed(number ^ Math.imul(Math.floor(number / 2 ** 32), 0x9e3779b1))
}

function mixed(hash: number): number {
  const value = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (value ^ (value >>> 13)) >>> 0
}
