/**
 * Events for somebody who has no connection: a client in the router's own process subscribes for him, so that rights and limits are those of any subscription.
 * Owns that client, and what waits for the reader.
 */
import { extensionField, Flag, FrameType, parseBody, Tag, type WaybillError } from '@waybill/core'
import type { Known } from '../admission.js'
import { fieldText, type Frame } from '../gateways/json-frames.js'
import { failureOf, type InnerClient, type InnerEvents } from '../parcels/index.js'
import type { Router } from '../router.js'
import { errorOf } from './failures.js'

export interface ToldEvent {
  readonly kind: 'event'
  readonly topic: string
  /** The client that published it, or the router. */
  readonly sender: string
  /** Of a durable one. */
  readonly id?: number
  /** When the router took a durable one. */
  readonly timestamp?: string
  /** Absent where it cannot be read. */
  readonly value?: unknown
}

/** Events are missing: how many, as far as that is known, or from which id to which. */
export interface ToldGap {
  readonly kind: 'gap'
  readonly missed?: number
  readonly from?: number
  readonly to?: number
}

export type Heard = ToldEvent | ToldGap

export interface Listening {
  readonly topics: readonly string[]
  /** The durable ones behind this id; absent: whatever is published from now on. */
  readonly after?: number
}

/** What waits at most for a reader that is slow; further events are left out, and a gap says so. Of durable events the router sends no more ahead. */
const MOST_WAITING = 1024
const MOST_WAITING_BYTES = 4 * 1024 * 1024

/** Ends with `signal`. Throws what a subscription is refused with, and why the router has ended it. */
export async function* listen(
  router: Router,
  known: Known,
  { topics, after }: Listening,
  signal: AbortSignal,
): AsyncGenerator<Heard, void, undefined> {
  const arrivals = new Arrivals(after !== undefined)
  const client = router.inner(known, arrivals)
  try {
    for (const [index, topic] of topics.entries()) subscribe(client, index + 1, topic, after)
    for (;;) {
      const heard = await arrivals.next(signal)
      if (heard === undefined) return
      yield heard
      const taken = heard.kind === 'event' ? heard.id : heard.to
      if (after !== undefined && taken !== undefined)
        client.frame({ type: FrameType.eventsTaken, call: 1 }, [extensionField(Tag.cursor, String(taken))])
    }
  } finally {
    client.close()
  }
}

function subscribe(client: InnerClient, call: number, topic: string, after: number | undefined): void {
  const head = { type: FrameType.subscribe, flags: after === undefined ? 0 : Flag.durable, call }
  client.frame(head, [extensionField(Tag.topic, topic), ...(after === undefined ? [] : [extensionField(Tag.cursor, String(after))])])
}

class Arrivals implements InnerEvents {
  readonly #isDurable: boolean
  #waiting: { readonly heard: Heard; readonly bytes: number }[] = []
  #waitingBytes = 0
  #missed = 0
  #failure: WaybillError | undefined
  #wake: (() => void) | undefined

  constructor(isDurable: boolean) {
    this.#isDurable = isDurable
  }

  frame(frame: Frame): void {
    switch (frame.type) {
      case FrameType.event:
        this.#add(eventOf(frame), frame.body.byteLength)
        return
      case FrameType.gap:
        this.#add({ kind: 'gap', ...(parseBody(frame.encoding, frame.body) as object) }, 0)
        return
      case FrameType.rejected: {
        const { code, message } = failureOf(frame.encoding, frame.body, 'no')
        this.#fail(errorOf(code, message))
        return
      }
      default:
      // That the subscription stands, and what only clients with calls are told.
    }
  }

  ended(code: string): void {
    this.#fail(errorOf(code, `the subscription has ended with the session behind it: ${code}`))
  }

  /** Undefined once `signal` aborts. */
  async next(signal: AbortSignal): Promise<Heard | undefined> {
    for (;;) {
      if (signal.aborted) return undefined
      const first = this.#waiting.shift()
      if (first !== undefined) {
        this.#waitingBytes -= first.bytes
        return first.heard
      }
      if (this.#missed > 0) {
        const missed = this.#missed
        this.#missed = 0
        return { kind: 'gap', missed }
      }
      if (this.#failure !== undefined) throw this.#failure
      await this.#change(signal)
    }
  }

  #add(heard: Heard, bytes: number): void {
    const isFull = this.#waiting.length >= MOST_WAITING || this.#waitingBytes >= MOST_WAITING_BYTES
    if (!this.#isDurable && (isFull || this.#missed > 0)) this.#missed += heard.kind === 'gap' ? (heard.missed ?? 1) : 1
    else {
      this.#waiting.push({ heard, bytes })
      this.#waitingBytes += bytes
    }
    this.#wake?.()
  }

  #fail(error: WaybillError): void {
    this.#failure ??= error
    this.#wake?.()
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = undefined
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#wake = done
      signal.addEventListener('abort', done)
    })
  }
}

function eventOf(frame: Frame): ToldEvent {
  const [topic = '', sender = '', cursor, timestamp] = [Tag.topic, Tag.sender, Tag.cursor, Tag.timestamp].map((tag) =>
    fieldText(frame, tag),
  )
  const isDurable = (frame.flags & Flag.durable) !== 0
  return {
    kind: 'event',
    topic,
    sender,
    ...(isDurable && { id: Number(cursor) }),
    ...(isDurable && timestamp !== undefined && { timestamp }),
    ...valueOf(frame),
  }
}

/** The packet in which it came is not its own. */
function valueOf({ encoding, body }: Frame): { readonly value?: unknown } {
  try {
    return { value: parseBody(encoding, body.slice()) }
  } catch {
    return {}
  }
}
