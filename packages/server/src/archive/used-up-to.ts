/** Of each process of a caller, up to which number its stored calls are forgotten: one that is not known otherwise may be among them. */
import { readSerialNumber } from '@waybill/core'

/** The one whose last is forgotten longest goes first; its calls would be taken for new ones. */
const MOST_PROCESSES = 65_536
const PROCESSES_OF_AN_ENTRY = 512
const MARK = 18

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class UsedUpTo {
  /** Counters, by incarnation and principal. */
  readonly #counters = new Map<string, number>()

  raise(principal: string, sn: string): void {
    const parts = readSerialNumber(sn)
    if (parts !== undefined) this.#raise(keyOf(principal, parts.incarnation), parts.counter)
  }

  has(principal: string, sn: string): boolean {
    if (this.#counters.size === 0) return false
    const parts = readSerialNumber(sn)
    return parts !== undefined && parts.counter <= (this.#counters.get(keyOf(principal, parts.incarnation)) ?? -1)
  }

  #raise(key: string, counter: number): void {
    const before = this.#counters.get(key) ?? -1
    // Behind all others.
    this.#counters.delete(key)
    this.#counters.set(key, Math.max(before, counter))
    if (this.#counters.size <= MOST_PROCESSES) return
    const [oldest] = this.#counters.keys()
    this.#counters.delete(oldest!)
  }

  /** May be walked while numbers are raised. */
  *entries(): Iterable<Uint8Array> {
    let some: [string, number][] = []
    for (const process of this.#counters) {
      some.push(process)
      if (some.length < PROCESSES_OF_AN_ENTRY) continue
      yield entryOf(some)
      some = []
    }
    if (some.length > 0) yield entryOf(some)
  }

  /** False where the entry is of something else. */
  restore(entry: Uint8Array): boolean {
    if (entry[0] !== MARK) return false
    const processes = JSON.parse(decoder.decode(entry.subarray(1))) as [string, number][]
    for (const [key, counter] of processes) this.#raise(key, counter)
    return true
  }
}

function keyOf(principal: string, incarnation: string): string {
  return `${incarnation} ${principal}`
}

function entryOf(processes: readonly [string, number][]): Uint8Array {
  const text = encoder.encode(JSON.stringify(processes))
  const entry = new Uint8Array(1 + text.byteLength)
  entry[0] = MARK
  entry.set(text, 1)
  return entry
}
