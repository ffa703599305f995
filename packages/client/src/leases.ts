/**
 * The leases that this client holds: stored calls, over the end of sessions, from their arrival until the router says that their last word is safe.
 * Owns which there are and what was said last; what becomes of the calls is `Incoming`'s and `Running`'s.
 *
 * Nothing here has a limit of its own: a lease has one last word, and how many there are is the router's to bound. It gives no more calls at once than the
 * concurrency and the window allow, and holds each word that it has not said `kept` of itself.
 */
import { ADDRESSEE_BYTES, encodings, Flag, FrameType, ID_BYTES, readAddressees, readIds, WaybillError, writeIds } from '@waybill/core'
import type { FrameReader } from '@waybill/core'
import type { Connection } from './connection.js'
import type { IncomingCall } from './incoming-call.js'
import { sendLastWord, type Destination, type LastWord } from './last-words.js'
import { Joiner } from './pieces.js'

interface Holding {
  /** As long as it may still say something. */
  readonly call: IncomingCall | undefined
  readonly word: LastWord | undefined
}

/** Who is answered: a call, or what is known of one that was refused at the door. */
interface Speaker extends Destination {
  readonly lease: string | undefined
  readonly isAway: boolean
}

export class Leases {
  readonly #holdings = new Map<string, Holding>()
  readonly #connection: Connection
  /** Those that the router was asked about, in that order, until it has answered; and as much of its answer as is here. */
  #asked: readonly string[] = []
  #answer = new Joiner(0)

  constructor(connection: Connection) {
    this.#connection = connection
  }

  get size(): number {
    return this.#holdings.size
  }

  /** From its arrival on. A call that is refused at the door is none. */
  take(lease: string, call: IncomingCall | undefined): void {
    this.#holdings.set(lease, { call, word: undefined })
  }

  /** It is kept, unless the router has said that it need not be; and sent where there is anybody to hear it. */
  said(speaker: Speaker, word: LastWord): void {
    const { lease } = speaker
    if (lease !== undefined && this.#holdings.has(lease)) this.#holdings.set(lease, { call: undefined, word })
    if (!speaker.isAway) sendLastWord(this.#connection, word, speaker)
  }

  /** The call is over. What has said nothing is as good as never arrived. */
  left(call: IncomingCall): void {
    if (call.lease !== undefined && this.#holdings.get(call.lease)?.call === call) this.#holdings.delete(call.lease)
  }

  // ---- from one session to the next

  /** The session is gone. Calls that are here whole go on, and say nothing until it is known to whom. */
  lost(): void {
    this.#asked = []
    for (const { call } of this.#holdings.values()) if (call !== undefined && call.joiner === undefined) call.isAway = true
  }

  /** For good: nobody will ask. Returns the calls that belong to no session. */
  clear(): readonly IncomingCall[] {
    const away = [...this.#holdings.values()].flatMap(({ call }) => (call?.isAway === true ? [call] : []))
    this.#holdings.clear()
    return away
  }

  /** Asks to whom they are answered in this session, before anything else is said in it. */
  ask(): void {
    this.#asked = [...this.#holdings.keys()]
    this.#answer = new Joiner(this.#asked.length * ADDRESSEE_BYTES)
    const { pieceBytes, connected } = this.#connection
    const ids = writeIds(this.#asked)
    const encoding = ids.byteLength === 0 ? encodings.none : encodings.bytes
    const mostBytes = Math.max(1, Math.floor(pieceBytes / ID_BYTES)) * ID_BYTES
    let at = 0
    do {
      const end = Math.min(at + mostBytes, ids.byteLength)
      const flags = end < ids.byteLength ? Flag.more : 0
      this.#connection.writeRaw({ type: FrameType.holds, flags, source: connected!.symbol }, undefined, encoding, ids.subarray(at, end))
      at = end
    } while (at < ids.byteLength)
  }

  /**
   * The answer: calls have their addressee again, and what was said last meanwhile is sent. Returns the calls with where they belong now; nowhere where
   * they are no longer this client's. Throws `ProtocolViolation` or `TooLarge` where it is no answer to what was asked.
   */
  held(frame: FrameReader): readonly { readonly call: IncomingCall; readonly to: Destination | undefined }[] {
    this.#answer.add(frame.body())
    if ((frame.flags & Flag.more) !== 0) return []
    const addressees = readAddressees(this.#answer.join())
    const asked = this.#asked
    if (addressees.length !== asked.length) {
      throw new WaybillError('ProtocolViolation', `the router was asked about ${asked.length} leases, and answered of ${addressees.length}`)
    }
    this.#asked = []
    return addressees.flatMap(({ source, call: number }, index) => {
      const lease = asked[index]!
      const { call, word } = this.#holdings.get(lease) ?? {}
      const to = source === 0 && number === 0 ? undefined : { source, number }
      if (to === undefined) this.#holdings.delete(lease)
      else if (word !== undefined) sendLastWord(this.#connection, word, to)
      return call === undefined ? [] : [{ call, to }]
    })
  }

  /**
   * Their last words are safe, or of no use any more: a call that has not ended says its own, and nobody keeps it. Throws `ProtocolViolation`.
   */
  kept(frame: FrameReader): void {
    for (const lease of readIds(frame.body())) {
      // Of a call without a session the router has still to say whose it is.
      if (this.#holdings.get(lease)?.call?.isAway !== true) this.#holdings.delete(lease)
    }
  }
}
