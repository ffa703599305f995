/** Serial numbers as four words of 32 bits, as rows hold them, and what they and ordinals hash to. */
const LENGTH = 36
const DASH = 0x2d
const DASHES: ReadonlySet<number> = new Set([8, 13, 18, 23])
/** What a character is worth as a lower-case hexadecimal digit; 16 where it is none. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const at = '0123456789abcdef'.indexOf(String.fromCharCode(code))
  return at < 0 ? 16 : at
})

export type SerialWords = readonly [number, number, number, number]

/** Undefined where it is not written as a row gives it back. Read digit by digit, as a start does it for each that is kept. */
export function serialWords(sn: string): SerialWords | undefined {
  if (sn.length !== LENGTH) return undefined
  const words: [number, number, number, number] = [0, 0, 0, 0]
  let digits = 0
  for (let at = 0; at < LENGTH; at++) {
    const code = sn.charCodeAt(at)
    if (DASHES.has(at)) {
      if (code !== DASH) return undefined
      continue
    }
    const digit = code < DIGITS.length ? DIGITS[code]! : 16
    if (digit === 16) return undefined
    const word = digits++ >> 3
    words[word] = ((words[word]! << 4) | digit) >>> 0
  }
  return words
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
