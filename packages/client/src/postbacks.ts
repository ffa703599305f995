/**
 * What this client is told of calls that others made: statuses and outcomes that name it as their `replyto`. Owns the listeners, and that each
 * call has one final word.
 */
import { executedOf, findField, Flag, parseBodyIn, serialText, Tag, WaybillError } from '@waybill/core'
import type { BodyLimits, CallerEvent, FrameReader, Listener, Receipt } from '@waybill/core'
import { errorFromException, readProgress, readRejection } from './failures.js'
import { Joiner } from './pieces.js'
import { inform } from './receipt.js'

export type PostbackListener = Exclude<Listener<unknown>, { readonly replyto: string }>

/** Calls whose outcome is remembered, and outcomes that arrive in pieces, with the bytes of all of them. */
const MOST_ENDED = 1024
const MOST_ARRIVING = 64
const MOST_BYTES = 64 * 1024 * 1024

interface Arriving {
  readonly event: CallerEvent
  readonly flags: number
  readonly encoding: number
  readonly joiner: Joiner
}

export class Postbacks {
  readonly #listeners = new Set<PostbackListener>()
  readonly #ended = new Set<string>()
  /** The oldest first: where there are too many, it is taken for one that never ends. */
  readonly #arriving = new Map<string, Arriving>()
  #bytes = 0
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

  /** A frame whose call is 0. What cannot be read is dropped: it is nobody's call here, and who wrote it is not the router. */
  arrived(frame: FrameReader, event: CallerEvent | undefined): void {
    try {
      this.#arrived(frame, event)
    } catch (thrown) {
      if (!(thrown instanceof WaybillError)) throw thrown
    }
  }

  #arrived(frame: FrameReader, event: CallerEvent | undefined): void {
    const field = findField(frame, Tag.sn)
    if (field === undefined || this.#listeners.size === 0) return
    const sn = serialText(field)
    if (this.#ended.has(sn)) return
    const { flags, encoding } = frame
    if (event !== undefined && (flags & Flag.more) === 0) return this.#tell(sn, event, flags, encoding, frame.body())
    const arriving = event === undefined ? this.#arriving.get(sn) : this.#expect(sn, { event, flags, encoding })
    if (arriving === undefined) return
    const piece = frame.body()
    arriving.joiner.add(piece)
    this.#bytes += piece.byteLength
    if ((flags & Flag.more) !== 0) return this.#makeRoom()
    this.#drop(sn, arriving)
    this.#tell(sn, arriving.event, arriving.flags, arriving.encoding, arriving.joiner.join())
  }

  lost(): void {
    this.#arriving.clear()
    this.#bytes = 0
  }

  #makeRoom(): void {
    for (const [sn, arriving] of this.#arriving) {
      if (this.#arriving.size <= MOST_ARRIVING && this.#bytes <= MOST_BYTES) return
      this.#drop(sn, arriving)
    }
  }

  #drop(sn: string, { joiner }: Arriving): void {
    this.#bytes -= joiner.bytes
    this.#arriving.delete(sn)
  }

  #expect(sn: string, head: Omit<Arriving, 'joiner'>): Arriving {
    const before = this.#arriving.get(sn)
    if (before !== undefined) this.#drop(sn, before)
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
