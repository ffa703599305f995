/**
 * Parcels and outcomes to receivers that have an address: each is posted there, and what the address answers is what its receiver says. Owns what is under way.
 * Which addresses may be posted to, and how, is the poster's.
 */
import { WaybillError, type Clock, type Timer } from '@waybill/core'
import { aliasIn } from './aliases.js'
import { piecesOfLarge } from './content.js'
import type { Item } from './receiver.js'
import type { Present } from './receivers.js'
import { itemHeaders } from './item-headers.js'
import type { Registration } from './registrations.js'

export interface Poster {
  /** Throws where nothing may be posted to this address, or who is there does not want it. */
  check(address: string, signal: AbortSignal): Promise<void>
  /** What posts to it are signed with, and its receiver checks them by. */
  keyOf(registration: Registration): string
  /** Resolves with whatever was answered. Rejects with what went wrong, `executed` among it. */
  post(
    registration: Registration,
    request: {
      readonly headers: Readonly<Record<string, string>>
      readonly body: Uint8Array | AsyncIterable<Uint8Array>
      readonly bytes: number
    },
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }>
}

export interface PostingParts {
  readonly clock: Clock
  readonly poster: Poster | undefined
  /** What the router is reached at. */
  readonly base: () => string
  /** It answered that it has the parcel, and what it calls it. */
  readonly received: (present: Present, id: string, alias: string | undefined) => void
}

/** An outcome that could not be told is tried again so much later. */
const AGAIN_MS = [1000, 5000, 30_000, 120_000, 600_000] as const

export class Posting {
  readonly #parts: PostingParts
  readonly #stopped = new AbortController()
  readonly #timers = new Set<Timer>()

  constructor(parts: PostingParts) {
    this.#parts = parts
  }

  async check(address: string): Promise<void> {
    const { poster } = this.#parts
    if (poster === undefined)
      throw new WaybillError(
        'Forbidden',
        'this router posts to no addresses; start it with --webhook and the origin, or register without an address and come for parcels with GET /receive',
      )
    await poster.check(address, this.#stopped.signal)
  }

  /** Undefined where nothing is posted to it. */
  keyOf(registration: Registration): string | undefined {
    return registration.address === undefined ? undefined : this.#parts.poster?.keyOf(registration)
  }

  post(present: Present, item: Item): void {
    void (item.kind === 'parcel' ? this.#parcel(present, item) : this.#outcome(present, item, 0))
  }

  stop(): void {
    this.#stopped.abort()
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  async #parcel(present: Present, item: Item): Promise<void> {
    const { receiver, registration } = present
    const { name } = registration
    try {
      const { status, body } = await this.#send(present, item)
      if (status >= 200 && status < 300) return this.#parts.received(present, item.id, aliasIn(body))
      // One that failed may have begun; any other says that it does not want it.
      if (status >= 500) return receiver.failed(item.id, `${name} answered ${status} to the parcel, and may have taken it`, 'maybe')
      const what = `${name} answered ${status} to the parcel, which it has not taken`
      receiver.refused(item.id, new WaybillError('Rejected', what, { details: { status } }))
    } catch (thrown) {
      if (this.#stopped.signal.aborted) return
      const error = WaybillError.from(thrown, 'maybe')
      if (error.executed === 'no') receiver.refused(item.id, error)
      else receiver.failed(item.id, error, 'maybe')
    }
  }

  /** Again and again, as it is owed; until then it waits with the router. Who has no address any more comes for it. */
  async #outcome(present: Present, item: Item, times: number): Promise<void> {
    if (present.registration.address === undefined) return present.waiting.add(item)
    try {
      const { status } = await this.#send(present, item)
      if (status >= 200 && status < 300) return present.receiver.taken(item.sn)
    } catch {
      if (this.#stopped.signal.aborted) return
    }
    const afterMs = AGAIN_MS[Math.min(times, AGAIN_MS.length - 1)]!
    const timer = this.#parts.clock.timer(afterMs, () => {
      this.#timers.delete(timer)
      if (!present.receiver.client.isOver) void this.#outcome(present, item, times + 1)
    })
    this.#timers.add(timer)
  }

  #send({ registration }: Present, item: Item): ReturnType<Poster['post']> {
    const { poster, base } = this.#parts
    if (poster === undefined) {
      const what = `this router posts to no addresses any more, and ${registration.name} is registered with one`
      return Promise.reject(new WaybillError('Rejected', what))
    }
    // How long the body is says whoever writes it.
    const { 'content-length': _length, ...headers } = itemHeaders(item, base())
    return poster.post(registration, { headers, ...bodyOf(item) }, this.#stopped.signal)
  }
}

function bodyOf({ bytes, large }: Item): { readonly body: Uint8Array | AsyncIterable<Uint8Array>; readonly bytes: number } {
  return large === undefined ? { body: bytes, bytes: bytes.byteLength } : { body: piecesOfLarge(large), bytes: large.size }
}
