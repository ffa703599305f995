/**
 * A journal on paper: what survives a router's process without being a disk, so that tests of what a later start makes of it need no files. Writing
 * takes `writeMs`; what is not written when its process dies is lost.
 */
import { WaybillError, type Ports } from '@waybill/core'
import { beginKept, emptyKept, foldOfKept, type Journal, type Kept, type Place, type Spool } from '@waybill/server'

interface Line {
  readonly kind: number
  readonly record: Uint8Array
  /** What is read there, where that is something else. */
  readonly spooled?: Uint8Array
}

export class Paper {
  readonly #lines: Line[] = []
  readonly #writeMs: number
  readonly #readMs: ((line: number) => number) | undefined
  #starts = 0
  /** What is written from now on is not safe: it is there all the same, or is not. */
  failing: 'keeps' | 'loses' | undefined
  /** There is room only for what must not fail. */
  isFull = false

  /** `readMs`: how long it takes to read the line of this number; default: no time. */
  constructor({ writeMs = 1, readMs }: { writeMs?: number; readMs?: (line: number) => number } = {}) {
    this.#writeMs = writeMs
    this.#readMs = readMs
  }

  /** What is written. */
  get length(): number {
    return this.#lines.length
  }

  /** A start of a router: all that was written is told, and more is written behind it. */
  open({ clock, soon }: Ports): Kept {
    const kept = emptyKept()
    const fold = foldOfKept(kept)
    for (const [offset, { kind, record, spooled = record }] of this.#lines.entries())
      fold.record(kind, record, { segment: 1, offset, bytes: spooled.byteLength })
    const write: Write = (begin) => soon.onTick(() => void clock.timer(this.#writeMs, begin()))
    const look = (line: number, read: () => void): void => {
      if (this.#readMs === undefined) read()
      else clock.timer(this.#readMs(line), read)
    }
    const parts = { lines: this.#lines, epoch: ++this.#starts, failing: () => this.failing, isFull: () => this.isFull }
    const journal = new PaperJournal({ ...parts, write, look })
    beginKept(kept, journal)
    return kept
  }
}

/** Calls back for what is to be written, and what it gives when that is written. */
type Write = (begin: () => () => void) => void

interface PaperParts {
  readonly lines: Line[]
  readonly epoch: number
  readonly write: Write
  readonly look: (line: number, read: () => void) => void
  readonly failing: () => Paper['failing']
  readonly isFull: () => boolean
}

interface Waiting {
  readonly safe: () => void
  readonly failed: ((error: WaybillError) => void) | undefined
}

class PaperJournal implements Journal {
  readonly durability = 'disk'
  readonly store = 'paper'
  failure: WaybillError | undefined
  #writing: Line[] = []
  #waiting: Waiting[] = []
  #isBusy = false
  readonly epoch: number
  readonly #parts: PaperParts

  constructor(parts: PaperParts) {
    this.epoch = parts.epoch
    this.#parts = parts
  }

  hasRoom(): boolean {
    return this.failure === undefined && !this.#parts.isFull()
  }

  append(kind: number, parts: readonly Uint8Array[]): Place {
    return this.#write({ kind, record: joined(parts) })
  }

  spool(): Spool {
    const parts: Uint8Array[] = []
    return {
      get bytes() {
        return parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
      },
      write: async (bytes) => {
        if (this.failure !== undefined) throw this.failure
        if (!this.hasRoom()) throw new WaybillError('Overloaded', 'the paper is full')
        parts.push(bytes)
      },
      end: (kind, head) => this.#write({ kind, record: joined(head), spooled: joined(parts) }),
      abort: () => Promise.resolve(),
    }
  }

  #write(line: Line): Place {
    if (this.failure !== undefined) throw this.failure
    this.#writing.push(line)
    this.#group()
    const { byteLength: bytes } = line.spooled ?? line.record
    return { segment: 1, offset: this.#parts.lines.length + this.#writing.length - 1, bytes }
  }

  whenSafe(safe: () => void, failed?: (error: WaybillError) => void): void {
    if (this.failure !== undefined) return failed?.(this.failure)
    if (this.#writing.length === 0) return safe()
    this.#waiting.push({ safe, failed })
  }

  /** One at a time; what comes meanwhile is the next one. */
  #group(): void {
    if (this.#isBusy) return
    this.#isBusy = true
    this.#parts.write(() => {
      const count = this.#writing.length
      const waiting = this.#waiting.splice(0)
      return () => {
        this.#isBusy = false
        const failing = this.#parts.failing()
        const written = this.#writing.splice(0, count)
        if (failing !== 'loses') this.#parts.lines.push(...written)
        if (failing !== undefined) return this.#fail(waiting)
        for (const { safe } of waiting) safe()
        if (this.#writing.length > 0) this.#group()
        // Who asked while this was being written, and had nothing of his own to write.
        else for (const { safe } of this.#waiting.splice(0)) safe()
      }
    })
  }

  #fail(waiting: readonly Waiting[]): void {
    this.failure = new WaybillError('Damaged', 'the paper is wet')
    for (const { failed } of [...waiting, ...this.#waiting.splice(0)]) failed?.(this.failure)
  }

  read(place: Place, then: (record: Uint8Array | undefined, error?: WaybillError) => void): void {
    this.readPart(place, 0, place.bytes, then)
  }

  readPart({ offset }: Place, from: number, length: number, then: (part: Uint8Array | undefined, error?: WaybillError) => void): void {
    const { lines, look } = this.#parts
    const line = lines[offset] ?? this.#writing[offset - lines.length]
    if (line === undefined) then(undefined, new WaybillError('Damaged', `nothing is written at ${offset}`))
    else look(offset, () => then((line.spooled ?? line.record).subarray(from, from + length)))
  }

  release(): void {}

  close(): Promise<void> {
    this.failure = new WaybillError('Closed', 'the journal was closed')
    return Promise.resolve()
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
