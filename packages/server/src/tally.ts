/**
 * What is counted where somebody measures: plain fields, raised as things happen and read when they are asked for. Where nobody does, there is none
 * of it, and a call costs one look for it. Every key is of a closed set, or bounded.
 */
import type { Code, Link, LinkEvents } from '@waybill/core'

/** How a call ended: the callee's last word, or the router's; `sent` is one way, and nobody hears more. */
export type Outcome = 'result' | 'exception' | 'rejected' | 'sent' | Code

export type LastWord = 'result' | 'exception' | 'rejected'

/** Services of which more than the sum is told; calls of further ones are counted as those of `other`. */
export const MAX_MEASURED_SERVICES = 100

/** Upper ends, in milliseconds. */
export const DURATIONS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000] as const

export class Tally {
  readonly outcomes = new Map<Outcome, number>()
  readonly services = new Map<string, Record<LastWord, number>>()
  readonly other: Record<LastWord, number> = { result: 0, exception: 0, rejected: 0 }
  readonly openingsRefused = new Map<Code, number>()
  /** Of calls that their callees ended: how many took up to each of `DURATIONS_MS`, and at last longer. */
  readonly durations = new Float64Array(DURATIONS_MS.length + 1)
  durationSumMs = 0
  packetsIn = 0
  bytesIn = 0
  packetsOut = 0
  bytesOut = 0

  ended(outcome: Outcome): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
  }

  /** The callee has said its last word, so its service is one that was offered. */
  answered(service: string, word: LastWord, tookMs: number): void {
    this.ended(word)
    let words = this.services.get(service)
    if (words === undefined) {
      if (this.services.size < MAX_MEASURED_SERVICES) this.services.set(service, (words = { result: 0, exception: 0, rejected: 0 }))
      else words = this.other
    }
    words[word]++
    let at = 0
    while (at < DURATIONS_MS.length && tookMs > DURATIONS_MS[at]!) at++
    this.durations[at]!++
    this.durationSumMs += tookMs
  }

  refused(code: Code): void {
    this.openingsRefused.set(code, (this.openingsRefused.get(code) ?? 0) + 1)
  }

  /** The link, with what goes out counted. */
  outward(link: Link): Link {
    const sent = (bytes: number): void => {
      this.packetsOut++
      this.bytesOut += bytes
    }
    return {
      ...(link.remote !== undefined && { remote: link.remote }),
      send: (packet) => {
        sent(packet.byteLength)
        link.send(packet)
      },
      get bufferedBytes() {
        return link.bufferedBytes
      },
      pause: () => link.pause(),
      resume: () => link.resume(),
      end: (code, reason) => link.end(code, reason),
      terminate: () => link.terminate(),
    }
  }

  /** The same for what comes in. */
  inward(events: LinkEvents): LinkEvents {
    return {
      packet: (bytes) => {
        this.packetsIn++
        this.bytesIn += bytes.byteLength
        events.packet(bytes)
      },
      ended: (end) => events.ended(end),
    }
  }
}
