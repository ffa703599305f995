/**
 * A stream that this side sends: takes step after step of what the user gave, as far as its reader has given credit, and writes the items. Takes no
 * step without credit, and one at a time; the next one only when the item before is written, so until then its bytes stay the user's. Owns the
 * user's iterator; how the end is told is its owner's.
 */
import { bodyBytes, encodings, Flag, prepareBody, WaybillError } from '@waybill/core'
import type { BodyLimits, PreparedBody, StreamKind } from '@waybill/core'
import { isPromise, letGo, type Step, type Steps } from './steps.js'
import type { Way, Writing } from './way.js'

/** How a stream ended. `stopped`: its reader wanted no more, and whatever came of that is nobody's any more. */
export type FlowEnd =
  | { readonly kind: 'ended'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: unknown }
  /** What it gave cannot travel: our word, not the user's. */
  | { readonly kind: 'refused'; readonly error: WaybillError }
  | { readonly kind: 'stopped' }

export interface OutflowParts {
  readonly number: number
  readonly kind: StreamKind
  /** Begins to read what the user gave. Called once, when there is credit, or to tell it that nobody wants any of it. */
  readonly begin: () => Steps
  readonly limits: BodyLimits
  /** Called once. */
  readonly over: (end: FlowEnd) => void
}

/** What is left to be written of an item: a body that fits in one frame, or bytes that are cut. */
type Rest = { readonly whole: PreparedBody } | { readonly encoding: number; readonly bytes: Uint8Array }

export class Outflow implements Writing {
  readonly #parts: OutflowParts
  #way: Way | undefined
  #steps: Steps | undefined
  #credit = 0
  /** A step is being taken, or what it gave waits to be written. */
  #busy = false
  #rest: Rest | undefined
  /** What is left of a piece of bytes waits for credit. */
  #held = false
  #stopping = false
  #over = false

  constructor(parts: OutflowParts) {
    this.#parts = parts
  }

  /** It waits for the user's code. */
  get isSlow(): boolean {
    return this.#busy && this.#rest === undefined && !this.#over && !this.#stopping
  }

  grant(way: Way, bytes: number): void {
    this.#way = way
    this.#credit += bytes
    if (this.#held && this.#credit > 0) this.#put()
    this.#advance()
  }

  /** Nobody wants any more: the user's code is told, and what comes of that is waited for. */
  stop(): void {
    this.#leave({ kind: 'stopped' })
  }

  // ---- reading

  #advance(): void {
    while (!this.#busy && !this.#over && !this.#stopping && this.#credit > 0) {
      this.#busy = true
      try {
        this.#steps ??= this.#parts.begin()
        const step = this.#steps.next()
        // A promise of another make may settle twice; ours does not.
        if (isPromise(step)) return void (step instanceof Promise ? step : Promise.resolve(step)).then(this.#took, this.#threw)
        this.#take(step)
      } catch (thrown) {
        this.#threw(thrown)
      }
    }
  }

  readonly #took = (step: Step): void => {
    try {
      this.#take(step)
    } catch (thrown) {
      return this.#threw(thrown)
    }
    this.#advance()
  }

  readonly #threw = (error: unknown): void => {
    if (!this.#stopping) this.#finish({ kind: 'threw', error })
  }

  #take(step: Step): void {
    if (this.#over || this.#stopping) return
    if (typeof step !== 'object' || step === null) throw new TypeError('a step of the stream is no object')
    const { done, value } = step
    if (done === true) return this.#finish({ kind: 'ended', value })
    try {
      this.#rest = this.#restOf(value)
    } catch (thrown) {
      return this.#leave({ kind: 'refused', error: WaybillError.from(thrown) })
    }
    this.#put()
  }

  /** Nothing more is taken of what the user gave: it is told, and has its say before the end is told. */
  #leave(end: FlowEnd): void {
    if (this.#over || this.#stopping) return
    this.#stopping = true
    this.#rest = undefined
    letGo(
      () => (this.#steps ??= this.#parts.begin()),
      () => this.#finish(end),
    )
  }

  #restOf(value: unknown): Rest {
    const { kind, limits } = this.#parts
    if (kind === 'bytes') {
      if (!(value instanceof Uint8Array)) throw new TypeError('a stream of bytes gave something else')
      return { encoding: encodings.bytes, bytes: value }
    }
    const whole = prepareBody(value, limits, 'item')
    return whole.byteLengthBound <= this.#way!.pieceBytes ? { whole } : { encoding: whole.encoding, bytes: bodyBytes(whole) }
  }

  // ---- writing

  /** At once as far as there is room, else behind what waits already. */
  #put(): void {
    this.#held = false
    while (this.#way!.isFree) if (!this.#write()) return
    this.#way!.enqueue(this)
  }

  writeNext(): boolean {
    if (this.#write()) return true
    this.#advance()
    return false
  }

  /** The next frame of the item; true when more of it remains and may go. */
  #write(): boolean {
    const { number, kind } = this.#parts
    const rest = this.#rest
    if (rest === undefined || !this.#way!.isOpen) return false
    if ('whole' in rest) {
      this.#credit -= this.#way!.item(number, rest.whole)
      return this.#written()
    }
    const { encoding, bytes } = rest
    const { pieceBytes } = this.#way!
    const more = bytes.byteLength > pieceBytes
    // Bytes are bytes: each piece of them is an item.
    this.#credit -= this.#way!.piece(number, more && kind !== 'bytes' ? Flag.more : 0, encoding, bytes.subarray(0, pieceBytes))
    if (!more) return this.#written()
    this.#rest = { encoding, bytes: bytes.subarray(pieceBytes) }
    this.#held = kind === 'bytes' && this.#credit <= 0
    return !this.#held
  }

  #written(): false {
    this.#rest = undefined
    this.#busy = false
    return false
  }

  #finish(end: FlowEnd): void {
    if (this.#over) return
    this.#over = true
    this.#rest = undefined
    this.#parts.over(end)
  }
}
