/**
 * Who takes parcels without a connection of its own: names, to whom they belong and where they are reached, as a fold of records. Owns the secret that the
 * ids of postbacks are made with, as it has to outlive the router too. Tells nobody, and decides nothing.
 */
import { WaybillError, type Random } from '@waybill/core'
import type { Principal } from '../access.js'
import { readHead } from '../records.js'
import { HeadsOnly, readMarked, writeMarked } from '../sections.js'

export interface Registration {
  readonly name: string
  readonly principal: Principal
  /** Of what stands for it as a client: the same over all starts of the router. */
  readonly incarnation: string
  /** Where parcels are posted to; absent where it comes for them. */
  readonly address?: string
  /** Parcels that it takes at once. */
  readonly concurrency: number
  /** When it came, by the wall clock. */
  readonly ms: number
  /** All else that it said of itself. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Of the token that it came with, in hexadecimal digits: when that is revoked, so is this. */
  readonly digest?: string
}

/** Stored in files, so a number keeps its meaning. */
const RecordKind = { secret: 40, registered: 41, unregistered: 42 } as const

const MARK = 2
const SECRET_BYTES = 32

export class Registrations extends HeadsOnly {
  readonly kinds = [RecordKind.secret, 47] as const
  readonly mark = MARK
  readonly #byName = new Map<string, Registration>()
  #secret: string | undefined

  get size(): number {
    return this.#byName.size
  }

  get latestMs(): number {
    let latestMs = 0
    for (const { ms } of this.#byName.values()) latestMs = Math.max(latestMs, ms)
    return latestMs
  }

  all(): Iterable<Registration> {
    return this.#byName.values()
  }

  find(name: string): Registration | undefined {
    return this.#byName.get(name)
  }

  /** Of the store, in hexadecimal digits; minted when it is first asked for. Safe before whatever is written down after it. */
  secret(random: Random): string {
    if (this.#secret === undefined) {
      this.#secret = Buffer.from(random.fill(new Uint8Array(SECRET_BYTES))).toString('hex')
      this.append(RecordKind.secret, [this.#secret])
    }
    return this.#secret
  }

  put(registration: Registration): void {
    this.append(RecordKind.registered, [registration])
    this.#byName.set(registration.name, registration)
  }

  remove(name: string): void {
    if (!this.#byName.has(name)) return
    this.append(RecordKind.unregistered, [name])
    this.#byName.delete(name)
  }

  // ---- the same, read back

  restore(entry: Uint8Array): void {
    const [kind, ...said] = readMarked(entry).head
    this.#read(kind as number, said)
  }

  record(kind: number, record: Uint8Array): void {
    this.#read(kind, readHead(record))
  }

  #read(kind: number, [said]: readonly unknown[]): void {
    switch (kind) {
      case RecordKind.secret:
        this.#secret = said as string
        return
      case RecordKind.registered: {
        const registration = said as Registration
        this.#byName.set(registration.name, registration)
        return
      }
      case RecordKind.unregistered:
        this.#byName.delete(said as string)
        return
      default:
        throw new WaybillError('Damaged', `the store has a record of kind ${kind}, which this router does not know`)
    }
  }

  *entries(): Iterable<Uint8Array> {
    if (this.#secret !== undefined) yield writeMarked(MARK, [RecordKind.secret, this.#secret])
    for (const registration of this.#byName.values()) yield writeMarked(MARK, [RecordKind.registered, registration])
  }
}
