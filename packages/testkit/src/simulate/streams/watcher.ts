/** Reads the frames of streams on the wires of a simulation, and counts what crossed what. Changes nothing. */
import { FrameReader, FrameType, PACKET_HEADER_BYTES, packetNumbers, readConnected, TOWARD_CALLEE, Flag } from '@waybill/core'
import type { End, Tap, Wire } from '../../link.js'
import type { History } from '../history.js'

interface Seen {
  isStopped: boolean
  isEnded: boolean
}

export class StreamWatcher implements Tap {
  readonly #history: History
  readonly #sessions = new Map<number, string | undefined>()
  readonly #highest = new Map<string, number>()
  readonly #seen = new Map<string, Seen>()
  readonly #frame = new FrameReader(Number.MAX_SAFE_INTEGER)

  constructor(history: History) {
    this.#history = history
  }

  sent(wire: Wire, from: End, packet: Uint8Array): void {
    if (from !== wire.client) {
      if (!this.#sessions.has(wire.id)) this.#sessions.set(wire.id, sessionOf(packet))
      return
    }
    const session = this.#sessions.get(wire.id)
    if (session === undefined) return
    const { sequence } = packetNumbers(packet)
    const isAgain = sequence !== 0 && sequence <= (this.#highest.get(session) ?? 0)
    if (sequence !== 0 && !isAgain) this.#highest.set(session, sequence)
    const frame = this.#frame
    frame.open(packet, PACKET_HEADER_BYTES)
    while (frame.next()) this.#sent(wire, isAgain)
  }

  #sent(wire: Wire, isAgain: boolean): void {
    const { type, source, destination, call, method, flags } = this.#frame
    const kind = type & ~TOWARD_CALLEE
    const isTowardCallee = type !== kind
    if (type === FrameType.result || type === FrameType.exception)
      return this.#ended(`${wire.router.process.id} ${destination} ${call} caller 0`)
    if (!STREAM.has(kind)) return
    if (isAgain) return kind === FrameType.item ? this.#history.count('item that is sent again') : undefined
    // Items and ends go one way, credit and stops come back.
    const isBack = kind === FrameType.credit || kind === FrameType.stop
    const toward = isTowardCallee === isBack ? 'caller' : 'callee'
    const key = `${wire.router.process.id} ${isTowardCallee ? source : destination} ${call} ${toward} ${method}`
    let seen = this.#seen.get(key)
    if (seen === undefined) this.#seen.set(key, (seen = { isStopped: false, isEnded: false }))
    if (kind === FrameType.item) {
      if ((flags & Flag.more) !== 0) this.#history.count('item in pieces')
      if (seen.isStopped) this.#history.count('item that crosses a stop')
    } else if (kind === FrameType.credit) {
      if (seen.isEnded) this.#history.count('credit that crosses an end')
    } else if (kind === FrameType.stop) {
      if (seen.isEnded) this.#history.count('stop that crosses an end')
      seen.isStopped = true
    } else this.#ended(key)
  }

  #ended(key: string): void {
    const seen = this.#seen.get(key)
    if (seen !== undefined) seen.isEnded = true
  }
}

const STREAM: ReadonlySet<number> = new Set([FrameType.item, FrameType.end, FrameType.failed, FrameType.credit, FrameType.stop])

function sessionOf(packet: Uint8Array): string | undefined {
  try {
    return readConnected(packet).session
  } catch {
    return undefined
  }
}
