/**
 * The bodies of `holds`, `held`, `kept` and `taken`: lists of one length of item, with nothing between. Owns their layout. Ids are leases or serial
 * numbers; both are texts here, in the form of a UUID.
 */
import { serialBytes } from '../call/serial.js'
import { serialText } from '../call/serial-text.js'
import { WaybillError } from '../errors/index.js'
import { readU32, writeU32 } from './little-endian.js'

export const ID_BYTES = 16
export const ADDRESSEE_BYTES = 8

/** To whom a call that was kept over the end of a session is answered now: twice 0 where it is nobody's any more. */
export interface Addressee {
  readonly source: number
  readonly call: number
}

export function writeIds(ids: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * ID_BYTES)
  for (const [index, id] of ids.entries()) bytes.set(serialBytes(id), index * ID_BYTES)
  return bytes
}

/** Throws `ProtocolViolation` where the last one is cut off. */
export function readIds(bytes: Uint8Array): readonly string[] {
  return Array.from({ length: count(bytes, ID_BYTES) }, (_, index) => serialText(bytes.subarray(index * ID_BYTES, (index + 1) * ID_BYTES)))
}

export function writeAddressees(addressees: readonly Addressee[]): Uint8Array {
  const bytes = new Uint8Array(addressees.length * ADDRESSEE_BYTES)
  for (const [index, { source, call }] of addressees.entries()) {
    writeU32(bytes, index * ADDRESSEE_BYTES, source)
    writeU32(bytes, index * ADDRESSEE_BYTES + 4, call)
  }
  return bytes
}

/** Throws `ProtocolViolation` where the last one is cut off. */
export function readAddressees(bytes: Uint8Array): readonly Addressee[] {
  return Array.from({ length: count(bytes, ADDRESSEE_BYTES) }, (_, index) => ({
    source: readU32(bytes, index * ADDRESSEE_BYTES),
    call: readU32(bytes, index * ADDRESSEE_BYTES + 4),
  }))
}

function count({ byteLength }: Uint8Array, itemBytes: number): number {
  if (byteLength % itemBytes === 0) return byteLength / itemBytes
  throw new WaybillError('ProtocolViolation', `a list of ${byteLength} bytes does not hold whole items of ${itemBytes}`, { executed: 'no' })
}
