/**
 * Dead letters, tried again: each as a stored call of its own, with another serial number, which asks for the same as the one that is dead.
 */
import { findField, FrameReader, Offset, serialBytes, Tag, writeU32, type Clock } from '@waybill/core'
import type { Limits } from './limits.js'
import type { Making } from './making.js'
import type { Receipt, StoredTerms } from './model.js'
import type { Noted, Notes } from './notes.js'
import type { Permission } from './permission.js'
import type { Receipts } from './receipts.js'
import type { Store } from './store.js'

export interface RedrivingParts {
  readonly limits: Limits
  readonly clock: Clock
  readonly receipts: Receipts
  readonly store: Store
  readonly permission: Permission
  readonly notes: Notes
  readonly making: Making
}

export class Redriving {
  readonly #parts: RedrivingParts
  readonly #frame: FrameReader
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
    const { clock, receipts, making } = this.#parts
    const { sn } = making.begin(anew(old, clock.wallMs()), {
      frames: (serial, number) => this.#renumbered(frames, serial, number),
      keptBytes: notes.reduce((sum, [, { bytes }]) => sum + bytes.byteLength, 0),
      before: (receipt) => {
        for (const [key, { encoding, bytes }] of notes) receipts.noted(receipt, key, encoding, bytes)
      },
    })
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
}

/** With all of its time before it. */
function anew(old: StoredTerms, nowMs: number): Omit<StoredTerms, 'sn'> {
  const { sn: redriveOf, storedMs, waitUntilMs, deadlineMs, ...asked } = old
  const later = (ms: number): number => nowMs + (ms - storedMs)
  return { ...asked, redriveOf, storedMs: nowMs, waitUntilMs: later(waitUntilMs), deadlineMs: later(deadlineMs) }
}
