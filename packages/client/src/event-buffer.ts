/**
 * Events that wait for their reader, up to a number and an amount. When there are more, the oldest are dropped, and a gap stands in their place. Pure;
 * knows nothing of readers.
 */
import { Queue, type EventGap, type TopicEvent } from '@waybill/core'

export const MAX_WAITING_EVENTS = 1024
export const MAX_WAITING_BYTES = 8 * 1024 * 1024

export type EventOrGap = TopicEvent<unknown> | EventGap

interface Waiting {
  readonly item: EventOrGap
  /** Of its body on the wire. */
  readonly bytes: number
}

export class EventBuffer {
  readonly #queue = new Queue<Waiting>()
  #bytes = 0
  /** What is missing before the first in the queue, and after the last. */
  #before: EventGap | undefined
  #after: EventGap | undefined

  get size(): number {
    return this.#queue.size + (this.#before === undefined ? 0 : 1) + (this.#after === undefined ? 0 : 1)
  }

  push(event: TopicEvent<unknown>, bytes: number): void {
    if (this.#after !== undefined) this.#add(this.#after, 0)
    this.#after = undefined
    this.#add(event, bytes)
  }

  /** Gaps that no event stands between are one. */
  gap(gap: EventGap): void {
    this.#after = this.#after === undefined ? gap : joined(this.#after, gap)
  }

  shift(): EventOrGap | undefined {
    const { item, bytes } = this.#queue.size === 0 || this.#before !== undefined ? NOTHING : this.#queue.shift()!
    this.#bytes -= bytes
    if (item !== undefined) return item
    const gap = this.#before ?? this.#after
    if (this.#before !== undefined) this.#before = undefined
    else this.#after = undefined
    return gap
  }

  clear(): void {
    this.#queue.clear()
    this.#bytes = 0
    this.#before = undefined
    this.#after = undefined
  }

  #add(item: EventOrGap, bytes: number): void {
    this.#queue.push({ item, bytes })
    this.#bytes += bytes
    // The last one stays, whatever it weighs.
    while (this.#queue.size > MAX_WAITING_EVENTS || (this.#bytes > MAX_WAITING_BYTES && this.#queue.size > 1)) {
      const oldest = this.#queue.shift()!
      this.#bytes -= oldest.bytes
      const gap = gapOf(oldest.item)
      this.#before = this.#before === undefined ? gap : joined(this.#before, gap)
    }
  }
}

const NOTHING = { item: undefined, bytes: 0 }

function gapOf(item: EventOrGap): EventGap {
  return item.kind === 'gap' ? item : { kind: 'gap', missed: 1, from: item.cursor, to: item.cursor }
}

/** Where one of them is unknown, so is the sum: cursors before and after a lost session do not compare. */
function joined(earlier: EventGap, later: EventGap): EventGap {
  if (earlier.missed === undefined || later.missed === undefined) return { kind: 'gap' }
  const missed = earlier.missed + later.missed
  const from = earlier.from ?? later.from
  const to = later.to ?? earlier.to
  return { kind: 'gap', missed, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
}
