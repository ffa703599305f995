/** Reads from the wires which ids the routers give to durable events, whether or not anybody hears of it. Changes nothing. */
import { findText, Flag, FrameReader, FrameType, PACKET_HEADER_BYTES, parseBody, Tag } from '@waybill/core'
import type { End, Tap, Wire } from '../../link.js'
import type { History } from '../history.js'
import { isOpening } from '../observer.js'
import { keyOf, type Bark, type Record } from './record.js'

export class Watcher implements Tap {
  readonly #record: Record
  readonly #history: History
  readonly #frame = new FrameReader(Number.MAX_SAFE_INTEGER)
  /** Keys of events by their publisher and its number for them. */
  readonly #published = new Map<string, string>()

  constructor(record: Record, history: History) {
    this.#record = record
    this.#history = history
  }

  sent({ client, router }: Wire, from: End, packet: Uint8Array): void {
    if (isOpening(packet)) return
    const frame = this.#frame
    frame.open(packet, PACKET_HEADER_BYTES)
    while (frame.next()) {
      const call = `${client.process.id} ${frame.call}`
      const isDurable = (frame.flags & Flag.durable) !== 0
      if (from === client) {
        if (frame.type === FrameType.publish && isDurable) this.#published.set(call, keyOf(this.#value<Bark>()))
      } else if (frame.type === FrameType.event && isDurable) {
        this.#told(keyOf(this.#value<Bark>()), router, Number(findText(frame, Tag.cursor)))
      } else if (frame.type === FrameType.stored) {
        const key = this.#published.get(call)
        if (key !== undefined) this.#told(key, router, this.#value<{ id: number }>().id)
      }
    }
  }

  #told(key: string, router: End, id: number): void {
    this.#record.told(key, { log: this.#history.keeperOf(router.process.id), id })
  }

  #value<T>(): T {
    return parseBody(this.#frame.encoding, this.#frame.body()) as T
  }
}
