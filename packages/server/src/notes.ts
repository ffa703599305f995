/**
 * What callees have done for a call and are not to do again, should they be handed it once more: values by call and key. Only who has the call at the moment
 * may record one, and the first one stays. Owns which may be asked for; values are not read.
 */
import { quoted, WaybillError } from '@waybill/core'
import type { Leases } from './leases.js'
import type { Limits } from './limits.js'
import type { Note, Receipt, Session } from './model.js'
import type { Receipts } from './receipts.js'
import type { Store } from './store.js'

/** A value as its bytes came. */
export interface Noted {
  readonly encoding: number
  readonly bytes: Uint8Array
}

const MAX_KEY_CHARACTERS = 256

export class Notes {
  readonly #limits: Limits
  readonly #leases: Leases
  readonly #receipts: Receipts
  readonly #store: Store

  constructor(parts: { limits: Limits; leases: Leases; receipts: Receipts; store: Store }) {
    this.#limits = parts.limits
    this.#leases = parts.leases
    this.#receipts = parts.receipts
    this.#store = parts.store
  }

  /** What is recorded; undefined where nothing is. Rejects with `Forbidden` where the lease is not the session's, or void. */
  async noted(session: Session, lease: string, key: string): Promise<Noted | undefined> {
    const note = this.#held(session, lease, key).notes?.get(key)
    return note && this.read(note)
  }

  /** Records the value, unless there is one, which it resolves to then. Rejects as `noted`, with `TooLarge` or `Overloaded`. */
  async note(session: Session, lease: string, key: string, value: Noted): Promise<Noted | undefined> {
    const receipt = this.#held(session, lease, key)
    const before = receipt.notes?.get(key)
    if (before !== undefined) return this.read(before)
    const { maxNotesPerCall, maxNoteBytes: limit } = this.#limits
    const size = value.bytes.byteLength
    if (size > limit)
      throw new WaybillError('TooLarge', `the value of ${quoted(key)} has ${size} bytes; a recorded one has at most ${limit}`, {
        executed: 'no',
        details: { limit, size },
      })
    if ((receipt.notes?.size ?? 0) >= maxNotesPerCall)
      throw new WaybillError('TooLarge', `a call records at most ${maxNotesPerCall} values`, {
        executed: 'no',
        details: { limit: maxNotesPerCall },
      })
    this.#receipts.assertRoom(size)
    this.#receipts.noted(receipt, key, value.encoding, value.bytes)
    return undefined
  }

  /** Rejects with `Damaged`. */
  read(note: Note): Promise<Noted> {
    const { encoding } = note
    return new Promise((resolve, reject) => {
      this.#store.value(note, (bytes, error) => {
        if (bytes === undefined) reject(error!)
        else resolve({ encoding, bytes })
      })
    })
  }

  #held(session: Session, lease: string, key: string): Receipt {
    if (key.length === 0 || key.length > MAX_KEY_CHARACTERS)
      throw new WaybillError('BadArguments', `the key has ${key.length} characters; it may have 1 to ${MAX_KEY_CHARACTERS}`)
    const receipt = this.#leases.holding(session, lease.replaceAll('-', ''))?.receipt
    if (receipt === undefined)
      throw new WaybillError('Forbidden', 'the lease is void: the call has ended otherwise, or somebody else has it', { executed: 'no' })
    return receipt
  }
}
