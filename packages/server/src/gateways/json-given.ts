/** A call that a JSON client is given, in the words that it hears of it. Decides nothing. */
import { encodings, serialText, Tag } from '@waybill/core'
import { fieldJson, fieldText, type Frame } from './json-frames.js'
import { parcelText } from './json-parcels.js'
import { plainBody, streamsText, type Plain } from './json-places.js'
import { quote } from './json-wire.js'

export interface Arguments extends Plain {
  readonly member: 'args' | 'parcel'
}

/** Throws `NotRepresentable` or `TooLarge`. */
export function givenArguments({ encoding, body }: Frame): Arguments {
  if (encoding === encodings.parcel) return { member: 'parcel', text: parcelText(body, 'no'), streams: [] }
  return { member: 'args', ...(plainBody(encoding, body, 'no') ?? { text: '[]', streams: [] }) }
}

export function requestText(frame: Frame, service: string, method: string, { member, text, streams }: Arguments): string {
  const placed: readonly [string, string][] = streams.length === 0 ? [] : [['streams', streamsText(streams, 'a')]]
  const carried = [...placed, ...jsonField(frame, 'kws', Tag.kws), ...jsonField(frame, 'cntr', Tag.cntr)]
  return `{"classname":${quote(service)},"method":${quote(method)},"${member}":${text}${carried.map(([name, content]) => `,"${name}":${content}`).join('')}}`
}

export function jsonField(frame: Frame, name: string, tag: number): [string, string][] {
  const text = fieldJson(frame, tag)
  return text === undefined ? [] : [[name, text]]
}

export function textFields(frame: Frame): [string, string][] {
  const parent = frame.fields.get(Tag.parent)
  const texts = {
    timestamp: fieldText(frame, Tag.timestamp),
    orderKey: fieldText(frame, Tag.orderKey),
    trace: fieldText(frame, Tag.trace),
    parent: parent && serialText(parent),
  }
  return Object.entries(texts).flatMap(([name, text]) => (text === undefined ? [] : [[name, quote(text)] as [string, string]]))
}
