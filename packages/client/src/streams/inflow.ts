/**
 * A stream that this side reads: what arrives waits here until somebody asks for it, and its sender is given credit as it is taken. Owns the
 * items between the wire and the reader. What the reader holds of it is `facade`'s.
 */
import { encodings, Flag, itemCost, parseBodyIn, Queue, streamConstants, WaybillError } from '@waybill/core'
import type { BodyLimits, FrameReader, StreamKind } from '@waybill/core'
import { Joiner } from '../pieces.js'
import type { Way } from './way.js'

const { windowBytes } = streamConstants
const GRANT_BYTES = windowBytes / 2

export type Reading = IteratorResult<unknown, unknown>

interface Asking {
  readonly resolve: (reading: Reading) => void
  readonly reject: (error: unknown) => void
}

export interface InflowParts {
  readonly number: number
  readonly kind: StreamKind
  readonly limits: BodyLimits
  /** Credit that its sender has without being given it. */
  readonly creditBytes: number
  /** The way back to the sender, while there is one. */
  readonly way: () => Way | undefined
  /** The sender broke a rule: the call cannot go on. */
  readonly broken: (error: WaybillError) => void
}

export class Inflow {
  readonly #parts: Omit<InflowParts, 'way' | 'broken'>
  /** Until the end: who still holds the stream then holds nothing of its call. */
  #sender: Pick<InflowParts, 'way' | 'broken'> | undefined
  readonly #items = new Queue<{ readonly value: unknown; readonly cost: number }>()
  readonly #asking = new Queue<Asking>()
  #joiner: Joiner | undefined
  #joinedCost = 0
  #end: { readonly value: unknown } | { readonly error: unknown } | undefined
  /** Credit that the sender has left. */
  #credit: number
  /** Taken by the reader, and not given back yet. */
  #taken = 0
  #begun = false

  constructor({ way, broken, ...parts }: InflowParts) {
    this.#parts = parts
    this.#sender = { way, broken }
    this.#credit = parts.creditBytes
  }

  get kind(): StreamKind {
    return this.#parts.kind
  }

  /** Its reader has begun, and has not taken what is there: nothing can be heard from the sender. */
  get isWaiting(): boolean {
    return this.#begun && this.#items.size > 0
  }

  // ---- the sender's

  arrived(frame: FrameReader): void {
    if (this.#end !== undefined) return
    const cost = itemCost(frame.end - frame.start)
    // An item may be begun with the last byte of credit, and then goes on to its end.
    if (this.#credit <= 0 && this.#joiner === undefined) return this.#violate('its sender begins an item without credit')
    this.#credit -= cost
    if (this.#credit < -(this.#parts.limits.maxBodyBytes + windowBytes)) return this.#violate('its sender goes on without credit')
    try {
      if ((frame.flags & Flag.more) !== 0 || this.#joiner !== undefined) this.#join(frame, cost)
      else this.#add(frame.encoding, frame.bytes, frame.bodyStart, frame.end, cost)
    } catch (thrown) {
      this.#violate(WaybillError.from(thrown).message)
    }
  }

  #join(frame: FrameReader, cost: number): void {
    const joiner = (this.#joiner ??= new Joiner(this.#parts.limits.maxBodyBytes))
    this.#joinedCost += cost
    joiner.add(frame.body())
    if ((frame.flags & Flag.more) !== 0) return
    const whole = joiner.join()
    this.#add(frame.encoding, whole, 0, whole.byteLength, this.#joinedCost)
    this.#joiner = undefined
    this.#joinedCost = 0
  }

  #add(encoding: number, bytes: Uint8Array, start: number, end: number, cost: number): void {
    const { kind, limits } = this.#parts
    if (kind === 'bytes' && encoding !== encodings.bytes)
      throw new WaybillError('ProtocolViolation', 'a stream of bytes brings something else')
    const value = parseBodyIn(encoding, bytes, start, end, limits, 'given')
    const asking = this.#asking.shift()
    if (asking === undefined) return this.#items.push({ value, cost })
    this.#took(cost)
    asking.resolve({ done: false, value })
  }

  #violate(why: string): void {
    const { number } = this.#parts
    const error = new WaybillError('ProtocolViolation', `stream ${number} is broken: ${why}`, { executed: 'maybe' })
    const sender = this.#sender!
    this.failed(error)
    sender.way()?.stop(number)
    sender.broken(error)
  }

  /** `value` is what a generator returned. What arrived before is still there. */
  ended(value: unknown): void {
    if (this.#end !== undefined) return
    if (this.#joiner !== undefined) {
      return this.failed(new WaybillError('ProtocolViolation', 'the stream ended within an item', { executed: 'maybe' }))
    }
    this.#end = { value }
    this.#over()
    for (let asking = this.#asking.shift(); asking !== undefined; asking = this.#asking.shift()) asking.resolve(this.#last())
  }

  failed(error: unknown): void {
    if (this.#end !== undefined) return
    this.#end = { error }
    this.#over()
    const asking = this.#asking.shift()
    if (asking === undefined) return
    this.#end = { value: undefined }
    asking.reject(error)
    for (let next = this.#asking.shift(); next !== undefined; next = this.#asking.shift()) next.resolve(this.#last())
  }

  #over(): void {
    this.#sender = undefined
    this.#joiner = undefined
  }

  // ---- the reader's

  next(): Promise<Reading> {
    if (!this.#begun) this.#begin()
    const item = this.#items.shift()
    if (item !== undefined) {
      this.#took(item.cost)
      return Promise.resolve({ done: false, value: item.value })
    }
    if (this.#end === undefined) return new Promise((resolve, reject) => this.#asking.push({ resolve, reject }))
    if ('value' in this.#end) return Promise.resolve(this.#last())
    const { error } = this.#end
    this.#end = { value: undefined }
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- what a method threw is the user's own
    return Promise.reject(error)
  }

  /** The reader wants no more: what is here is dropped, and the sender is told. */
  stop(): void {
    this.#items.clear()
    if (this.#end === undefined) {
      const sender = this.#sender!
      this.#joiner = undefined
      this.ended(undefined)
      sender.way()?.stop(this.#parts.number)
    }
    this.#end = { value: undefined }
  }

  /** What a generator returned is told once. */
  #last(): Reading {
    const value = this.#end !== undefined && 'value' in this.#end ? this.#end.value : undefined
    this.#end = { value: undefined }
    return { done: true, value }
  }

  #begin(): void {
    this.#begun = true
    if (this.#parts.creditBytes === 0 && this.#end === undefined) this.#grant(windowBytes)
  }

  #took(cost: number): void {
    this.#taken += cost
    if (this.#taken < GRANT_BYTES || this.#end !== undefined) return
    this.#grant(this.#taken)
    this.#taken = 0
  }

  #grant(bytes: number): void {
    this.#credit += bytes
    this.#sender?.way()?.credit(this.#parts.number, bytes)
  }
}
