/**
 * What this client is told of calls that others made: statuses and outcomes that name it as their `replyto`. Owns the listeners, and that each
 * call has one final word.
 */
import { executedOf, findField, Flag, parseBodyIn, serialText, Tag } from '@waybill/core'
import type { BodyLimits, CallerEvent, FrameReader, Listener, Receipt } from '@waybill/core'
import { errorFromException, readProgress, readRejection } from './failures.js'
import { Joiner } from './pieces.js'
import { inform } from './receipt.js'

export type PostbackListener = Exclude<Listener<unknown>, { readonly replyto: string }>

/** Calls whose outcome is remembered, and outcomes that arrive in pieces. */
const MOST_ENDED = 1024
const MOST_ARRIVING = 64

interface Arriving {
  readonly event: CallerEvent
  readonly flags: number
  readonly encoding: number
  readonly joiner: Joiner
}

export class Postbacks {
  readonly #listeners = new Set<PostbackListener>()
  readonly #ended = new Set<string>()
  readonly #arriving = new Map<string, Arriving>()
  readonly #limits: BodyLimits
  readonly #receipt: (sn: string) => Receipt<unknown>

  constructor(limits: BodyLimits, receipt: (sn: string) => Receipt<unknown>) {
    this.#limits = limits
    this.#receipt = receipt
  }

  listen(listener: PostbackListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A frame whose call is 0. What cannot be read is dropped: it is nobody's call here. */
  arrived(frame: FrameReader, event: CallerEvent | undefined): void {
    const field = findField(frame, Tag.sn)
    if (field === undefined || this.#listeners.size === 0) return
    const sn = serialText(field)
    if (this.#ended.has(sn)) return
    const { flags, encoding } = frame
    if (event !== undefined && (flags & Flag.more) === 0) return this.#tell(sn, event, flags, encoding, frame.body())
    const arriving = event === undefined ? this.#arriving.get(sn) : this.#expect(sn, { event, flags, encoding })
    if (arriving === undefined) return
    arriving.joiner.add(frame.body())
    if ((flags & Flag.more) !== 0) return
    this.#arriving.delete(sn)
    this.#tell(sn, arriving.event, arriving.flags, arriving.encoding, arriving.joiner.join())
  }

  lost(): void {
    this.#arriving.clear()
  }

  #expect(sn: string, head: Omit<Arriving, 'joiner'>): Arriving | undefined {
    if (this.#arriving.size >= MOST_ARRIVING) return undefined
    const arriving = { ...head, joiner: new Joiner(this.#limits.maxBodyBytes) }
    this.#arriving.set(sn, arriving)
    return arriving
  }

  #tell(sn: string, event: CallerEvent, flags: number, encoding: number, bytes: Uint8Array): void {
    const body = parseBodyIn(encoding, bytes, 0, bytes.byteLength, this.#limits, 'given')
    const receipt = this.#receipt(sn)
    switch (event) {
      case 'accepted':
      case 'started':
        return this.#each((listener) => inform(listener, event, undefined, receipt))
      case 'progress':
        return this.#each((listener) => inform(listener, event, readProgress(body), receipt))
      case 'rejected':
        this.#end(sn)
        return this.#each((listener) => inform(listener, event, readRejection(body), receipt))
      case 'result':
        this.#end(sn)
        return this.#each((listener) => inform(listener, event, body, receipt))
      case 'exception':
        this.#end(sn)
        return this.#each((listener) => inform(listener, event, errorFromException(body, executedOf(flags), []), receipt))
      default:
        return
    }
  }

  #each(tell: (listener: PostbackListener) => void): void {
    for (const listener of this.#listeners) tell(listener)
  }

  #end(sn: string): void {
    this.#ended.add(sn)
    const [oldest] = this.#ended
    if (this.#ended.size > MOST_ENDED) this.#ended.delete(oldest!)
  }
}
