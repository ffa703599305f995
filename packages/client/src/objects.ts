/**
 * The objects that answer calls of one exposure: the exposed one, one for each call, or those that are kept for a caller or a key. Owns which
 * of them there are and when each is dropped; one that is at work is dropped when it has finished.
 */
import { WaybillError } from '@waybill/core'
import type { InstanceRule } from '@waybill/core'
import type { Construct } from './arrival.js'

/** Of the objects that one exposure keeps. */
export const MAX_KEPT = 10_000

type Constructor = new (...args: readonly unknown[]) => object

/** What a call says about the object that it wants. */
export interface Wanted {
  /** The caller's session. */
  readonly source: number
  readonly construct: Construct | undefined
  readonly sticky: string | undefined
}

/** An object, and how many calls it is at work for. */
export interface Held {
  readonly object: object
  uses: number
  /** Nobody finds it any more: it goes when it has finished. */
  dropped: boolean
}

/** The user's own constructor threw. */
export class Unbuilt extends Error {
  constructor(cause: unknown) {
    super('the constructor threw', { cause })
  }
}

export class Objects {
  /** By caller, or by key; there by the arguments of the constructor. The one that was used last stands last. */
  readonly #kept = new Map<number | string, Map<string, Held>>()
  readonly #service: string
  readonly #target: object
  readonly #rule: InstanceRule
  readonly #report: (error: unknown) => void
  /** For what needs no object of the user's. */
  readonly none: Held = { object: {}, uses: 0, dropped: false }
  readonly #shared: Held
  #size = 0
  #retired = false

  /** `report` is told what an object throws when it is disposed of. */
  constructor(parts: { service: string; target: object; rule: InstanceRule; report: (error: unknown) => void }) {
    this.#service = parts.service
    this.#target = parts.target
    this.#rule = typeof parts.target === 'function' ? parts.rule : 'shared'
    this.#report = parts.report
    this.#shared = { object: parts.target, uses: 0, dropped: false }
  }

  /** Throws what the call is to be refused with, or `Unbuilt`. What was taken is given back by `leave`. */
  take(wanted: Wanted): Held {
    switch (this.#rule) {
      case 'shared':
        if (wanted.construct === undefined) return this.#shared
        throw new WaybillError('Rejected', `${this.#service} is one object that is there already: nothing is constructed for a call`)
      case 'call':
        return { object: this.#make(wanted), uses: 1, dropped: true }
      case 'session':
        return this.#keep(wanted.source, wanted)
      case 'key':
        if (wanted.sticky !== undefined) return this.#keep(wanted.sticky, wanted)
        throw new WaybillError('BadArguments', `${this.#service} keeps an object for each key: its calls need the option sticky`)
    }
  }

  leave(held: Held): void {
    if (held === this.#shared || held === this.none) return
    held.uses--
    if (held.dropped && held.uses === 0) this.#dispose(held.object)
  }

  callerGone(source: number): void {
    if (this.#rule === 'session') this.#drop(source)
  }

  /** All callers are gone, as the session is. */
  callersGone(): void {
    if (this.#rule === 'session') for (const owner of [...this.#kept.keys()]) this.#drop(owner)
  }

  /** The service was taken back: nothing is kept from now on. */
  retire(): void {
    this.#retired = true
    for (const owner of [...this.#kept.keys()]) this.#drop(owner)
  }

  #keep(owner: number | string, wanted: Wanted): Held {
    const key = wanted.construct?.key ?? ''
    let own = this.#kept.get(owner)
    let held = own?.get(key)
    if (held === undefined) {
      if (this.#size >= MAX_KEPT && !(this.#rule === 'key' && this.#dropOldest())) {
        throw new WaybillError('Overloaded', `${this.#service} keeps ${this.#size} objects, as many as it may`, {
          details: { retryAfterMs: 1000 },
        })
      }
      held = { object: this.#make(wanted), uses: 0, dropped: this.#retired }
      if (!this.#retired) {
        // Looked up again: making room, or the constructor itself, may have dropped it.
        own = this.#kept.get(owner) ?? new Map<string, Held>()
        own.set(key, held)
        this.#kept.set(owner, own)
        this.#size++
      }
    }
    if (this.#rule === 'key' && own !== undefined && !held.dropped) {
      this.#kept.delete(owner)
      this.#kept.set(owner, own)
    }
    held.uses++
    return held
  }

  /** False where all of them are at work. */
  #dropOldest(): boolean {
    for (const [owner, own] of this.#kept) {
      if ([...own.values()].some(({ uses }) => uses > 0)) continue
      this.#drop(owner)
      return true
    }
    return false
  }

  #drop(owner: number | string): void {
    const own = this.#kept.get(owner)
    if (own === undefined) return
    this.#kept.delete(owner)
    this.#size -= own.size
    for (const held of own.values()) {
      held.dropped = true
      if (held.uses === 0) this.#dispose(held.object)
    }
  }

  #make({ construct }: Wanted): object {
    try {
      return new (this.#target as Constructor)(...(construct?.args ?? []))
    } catch (thrown) {
      throw new Unbuilt(thrown)
    }
  }

  #dispose(object: Partial<AsyncDisposable & Disposable>): void {
    try {
      const dispose = object[Symbol.asyncDispose] ?? object[Symbol.dispose]
      Promise.resolve(dispose?.call(object)).catch(this.#report)
    } catch (thrown) {
      this.#report(thrown)
    }
  }
}
