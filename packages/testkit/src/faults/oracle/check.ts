/**
 * The oracle: whether what a router promised rested on the disk when it left. For each promise the record that it rests on was written before, and a sync
 * of that file, begun after that write, had returned; so had one of the folder since the file was made. A record in a file of its own needs the one that
 * names it too: a write to another file after it, synced as well.
 */
import type { Violation } from '../check/violation.js'
import { Promises, type Promised } from './promises.js'
import type { Event } from './trace.js'

export interface OracleVerdict {
  readonly violations: readonly Violation[]
  /** How many of each kind of promise were looked at. */
  readonly promises: Readonly<Record<Promised['kind'], number>>
  readonly syncs: number
}

type Write = Extract<Event, { kind: 'write' }>

/** What keeps one record alone. */
const OWN_FILE = /\.blob$/

export class Oracle {
  readonly #folder: string
  readonly #promises = new Promises()
  readonly #writes: Write[] = []
  /** Of each file and of the folder. */
  readonly #syncs = new Map<string, { readonly begun: number; readonly done: number }[]>()
  readonly #made = new Map<string, number>()

  /** `folder`: where the store is. */
  constructor(folder: string) {
    this.#folder = folder
  }

  add(event: Event): void {
    const { target } = event
    const isOurs = target === this.#folder || target.startsWith(`${this.#folder}/`)
    switch (event.kind) {
      case 'write':
        if (isOurs) this.#writes.push(event)
        else if (target.startsWith('TCP:')) this.#promises.sent(event)
        break
      case 'sync':
        if (isOurs) this.#syncs.set(target, [...(this.#syncs.get(target) ?? []), event])
        break
      case 'made':
        if (isOurs && !this.#made.has(target)) this.#made.set(target, event.done)
        break
    }
  }

  verdict(): OracleVerdict {
    const { all } = this.#promises
    const count = (kind: Promised['kind']): number => all.filter((one) => one.kind === kind).length
    return {
      violations: all.flatMap((promised) => this.#faultOf(promised) ?? []),
      promises: { stored: count('stored'), leased: count('leased'), result: count('result') },
      syncs: [...this.#syncs.values()].reduce((sum, syncs) => sum + syncs.length, 0),
    }
  }

  #faultOf({ kind, what, marks, left }: Promised): Violation | undefined {
    const found = (why: string): Violation => ({ check: `${kind} before it was safe`, what: `${what}: ${why} (line ${left} of the trace)` })
    const written = this.#writes.filter(({ bytes, done }) => done < left && marks.some((mark) => bytes.includes(mark)))
    if (written.length === 0) return found('nothing that was written before says so')
    return written.some((write) => this.#isSafe(write, left)) ? undefined : found('no sync that covers it had returned')
  }

  #isSafe(write: Write, left: number): boolean {
    const safeAt = this.#safeAt(write)
    if (safeAt === undefined || safeAt >= left) return false
    if (!OWN_FILE.test(write.target)) return true
    return this.#writes.some(
      (other) => !OWN_FILE.test(other.target) && other.begun > safeAt && (this.#safeAt(other) ?? Number.POSITIVE_INFINITY) < left,
    )
  }

  /** The line at which its bytes, and the name of its file, are on the disk. */
  #safeAt({ target, done }: Write): number | undefined {
    const bytes = this.#firstSync(target, done)
    const made = this.#made.get(target)
    const name = made === undefined ? 0 : this.#firstSync(this.#folder, made)
    return bytes === undefined || name === undefined ? undefined : Math.max(bytes, name)
  }

  #firstSync(target: string, after: number): number | undefined {
    return this.#syncs.get(target)?.find(({ begun }) => begun > after)?.done
  }
}
