/**
 * Serial numbers. An sn is 128 bits, written as a UUID of version 8 (RFC 9562): the caller's incarnation and a counter.
 *
 * ```
 * 48 bits  when the process started, Unix milliseconds   ┐ the incarnation, 20 hexadecimal digits
 * 32 bits  random                                        ┘ (12 bits before the variant, 20 after it)
 * 42 bits  counter; its low 32 bits are the call number on the wire
 * ```
 *
 * An sn is an identity, never a capability.
 */
import type { Clock, Random } from '../ports/index.js'

/** Minted once a process start; outlives reconnects. */
export function mintIncarnation(clock: Clock, random: Random): string {
  const time = Math.floor(clock.wallMs()).toString(16).padStart(12, '0').slice(-12)
  let tail = ''
  for (const byte of random.fill(new Uint8Array(4))) tail += byte.toString(16).padStart(2, '0')
  return time + tail
}

/** What was asked for last: nearly every serial number of a process begins like the one before. */
const last = { incarnation: '', above: -1, prefix: '' }

/** The sn of the call `counter` (at most 42 bits) of a process, as a UUID. */
export function serialNumber(incarnation: string, counter: number): string {
  const above = Math.floor(counter / 2 ** 32)
  if (last.incarnation !== incarnation || last.above !== above) {
    last.prefix = prefixOf(incarnation, above)
    last.incarnation = incarnation
    last.above = above
  }
  return last.prefix + (counter % 2 ** 32).toString(16).padStart(8, '0')
}

function prefixOf(incarnation: string, above: number): string {
  const randomLow = Number.parseInt(incarnation.slice(15, 20), 16)
  // 2 bits variant, 20 bits random, 10 bits counter: the 32 bits in front of the call number.
  const high = (2 * 2 ** 30 + randomLow * 2 ** 10 + above).toString(16).padStart(8, '0')
  return `${incarnation.slice(0, 8)}-${incarnation.slice(8, 12)}-8${incarnation.slice(12, 15)}-${high.slice(0, 4)}-${high.slice(4)}`
}

/** The call number on the wire. */
export function callNumber(counter: number): number {
  return counter >>> 0
}

/** The 16 bytes of an sn, as they stand in the extension of a frame. */
export function serialBytes(sn: string): Uint8Array {
  const hex = sn.replaceAll('-', '')
  const bytes = new Uint8Array(16)
  for (let at = 0; at < 16; at++) bytes[at] = Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16)
  return bytes
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Any UUID: an sn need not be one that `serialNumber` wrote. */
export function isSerialNumber(sn: string): boolean {
  return UUID.test(sn)
}
