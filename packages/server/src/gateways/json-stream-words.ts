/** What messages about streams say: items, their end, credit and stop, as typed values; and an item as a message says it. Decides nothing. */
import { encodings, type Executed } from '@waybill/core'
import { bodyText, type Frame } from './json-frames.js'
import { countOf, objectOf, readOutcome, textOf, valueOf, wrong, type Answer, type Kind, type Members } from './json-messages.js'
import { streamNumber } from './json-places.js'
import { encodingOf } from './json-wire.js'

export type StreamKindWord = Extract<Kind, 'item' | 'end' | 'credit' | 'stop'>

export type StreamWord = {
  /** The client says it as the caller, and not as the callee. */
  readonly isCallers: boolean
  readonly number: number
} & (
  | { readonly kind: 'item'; readonly encoding: number; readonly body: Uint8Array | undefined }
  | { readonly kind: 'end'; readonly outcome: Extract<Answer, { kind: 'result' | 'exception' }> }
  /** So many items that were told have been taken. */
  | { readonly kind: 'credit'; readonly items: number }
  | { readonly kind: 'stop' }
)

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export function readStreamWord(members: Members, kind: StreamKindWord): StreamWord {
  const said = objectOf(members, kind)
  const name = valueOf(said, 'stream')
  const ofArguments = streamNumber(name, 'a')
  const number = ofArguments ?? streamNumber(name, 'r')
  if (number === undefined) throw wrong(`${kind}.stream`, 'the name of a stream')
  const isSenders = kind === 'item' || kind === 'end'
  const who = { number, isCallers: (ofArguments !== undefined) === isSenders }
  switch (kind) {
    case 'item':
      return { ...who, kind, ...readItem(said) }
    case 'end':
      return { ...who, kind, outcome: readOutcome(members, new Map([...said].filter(([member]) => member !== 'stream'))) }
    case 'credit':
      return { ...who, kind, items: countOf(said, 'items') ?? 0 }
    case 'stop':
      return { ...who, kind }
  }
}

function readItem(item: Members): { encoding: number; body: Uint8Array | undefined } {
  const value = item.get('value')
  const bytes = textOf(item, 'bytes')
  if (bytes === undefined) return { encoding: encodingOf(value), body: value }
  if (value !== undefined || !BASE64.test(bytes)) throw wrong('item.bytes', 'Base64, without a value beside it')
  return { encoding: encodings.bytes, body: Buffer.from(bytes, 'base64') }
}

/** What stands in an item beside its stream. Throws as `bodyText`. */
export function itemText({ encoding, body }: Frame, executed: Executed): string {
  if (encoding === encodings.bytes) return `,"bytes":"${Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64')}"`
  const text = bodyText(encoding, body, executed)
  return text === undefined ? '' : `,"value":${text}`
}
