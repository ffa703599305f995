/** A serial number as 16 bytes, as it stands in an extension, and as the text of a UUID. Knows nothing of what is inside it. */
import { WaybillError } from '../errors/index.js'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function uuidToBytes(uuid: string): Uint8Array {
  const hex = uuid.replaceAll('-', '')
  const bytes = new Uint8Array(16)
  for (let at = 0; at < 16; at++) bytes[at] = Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16)
  return bytes
}

/** Throws `ProtocolViolation` where there are not 16 bytes. */
export function bytesToUuid(bytes: Uint8Array): string {
  if (bytes.byteLength !== 16) {
    throw new WaybillError('ProtocolViolation', `a serial number has ${bytes.byteLength} bytes instead of 16`, { executed: 'no' })
  }
  let uuid = ''
  for (let at = 0; at < 16; at++) {
    if (at === 4 || at === 6 || at === 8 || at === 10) uuid += '-'
    uuid += HEX[bytes[at]!]!
  }
  return uuid
}
