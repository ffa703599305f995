/**
 * Parcels in the words of a JSON client: an object of the head, with the bytes beside it as `text` where they are UTF-8, else as `base64`. Knows neither calls nor
 * frames.
 */
import { Parcel, readWholeParcel, WaybillError, writeParcel, type Executed } from '@waybill/core'
import { notPlain } from './json-frames.js'
import { objectOf, textOf, wrong, type Members } from './json-messages.js'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The body of the parcel that is the member `parcel`. Throws `ProtocolViolation`, and `BadArguments` for a head that cannot travel. */
export function parcelBody(members: Members): Uint8Array {
  const parcel = objectOf(members, 'parcel')
  const text = textOf(parcel, 'text')
  const base64 = textOf(parcel, 'base64')
  if ((text === undefined) === (base64 === undefined)) throw wrong('parcel', 'an object with either text or base64')
  if (base64 !== undefined && !BASE64.test(base64)) throw wrong('parcel.base64', 'Base64')
  const names = [...parcel.keys()].filter((name) => name !== 'text' && name !== 'base64')
  const head = Object.fromEntries(names.map((name) => [name, textOf(parcel, name)!]))
  return writeParcel(new Parcel(text ?? Buffer.from(base64!, 'base64'), head))
}

/** Such an object. Throws `NotRepresentable` for a body that is none, and `TooLarge` where its bytes are elsewhere. */
export function parcelText(body: Uint8Array, executed: Executed): string {
  try {
    const { head, bytes } = readWholeParcel(body)
    return JSON.stringify({ ...head, ...contentOf(bytes) })
  } catch (thrown) {
    const error = WaybillError.from(thrown)
    if (error.code === 'TooLarge') throw new WaybillError('TooLarge', error.message, { executed })
    throw notPlain('is a broken parcel', executed, error)
  }
}

function contentOf(bytes: Uint8Array): { readonly text: string } | { readonly base64: string } {
  try {
    return { text: decoder.decode(bytes) }
  } catch {
    return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') }
  }
}
