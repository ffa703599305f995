/**
 * Where receipts are found: those that are under way, or of which something special was asked, as objects; the others in the archive. Owns both, and
 * the order in which they were stored and ended. Changes nothing in a receipt.
 */
import { FifoSet } from '@waybill/core'
import type { Principal } from './access.js'
import { Archive } from './archive/index.js'
import type { Place } from './journal/journal.js'
import type { Receipt, StoredTerms } from './model.js'
import { isDeadLetter } from './receipt-states.js'

export type Keyed = Pick<StoredTerms, 'principal' | 'service' | 'method' | 'key'>

export class ReceiptTable {
  /** In the order in which they were stored. */
  readonly #byOrdinal = new Map<number, Receipt>()
  readonly #bySn = new Map<Principal, Map<string, Receipt>>()
  readonly #byKey = new Map<string, Receipt>()
  /** Those that have their outcome, the oldest first. */
  readonly #ended = new FifoSet<Receipt>()
  /** Those of them that are dead letters, in the same order. */
  readonly #dead = new Set<Receipt>()
  readonly #archive = new Archive()

  get size(): number {
    return this.#byOrdinal.size + this.#archive.size
  }

  /** Receipts whose call has not ended. */
  get pending(): number {
    return this.#byOrdinal.size - this.#ended.size
  }

  find(principal: Principal, sn: string): Receipt | undefined {
    return this.#bySn.get(principal)?.get(sn) ?? this.#archive.find(principal, sn)
  }

  byOrdinal(ordinal: number): Receipt | undefined {
    return this.#byOrdinal.get(ordinal) ?? this.#archive.byOrdinal(ordinal)
  }

  /** Whether its record of that number is in the archive already. */
  isArchived(ordinal: number, seq: number): boolean {
    return this.#archive.knows(ordinal, seq)
  }

  /** The one that its caller knows by the same key. */
  keyed(terms: Keyed): Receipt | undefined {
    return terms.key === undefined ? undefined : this.#byKey.get(scopeOf(terms))
  }

  /** Those that are objects, in the order in which they were stored. */
  live(): Iterable<Receipt> {
    return this.#byOrdinal.values()
  }

  /** All, the newest first: those under way as they were stored, then the archive as it ended. Not to be walked while it changes. */
  *newest(): Iterable<Receipt> {
    const live = [...this.#byOrdinal.values()]
    for (let at = live.length - 1; at >= 0; at--) yield live[at]!
    yield* this.#archive.newest()
  }

  /** Dead letters, the one that ended last first. */
  dead(): Iterable<Receipt> {
    return [...this.#dead].reverse()
  }

  get oldestEnded(): Receipt | undefined {
    const { oldest } = this.#ended
    const { oldestEndedMs } = this.#archive
    if (oldestEndedMs === undefined) return oldest
    return oldest !== undefined && oldest.endedMs! <= oldestEndedMs ? oldest : this.#archive.oldest
  }

  /** When the oldest of the archive ended. */
  get oldestArchivedMs(): number | undefined {
    return this.#archive.oldestEndedMs
  }

  get oldestArchived(): Receipt | undefined {
    return this.#archive.oldest
  }

  enter(receipt: Receipt): void {
    const { principal, terms } = receipt
    let own = this.#bySn.get(principal)
    if (own === undefined) this.#bySn.set(principal, (own = new Map<string, Receipt>()))
    own.set(receipt.sn, receipt)
    this.#byOrdinal.set(receipt.ordinal, receipt)
    if (terms.key !== undefined) this.#byKey.set(scopeOf(terms), receipt)
  }

  ended(receipt: Receipt): void {
    this.#ended.add(receipt)
    if (isDeadLetter(receipt.state)) this.#dead.add(receipt)
  }

  /** It is nowhere any more. */
  leave(receipt: Receipt): void {
    if (receipt.isArchived) return this.#archive.remove(receipt.ordinal)
    this.#leaveObjects(receipt)
    if (this.keyed(receipt.terms) === receipt) this.#byKey.delete(scopeOf(receipt.terms))
  }

  /** It has ended, and nobody holds it: it goes to the archive. False where it has to stay an object. */
  archive(receipt: Receipt): boolean {
    if (!this.#archive.add(receipt)) return false
    this.#leaveObjects(receipt)
    return true
  }

  #leaveObjects(receipt: Receipt): void {
    this.#ended.delete(receipt)
    this.#dead.delete(receipt)
    this.#byOrdinal.delete(receipt.ordinal)
    const own = this.#bySn.get(receipt.principal)
    own?.delete(receipt.sn)
    if (own?.size === 0) this.#bySn.delete(receipt.principal)
  }

  // ---- what outlives the process

  places(tell: (place: Place) => void): void {
    for (const { request, answer, notes } of this.live()) {
      if (request !== undefined) tell(request)
      if (answer !== undefined) tell(answer)
      notes?.forEach(({ place }) => tell(place))
    }
    this.#archive.places(tell)
  }

  /** Behind the entries of objects, as what is archived meanwhile has to be in one of them. */
  archiveEntries(): Iterable<Uint8Array> {
    return this.#archive.entries()
  }

  /** False where the entry is of an object. `came` is told of each row. Throws `Damaged`. */
  restoreArchive(entry: Uint8Array, came: (ordinal: number, endedMs: number) => void): boolean {
    if (!this.#archive.isEntry(entry)) return false
    this.#archive.restore(entry, (ordinal, endedMs) => {
      // It was archived after its own entry had been written.
      const object = this.#byOrdinal.get(ordinal)
      if (object !== undefined) this.#leaveObjects(object)
      came(ordinal, endedMs)
    })
    return true
  }

  /** The outcome of one that is archived stands elsewhere. False where that is none. */
  movedInArchive(ordinal: number, answer: Place): boolean {
    return this.#archive.moved(ordinal, answer)
  }
}

function scopeOf({ principal, service, method, key }: Keyed): string {
  return `${service} ${method} ${principal} ${key}`
}
