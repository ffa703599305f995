/**
 * A durable subscription: what waits of it is bounded by the router, which is told what the program has taken, so nothing is ever dropped here. Owns where it is:
 * the last id that arrived and the last that was taken. Events that are not durable wait beside, as for any subscription.
 */
import { Queue, type DurableSubscription, type EventGap, type Soon, type TopicEvent } from '@waybill/core'
import type { Beginning } from './beginning.js'
import type { EventOrGap } from './event-buffer.js'
import { LiveSubscription, type SubscriptionOwner } from './subscription.js'

/** What a durable subscription asks of whoever owns it, too. */
export interface DurableOwner extends SubscriptionOwner {
  readonly soon: Soon
  /** The program has taken all up to this id. */
  took(subscription: LoggedSubscription, id: number): void
}

interface Logged {
  readonly item: EventOrGap
  readonly id: number
}

export class LoggedSubscription extends LiveSubscription implements DurableSubscription<unknown> {
  /** Under which the router keeps the position; undefined where this process does. */
  readonly cursorName: string | undefined
  /** Where to begin anew: behind what arrived last. Of a named cursor only where it begins that is new. */
  #after: number
  /** The last that arrived in this log, that was given to the program, that it has taken, and that the router was told of. */
  #arrived = 0
  #given = 0
  #taken = 0
  #told = 0
  #isTelling = false
  readonly #waiting = new Queue<Logged>()
  readonly #owner: DurableOwner
  #isLoggedTurn = true

  constructor(pattern: string, beginning: Beginning, owner: DurableOwner) {
    super(pattern, owner)
    this.#owner = owner
    this.#after = beginning.after
    this.cursorName = beginning.cursorName
  }

  /** Where the router is to begin. */
  get after(): number {
    return this.cursorName === undefined ? Math.max(this.#after, this.#arrived) : this.#after
  }

  // ---- from its owner

  /** What is durable goes on where it was, so no gap begins a later session. */
  override confirm(): void {
    if (!this.confirmed) return super.confirm()
  }

  logged(event: TopicEvent<unknown>, id: number): void {
    this.#arrive(event, id)
  }

  /** Of durable events; `to` is undefined where the log is another one. */
  loggedGap(gap: EventGap): void {
    if (gap.to === undefined || gap.from === undefined) return this.restart()
    // A cursor may be behind what this process has already.
    this.#arrive({ ...gap, from: Math.max(gap.from, this.#arrived + 1) }, gap.to)
  }

  /** The router has begun another log, and nobody knows what was missed of this one. */
  restart(): void {
    this.#after = this.#arrived = this.#given = this.#taken = this.#told = 0
    // Their ids mean something else now.
    for (let left = this.#waiting.size; left > 0; left--) this.#waiting.push({ item: this.#waiting.shift()!.item, id: 0 })
    if (this.isOpen && !this.give(ANOTHER_LOG)) this.#waiting.push({ item: ANOTHER_LOG, id: 0 })
  }

  // ---- from the user

  override next(): ReturnType<LiveSubscription['next']> {
    this.#taken = this.#given
    // All of a tick at once.
    if (this.#taken !== this.#told && !this.#isTelling) {
      this.#isTelling = true
      this.#owner.soon.onTick(() => {
        this.#isTelling = false
        this.tell()
      })
    }
    return super.next()
  }

  taken(): void {
    this.#taken = this.#given
    this.tell()
  }

  /** Says what was taken and not told. */
  tell(): void {
    if (this.#taken === this.#told) return
    this.#told = this.#taken
    this.#owner.took(this, this.#told)
  }

  // ---- inside

  #arrive(item: EventOrGap, id: number): void {
    if (!this.isOpen) return
    // What a later session brings again. What of it was taken already, the router has to know to go on.
    if (id <= this.#arrived) {
      if (id <= this.#taken) this.#owner.took(this, id)
      return
    }
    this.#arrived = id
    if (this.give(item)) this.#gave(id)
    else this.#waiting.push({ item, id })
  }

  #gave(id: number): void {
    // Those of another log have none.
    if (id > 0) this.#given = id
  }

  protected override shift(): EventOrGap | undefined {
    const isLogged = this.#waiting.size > 0 && this.#isLoggedTurn
    this.#isLoggedTurn = !isLogged
    const live = isLogged ? undefined : super.shift()
    if (live !== undefined) return live
    const logged = this.#waiting.shift()
    if (logged !== undefined) this.#gave(logged.id)
    return logged?.item
  }

  protected override clear(): void {
    super.clear()
    this.#waiting.clear()
  }
}

const ANOTHER_LOG: EventGap = { kind: 'gap', durable: true }
