/** What happened, as lines: time, link, from, to, and a hash of the bytes. Two runs of one seed give the same lines, byte for byte. */
import { createHash } from 'node:crypto'
import type { End, Tap, Wire } from '../link.js'

export function traceTap(nowMs: () => number, write: (line: string) => void): Tap {
  const line = (wire: Wire, what: string): void => write(`${nowMs().toFixed(3)} link ${wire.id} ${what}`)
  return {
    sent: (wire, from, packet) => line(wire, `${named(from)} > ${named(wire.other(from))} ${shown(packet)}`),
    arrived: (wire, to, packet) => line(wire, `${named(to)} < ${named(wire.other(to))} ${shown(packet)}`),
    ended: (wire, at, { code, reason }) => line(wire, `ended at ${named(at)} ${code ?? ''} ${reason}`),
    happened: (wire, what) => line(wire, what),
  }
}

function named({ process }: End): string {
  return `${process.name}#${process.id}`
}

const HEX_BYTES = 96

/** Short ones in full, so that a trace can be read. */
function shown(packet: Uint8Array): string {
  if (packet.byteLength <= HEX_BYTES) return Buffer.from(packet).toString('hex')
  return `${packet.byteLength} bytes sha256 ${createHash('sha256').update(packet).digest('hex').slice(0, 32)}`
}

/** Two that see the same. */
export function both(first: Tap, second: Tap): Tap {
  return {
    sent: (wire: Wire, from: End, packet: Uint8Array) => (first.sent?.(wire, from, packet), second.sent?.(wire, from, packet)),
    arrived: (wire, to, packet) => (first.arrived?.(wire, to, packet), second.arrived?.(wire, to, packet)),
    ended: (wire, at, end) => (first.ended?.(wire, at, end), second.ended?.(wire, at, end)),
    happened: (wire, what) => (first.happened?.(wire, what), second.happened?.(wire, what)),
  }
}
