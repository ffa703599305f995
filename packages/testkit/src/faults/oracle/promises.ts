/**
 * What a router says on its sockets that it may only say of what is safe: `stored{disk}`, a call that departs under a lease, a result. Reads frames out
 * of the bytes that were sent; each promise goes by some bytes that stand in the record that it rests on.
 */
import { findField, Flag, Framer, FrameReader, FrameType, PACKET_HEADER_BYTES, parseBody, serialBytes, Tag } from '@waybill/core'
import type { Event } from './trace.js'

export interface Promised {
  readonly kind: 'stored' | 'leased' | 'result'
  /** For people. */
  readonly what: string
  /** One of them must be safe before: bytes, and the same as text. */
  readonly marks: readonly Buffer[]
  /** The line of the trace at which it left. */
  readonly left: number
}

/** How the harness begins what its workers return. */
export const RESULT_MARK = 'result-of-the-oracle-'
const MOST_BYTES = 64 * 1024 * 1024

/** Takes what was written to sockets, in order. */
export class Promises {
  readonly all: Promised[] = []
  readonly #streams = new Map<string, Stream>()

  sent({ target, bytes, begun }: Extract<Event, { kind: 'write' }>): void {
    let stream = this.#streams.get(target)
    if (stream === undefined) this.#streams.set(target, (stream = new Stream()))
    stream.framer.feed(Uint8Array.from(bytes), (message) => {
      // The first one is the opening.
      if (!stream.isOpen) stream.isOpen = true
      else this.#packet(message, begun)
    })
  }

  #packet(packet: Uint8Array, left: number): void {
    const frame = new FrameReader(MOST_BYTES)
    frame.open(packet, PACKET_HEADER_BYTES)
    while (frame.next()) {
      const promised = promisedBy(frame)
      if (promised !== undefined) this.all.push({ ...promised, left })
    }
  }
}

class Stream {
  readonly framer = new Framer(MOST_BYTES)
  isOpen = false
}

function promisedBy(frame: FrameReader): Omit<Promised, 'left'> | undefined {
  switch (frame.type) {
    case FrameType.stored: {
      const { sn, durability } = parseBody(frame.encoding, frame.body()) as { sn: string; durability: string }
      return durability === 'disk' ? { kind: 'stored', what: sn, marks: [Buffer.from(serialBytes(sn)), Buffer.from(sn)] } : undefined
    }
    case FrameType.call: {
      const lease = (frame.flags & Flag.durable) === 0 ? undefined : findField(frame, Tag.lease)
      return (
        lease && {
          kind: 'leased',
          what: Buffer.from(lease).toString('hex'),
          marks: [Buffer.from(lease), Buffer.from(Buffer.from(lease).toString('hex'))],
        }
      )
    }
    case FrameType.result: {
      const text = Buffer.from(frame.body()).toString('latin1')
      const at = text.indexOf(RESULT_MARK)
      if (at < 0) return undefined
      const mark = /^[\w-]+/.exec(text.slice(at))![0]
      return { kind: 'result', what: mark, marks: [Buffer.from(mark)] }
    }
    default:
      return undefined
  }
}
