/**
 * What the router writes down of stored calls, as bytes: `u32 length of the head, the head as JSON, the rest`. The head of every record but `stored`
 * begins with the receipt's ordinal and the record's number among those of the receipt. Knows no journal and changes nothing.
 */
import { WaybillError, writeU32, readU32, type ReceiptState } from '@waybill/core'
import type { Place } from './journal/journal.js'
import type { Cause, Lease, Note, Receipt, Step, StoredTerms, Word } from './model.js'

/** Stored in files, so a number keeps its meaning. */
export const RecordKind = {
  /** `ordinal, terms`, then the frames of the call as they were sent. */
  stored: 1,
  /** `ordinal, seq, lease, ms`: it may leave. */
  leased: 2,
  /** `ordinal, seq, 'accepted' | 'started', ms`. */
  step: 3,
  /** `ordinal, seq, attempts, ms`: who had it does not do it, and another one is looked for. */
  back: 4,
  /** `ordinal, seq, state, ms, isOwed, attempts, cause, [type, flags, encoding, length]…`, and where there is one the place of a body with a record of its
   * own; then the other bodies. */
  ended: 5,
  /** `ordinal, seq`: who was to be told has taken the outcome. */
  taken: 6,
  /** `ordinal, seq`: nobody can ask for it any more. */
  forgotten: 7,
  /** `ordinal, seq`: it is wanted no more. */
  cancelled: 8,
  /** `ordinal, seq, key, encoding`, then the value. */
  noted: 9,
  /** Nothing: what follows is a body, in its own record, and counts once another one names its place. */
  spooled: 10,
} as const

export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind]

const HEAD_LENGTH_BYTES = 4
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export function writeRecord(head: readonly unknown[], rest: readonly Uint8Array[] = []): Uint8Array[] {
  const text = encoder.encode(JSON.stringify(head))
  const bytes = new Uint8Array(HEAD_LENGTH_BYTES + text.byteLength)
  writeU32(bytes, 0, text.byteLength)
  bytes.set(text, HEAD_LENGTH_BYTES)
  return [bytes, ...rest]
}

/** Throws `Damaged`: what has passed the journal's checksum and is no record was written by something else. */
export function readHead(record: Uint8Array): readonly unknown[] {
  try {
    const head: unknown = JSON.parse(decoder.decode(record.subarray(HEAD_LENGTH_BYTES, restOf(record))))
    if (Array.isArray(head)) return head
  } catch {
    // Said below.
  }
  throw new WaybillError('Damaged', 'a record of the store is not one of this router')
}

function restOf(record: Uint8Array): number {
  return record.byteLength < HEAD_LENGTH_BYTES ? record.byteLength : HEAD_LENGTH_BYTES + readU32(record, 0)
}

/** Copies, as what is read may be part of something larger. */
export function framesOf(record: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let at = restOf(record); at < record.byteLength;) {
    const length = readU32(record, at)
    frames.push(record.slice(at, at + length))
    at += length
  }
  return frames
}

type WordHead = readonly [type: number, flags: number, encoding: number, bytes: number]

export function wordHeads(words: readonly Word[]): WordHead[] {
  return words.map(({ type, flags, encoding, body }) => [type, flags, encoding, body.byteLength])
}

/** Of a record of kind `ended`. */
export function wordsOf(record: Uint8Array): Word[] {
  let at = restOf(record)
  return (readHead(record).slice(WORDS_AT).filter(Array.isArray) as unknown as WordHead[]).map(([type, flags, encoding, bytes]) => {
    const body = record.subarray(at, at + bytes)
    at += bytes
    return { type, flags, encoding, body }
  })
}

const WORDS_AT = 7

/** Of what stands behind the cause in the head of such a record. */
export function answerBodyOf(said: readonly unknown[]): Place | undefined {
  return said.find((one) => !Array.isArray(one)) as Place | undefined
}

/** What stands behind the head. */
export function bodyOf(record: Uint8Array): Uint8Array {
  return record.subarray(restOf(record))
}

/** All of a receipt but the bodies, for a snapshot. */
interface Entry {
  readonly ordinal: number
  readonly terms: StoredTerms
  readonly state: ReceiptState
  readonly seq: number
  readonly attempts: number
  readonly lease?: Lease | undefined
  readonly begunWith?: string | undefined
  readonly isCancelled: boolean
  readonly steps: readonly Step[]
  readonly endedMs?: number | undefined
  readonly cause?: Cause | undefined
  readonly redrivenAs?: string | undefined
  readonly request?: Place | undefined
  readonly answer?: Place | undefined
  readonly answerBody?: Place | undefined
  readonly isOwed: boolean
  readonly notes?: readonly (readonly [key: string, note: Note])[] | undefined
}

export function writeEntry(receipt: Receipt): Uint8Array {
  const { ordinal, terms, state, seq, attempts, lease, begunWith, isCancelled, steps } = receipt
  const { endedMs, cause, redrivenAs, request, answer, answerBody, isOwed, notes } = receipt
  const life = { ordinal, terms, state, seq, attempts, lease, begunWith, isCancelled, steps }
  const entry: Entry = { ...life, endedMs, cause, redrivenAs, request, answer, answerBody, isOwed, notes: notes && [...notes] }
  return encoder.encode(JSON.stringify(entry))
}

/** `make` is given the ordinal and the terms. Throws `Damaged`. */
export function readEntry(bytes: Uint8Array, make: (ordinal: number, terms: StoredTerms) => Receipt): Receipt {
  let entry: Entry
  try {
    entry = JSON.parse(decoder.decode(bytes)) as Entry
  } catch {
    throw new WaybillError('Damaged', 'an entry of the snapshot is not one of this router')
  }
  const { ordinal, terms, steps, notes, ...rest } = entry
  const receipt = make(ordinal, terms)
  for (const step of steps.slice(1)) receipt.passed(step)
  if (notes !== undefined) receipt.notes = new Map(notes)
  return Object.assign(receipt, rest)
}

const NEXT_MARK = 19

/** The number that the next stored call has: none is ever given twice, also where nothing is left of who had the last ones. */
export function writeNext(ordinal: number): Uint8Array {
  return new Uint8Array([NEXT_MARK, ...encoder.encode(String(ordinal))])
}

/** Undefined for any other entry. */
export function readNext(entry: Uint8Array): number | undefined {
  return entry[0] === NEXT_MARK ? Number(decoder.decode(entry.subarray(1))) : undefined
}
