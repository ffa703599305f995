/** What a part of the state has to be that keeps records beside those of stored calls: a fold of its own kinds, whose entries are known by a mark. */
import type { Fold, Journal } from './journal/journal.js'
import { bodyOf, readHead, writeRecord } from './records.js'

export interface Section extends Fold {
  /** The first and the last kind of its records; those below 32 are of stored calls. */
  readonly kinds: readonly [first: number, last: number]
  /** What its entries of a snapshot begin with, see `writeMarked`. 1, 16 to 18 and `{` are of stored calls. */
  readonly mark: number
}

/** One whose records are read at a start and never otherwise: nothing of it stands anywhere that has to be kept. */
export abstract class HeadsOnly implements Section {
  abstract readonly kinds: readonly [first: number, last: number]
  abstract readonly mark: number
  #journal: Journal | undefined

  abstract restore(entry: Uint8Array): void
  abstract record(kind: number, record: Uint8Array): void
  abstract entries(): Iterable<Uint8Array>

  /** Where records go from now on. What it was opened with has been restored by then. */
  begin(journal: Journal): void {
    this.#journal = journal
  }

  protected append(kind: number, head: readonly unknown[]): void {
    const journal = this.#journal!
    journal.release(journal.append(kind, writeRecord(head)))
  }

  places(): void {}

  needs(): boolean {
    return false
  }

  moved(): void {}
}

/** An entry of a section: its mark, then a record. */
export function writeMarked(mark: number, head: readonly unknown[], rest: Uint8Array = NOTHING): Uint8Array {
  const [begin] = writeRecord(head)
  const entry = new Uint8Array(1 + begin!.byteLength + rest.byteLength)
  entry[0] = mark
  entry.set(begin!, 1)
  entry.set(rest, 1 + begin!.byteLength)
  return entry
}

export function readMarked(entry: Uint8Array): { readonly head: readonly unknown[]; readonly rest: Uint8Array } {
  const record = entry.subarray(1)
  return { head: readHead(record), rest: bodyOf(record) }
}

const NOTHING = new Uint8Array(0)
