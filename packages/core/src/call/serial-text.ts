/** Serial numbers as they are read from frames and from text: see `serial.ts`. */
import { WaybillError } from '../errors/index.js'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The incarnation and counter of an sn that `serialNumber` wrote; undefined for any other UUID. */
export function readSerialNumber(sn: string): { incarnation: string; counter: number } | undefined {
  const parts = /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{4})([0-9a-f]{8})$/.exec(sn)
  if (parts === null) return undefined
  const high = Number.parseInt(parts[4]! + parts[5]!, 16) - 2 * 2 ** 30
  const randomLow = Math.floor(high / 2 ** 10)
  return {
    incarnation: parts[1]! + parts[2]! + parts[3]! + randomLow.toString(16).padStart(5, '0'),
    counter: (high % 2 ** 10) * 2 ** 32 + Number.parseInt(parts[6]!, 16),
  }
}

/** The sn of 16 bytes, as text. Throws `ProtocolViolation` where they are not 16. */
export function serialText(bytes: Uint8Array): string {
  if (bytes.byteLength !== 16) {
    throw new WaybillError('ProtocolViolation', `a serial number has ${bytes.byteLength} bytes instead of 16`, { executed: 'no' })
  }
  let sn = ''
  for (let at = 0; at < 16; at++) {
    if (at === 4 || at === 6 || at === 8 || at === 10) sn += '-'
    sn += HEX[bytes[at]!]!
  }
  return sn
}
