/**
 * Dead letters, tried again: each as a stored call of its own, with another serial number, which asks for the same as the one that is dead. Owns those
 * numbers, and who stands for the callers of these calls.
 */
import {
  callNumber,
  findField,
  FrameReader,
  mintIncarnation,
  Offset,
  serialBytes,
  serialNumber,
  Tag,
  writeU32,
  type Clock,
  type Random,
} from '@waybill/core'
import type { Delivery } from './delivery.js'
import type { Endings } from './endings.js'
import type { Limits } from './limits.js'
import type { Receipt, Session, StoredTerms } from './model.js'
import type { Noted, Notes } from './notes.js'
import type { Permission } from './permission.js'
import type { Receipts } from './receipts.js'
import { remade } from './remade.js'
import type { Routes } from './routes.js'
import type { Sessions } from './sessions.js'
import type { Store } from './store.js'

export interface RedrivingParts {
  readonly limits: Limits
  readonly clock: Clock
  readonly random: Random
  readonly delivery: Delivery
  readonly endings: Endings
  readonly receipts: Receipts
  readonly store: Store
  readonly sessions: Sessions
  readonly routes: Routes
  readonly permission: Permission
  readonly notes: Notes
}

export class Redriving {
  readonly #parts: RedrivingParts
  readonly #frame: FrameReader
  /** By principal and name, as long as they have calls. */
  readonly #callers = new Map<string, Session>()
  #incarnation: string | undefined
  #made = 0

  constructor(parts: RedrivingParts) {
    this.#parts = parts
    this.#frame = new FrameReader(parts.limits.maxFrameBytes)
  }

  /** The other try: it is made once, however often it is asked for. Rejects with `Forbidden`, `Overloaded` or `Damaged`. */
  async redrive(dead: Receipt): Promise<{ readonly sn: string; readonly duplicate: boolean }> {
    if (dead.redrivenAs !== undefined) return { sn: dead.redrivenAs, duplicate: true }
    const forbidden = this.#parts.permission.anew(dead.terms)
    if (forbidden !== undefined) throw forbidden
    const frames = await this.#framesOf(dead)
    const notes = await this.#notesOf(dead)
    // Somebody else may have asked meanwhile.
    if (dead.redrivenAs !== undefined) return { sn: dead.redrivenAs, duplicate: true }
    return { sn: this.#begin(dead.terms, frames, notes), duplicate: false }
  }

  #framesOf(dead: Receipt): Promise<readonly Uint8Array[]> {
    return new Promise((resolve, reject) => {
      this.#parts.store.frames(dead, (frames, error) => {
        if (frames === undefined) reject(error!)
        else resolve(frames)
      })
    })
  }

  /** What was done for it is not to be done again. */
  #notesOf({ notes = new Map() }: Receipt): Promise<readonly (readonly [key: string, noted: Noted])[]> {
    return Promise.all(Array.from(notes, async ([key, note]) => [key, await this.#parts.notes.read(note)] as const))
  }

  #begin(old: StoredTerms, frames: readonly Uint8Array[], notes: readonly (readonly [key: string, noted: Noted])[]): string {
    const { clock, receipts, endings, delivery } = this.#parts
    const counter = ++this.#made
    const number = callNumber(counter)
    this.#incarnation ??= mintIncarnation(clock, this.#parts.random)
    const sn = serialNumber(this.#incarnation, counter)
    const terms = anew(old, sn, clock.wallMs())
    const caller = this.#callerOf(terms)
    const call = remade(terms, caller, number, this.#parts)
    try {
      receipts.assertRoom(notes.reduce((sum, [, { bytes }]) => sum + bytes.byteLength, 0))
      const receipt = receipts.store(call, terms, this.#renumbered(frames, sn, number))
      receipt.frames = undefined
      caller.calls.add(number, call)
      for (const [key, { encoding, bytes }] of notes) receipts.noted(receipt, key, encoding, bytes)
    } catch (thrown) {
      if (caller.calls.size === 0) endings.gone(caller)
      throw thrown
    }
    endings.wheel.add(call, call.waitUntilMs)
    delivery.accept(call)
    return sn
  }

  /** Copies, as the dead letter keeps its own. */
  #renumbered(frames: readonly Uint8Array[], sn: string, number: number): readonly Uint8Array[] {
    return frames.map((bytes) => {
      const copy = bytes.slice()
      writeU32(copy, Offset.call, number)
      this.#frame.open(copy, 0)
      if (this.#frame.next()) findField(this.#frame, Tag.sn)?.set(serialBytes(sn))
      return copy
    })
  }

  #callerOf({ principal, client }: StoredTerms): Session {
    const key = `${client} ${principal}`
    const known = this.#callers.get(key)
    if (known !== undefined && known.calls.size > 0) return known
    // One whose calls have ended is released, and stands for nobody any more.
    for (const [other, { calls }] of this.#callers) if (calls.size === 0) this.#callers.delete(other)
    const caller = this.#parts.sessions.departed(client, principal, this.#incarnation!)
    this.#callers.set(key, caller)
    return caller
  }
}

/** With all of its time before it. */
function anew(old: StoredTerms, sn: string, nowMs: number): StoredTerms {
  const { sn: redriveOf, storedMs, waitUntilMs, deadlineMs } = old
  const later = (ms: number): number => nowMs + (ms - storedMs)
  return { ...old, sn, redriveOf, storedMs: nowMs, waitUntilMs: later(waitUntilMs), deadlineMs: later(deadlineMs) }
}
