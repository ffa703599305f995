/** One thing that was said of a stored call, to somebody who is told of it. */
import { encodings, extensionField, joinFields, parseBody, serialBytes, Tag } from '@waybill/core'
import type { StoredTerms, Watcher, Word } from './model.js'

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
