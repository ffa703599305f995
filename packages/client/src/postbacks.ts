/**
 * What this client is told of calls that others made: statuses and outcomes that name it as their `replyto`. Owns the listeners, that each call has one
 * final word, and what waits as long as nobody listens: it is not taken, so the router keeps it as well.
 */
import { executedOf, findField, Flag, parseBodyIn, serialText, Tag, WaybillError } from '@waybill/core'
import type { BodyLimits, CallerEvent, Executed, FrameReader, Listener, Receipt, Soon } from '@waybill/core'
import type { Connection } from './connection.js'
import { errorFromException, readProgress, readRejection } from './failures.js'
import { Joiner } from './pieces.js'
import { inform } from './receipt.js'
import { Takings } from './takings.js'
import { failure } from './verdicts.js'

export type PostbackListener = Exclude<Listener<unknown>, { readonly replyto: string }>

/**
 * Calls whose outcome is remembered as given, many more than a router gives ahead of hearing that they were taken; outcomes that arrive in pieces,
 * and those for whom nobody listens yet, with the bytes of all of them. What is beyond is dropped, not taken, and comes again in the next session.
 */
const MOST_ENDED = 1024
const MOST_ARRIVING = 64
const MOST_WAITING = 256
const MOST_BYTES = 64 * 1024 * 1024

interface Head {
  readonly event: CallerEvent
  readonly flags: number
  readonly encoding: number
}

interface Arriving extends Head {
  readonly joiner: Joiner
}

/** The last word about a call. */
interface Outcome extends Head {
  readonly bytes: Uint8Array
}

export class Postbacks {
  readonly #listeners = new Set<PostbackListener>()
  readonly #ended = new Set<string>()
  /** The oldest first: where there are too many, it is taken for one that never ends. */
  readonly #arriving = new Map<string, Arriving>()
  /** Outcomes that wait for a listener, in the order in which they came. */
  readonly #waiting = new Map<string, Outcome>()
  #bytes = 0
  #waitingBytes = 0
  readonly #limits: BodyLimits
  readonly #soon: Soon
  readonly #takings: Takings
  readonly #receipt: (sn: string) => Receipt<unknown>

  constructor(parts: { limits: BodyLimits; soon: Soon; connection: Connection; receipt: (sn: string) => Receipt<unknown> }) {
    this.#limits = parts.limits
    this.#soon = parts.soon
    this.#takings = new Takings(parts.connection, parts.soon)
    this.#receipt = parts.receipt
  }

  listen(listener: PostbackListener): () => void {
    this.#listeners.add(listener)
    if (this.#waiting.size > 0) this.#soon.onTick(this.#give)
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
    if (field === undefined) return
    const sn = serialText(field)
    if (this.#ended.has(sn)) {
      // The router has not heard that it was taken.
      if (isLast(event)) this.#takings.add(sn)
      return
    }
    const { flags, encoding } = frame
    if (event !== undefined && (flags & Flag.more) === 0) return this.#heard(sn, { event, flags, encoding, bytes: frame.body() })
    const arriving = event === undefined ? this.#arriving.get(sn) : this.#expect(sn, { event, flags, encoding })
    if (arriving === undefined) return
    const piece = frame.body()
    arriving.joiner.add(piece)
    this.#bytes += piece.byteLength
    if ((flags & Flag.more) !== 0) return this.#makeRoom()
    this.#drop(sn, arriving)
    this.#heard(sn, { ...arriving, bytes: arriving.joiner.join() })
  }

  lost(): void {
    this.#arriving.clear()
    this.#bytes = 0
    this.#takings.lost()
  }

  /** Statuses are for who listens now. */
  #heard(sn: string, said: Outcome): void {
    const isHeld = this.#listeners.size === 0 || this.#waiting.size > 0
    if (isLast(said.event) && isHeld) this.#wait(sn, said)
    else if (this.#listeners.size > 0) this.#tell(sn, said)
  }

  #wait(sn: string, said: Outcome): void {
    const bytes = said.bytes.byteLength
    if (this.#waiting.has(sn) || this.#waiting.size >= MOST_WAITING || this.#waitingBytes + bytes > MOST_BYTES) return
    // Not the whole packet that it came in.
    this.#waiting.set(sn, { ...said, bytes: said.bytes.slice() })
    this.#waitingBytes += bytes
  }

  readonly #give = (): void => {
    for (const [sn, said] of this.#waiting) {
      // A listener may have ended the listening.
      if (this.#listeners.size === 0) return
      this.#waiting.delete(sn)
      this.#waitingBytes -= said.bytes.byteLength
      this.#tell(sn, said)
    }
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

  #expect(sn: string, head: Head): Arriving {
    const before = this.#arriving.get(sn)
    if (before !== undefined) this.#drop(sn, before)
    const arriving = { ...head, joiner: new Joiner(this.#limits.maxBodyBytes) }
    this.#arriving.set(sn, arriving)
    return arriving
  }

  #tell(sn: string, outcome: Outcome): void {
    const { event, flags, encoding, bytes } = outcome
    const receipt = this.#receipt(sn)
    let body: unknown
    if (isLast(event)) this.#end(sn)
    try {
      body = parseBodyIn(encoding, bytes, 0, bytes.byteLength, this.#limits, 'given')
    } catch (thrown) {
      if (isLast(event)) this.#each((listener) => inform(listener, 'exception', failure(thrown, executedBy(outcome)), receipt))
      return
    }
    switch (event) {
      case 'accepted':
      case 'started':
        return this.#each((listener) => inform(listener, event, undefined, receipt))
      case 'progress':
        return this.#each((listener) => inform(listener, event, readProgress(body), receipt))
      case 'rejected':
        return this.#each((listener) => inform(listener, event, readRejection(body), receipt))
      case 'result':
        return this.#each((listener) => inform(listener, event, body, receipt))
      case 'exception':
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
    this.#takings.add(sn)
  }
}

/** What is known of a call whose outcome cannot be read. */
function executedBy({ event, flags }: Outcome): Executed {
  if (event === 'exception') return executedOf(flags)
  return event === 'result' ? 'yes' : 'no'
}

function isLast(event: CallerEvent | undefined): boolean {
  return event === 'result' || event === 'exception' || event === 'rejected'
}
