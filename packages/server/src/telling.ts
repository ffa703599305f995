/** What was said of a stored call, to somebody who is told of it: each word, what is past, and what is said where that cannot be read. */
import {
  bodyBytes,
  encodings,
  executedFlag,
  extensionField,
  FrameType,
  joinFields,
  parseBody,
  prepareBody,
  serialBytes,
  Tag,
  type WaybillError,
} from '@waybill/core'
import type { Receipt, StoredTerms, Watcher, Word } from './model.js'

/** Under the number 0, which is nobody's, stands the whole serial number. */
export function tellWord({ session, number, receipt: { sn, terms } }: Watcher, { type, flags, encoding, body }: Word): void {
  const data = dataField(terms)
  const fields = [...(number === 0 ? [extensionField(Tag.sn, serialBytes(sn))] : []), ...(data === undefined ? [] : [data])]
  session.channel.writeRaw({ type, flags, destination: session.symbol, call: number }, joinFields(fields), encoding, body)
}

/** The extension field of the caller's own data. */
export function dataField({ data }: StoredTerms): Uint8Array | undefined {
  return data === undefined ? undefined : extensionField(Tag.data, data)
}

/** What the caller's own data says; undefined where it is not JSON. */
export function dataOf({ data }: StoredTerms): unknown {
  if (data === undefined) return undefined
  try {
    return parseBody(encodings.json, encoder.encode(data))
  } catch {
    return undefined
  }
}

const encoder = new TextEncoder()

/** What somebody who comes late is told before the outcome: how far it is, and the last progress. */
export function pastOf({ state, call, progress }: Receipt): Word[] {
  const words: Word[] = []
  const status = (type: number): void => void words.push({ type, flags: 0, encoding: 0, body: NOTHING })
  if (call !== undefined && (state === 'accepted' || state === 'started')) status(FrameType.accepted)
  if (call !== undefined && state === 'started') status(FrameType.started)
  if (progress !== undefined) words.push(progress)
  return words
}

/** Instead of an outcome that is kept and cannot be had. */
export function unreadable({ code, message }: WaybillError): Word {
  const body = prepareBody({ exval: message, code })
  return { type: FrameType.exception, flags: executedFlag('maybe'), encoding: body.encoding, body: bodyBytes(body) }
}

const NOTHING = new Uint8Array(0)

/** Calls back once, when the call has its outcome and that is safe, or nobody will know; at once where it has. Returns how to take that back. */
export function whenEnded(receipt: Receipt, then: () => void): () => void {
  if (receipt.hasEnded) {
    then()
    return () => {}
  }
  const waiting = (receipt.waiting ??= new Set())
  waiting.add(then)
  return () => waiting.delete(then)
}

export function tellEnded(receipt: Receipt): void {
  const { waiting } = receipt
  receipt.waiting = undefined
  for (const then of waiting ?? []) then()
}
