/**
 * Damages encoded bodies. Most ways work on the JSON within, so that what comes out is still near enough to a body to get past the first
 * check; the rest work on the bytes.
 */

import { segmentedBit } from '../../src/body/index.js'
import type { Dice } from './values.js'

export interface Encoded {
  readonly encoding: number
  readonly bytes: Uint8Array
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const tokens = [
  '{"__proto__":{"polluted":1}}',
  '{"\\u005f_proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '["undefined"]',
  '["Date"]',
  '["set"]',
  '["map"]',
  '["bigint"]',
  '["number"]',
  '["URL"]',
  '["Error"]',
  '["regexp"]',
  '[["custom","waybill"]]',
  '[["class","Object"]]',
  '[["symbol","iterator"]]',
  '[["typed-array","Uint8Array"]]',
  '"a.__proto__"',
  '"constructor.prototype"',
  '"toString"',
  '"hole"',
  '0',
  '1',
  '-1',
  '1e400',
  '-0',
  'null',
  '[]',
  '{}',
  '[[]]',
  '""',
]

export function mutate(dice: Dice, body: Encoded, other: Encoded): Encoded {
  switch (dice.roll(10)) {
    case 0:
      return body
    case 1:
      return { encoding: dice.pick([0, 1, 2, 3, 129, 130, 131, dice.roll(256)]), bytes: body.bytes }
    case 2:
      return { ...body, bytes: body.bytes.slice(0, dice.roll(body.bytes.length + 1)) }
    case 3:
      return { ...body, bytes: flipped(dice, body.bytes) }
    case 4:
      return { ...body, bytes: spliced(dice, body.bytes, other.bytes) }
    default:
      return inJson(dice, body, other)
  }
}

function flipped(dice: Dice, bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes)
  if (copy.length === 0) return copy
  for (let n = 1 + dice.roll(3); n > 0; n--) copy[dice.roll(copy.length)]! ^= 1 << dice.roll(8)
  return copy
}

function spliced(dice: Dice, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = dice.roll(bytes.length + 1)
  const from = dice.roll(other.length + 1)
  const middle = dice.roll(2) === 0 ? other.slice(from, from + dice.roll(20)) : encoder.encode(dice.pick(tokens))
  return joined(bytes.slice(0, at), middle, bytes.slice(at + dice.roll(8)))
}

function inJson(dice: Dice, body: Encoded, other: Encoded): Encoded {
  const { head, text, tail } = parts(body)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return body
  }
  const strange = dice.roll(2) === 0 ? parts(other).text : dice.pick(tokens)
  const changed = encoder.encode(replaced(dice, json, strange))
  if (head.length === 0) return { encoding: body.encoding, bytes: changed }
  const fixed = new Uint8Array(head)
  new DataView(fixed.buffer).setUint32(0, changed.length, true)
  return { encoding: body.encoding, bytes: joined(fixed, changed, tail) }
}

function parts({ encoding, bytes }: Encoded): { head: Uint8Array; text: string; tail: Uint8Array } {
  if ((encoding & segmentedBit) === 0 || bytes.length < 6)
    return { head: new Uint8Array(0), text: decoder.decode(bytes), tail: new Uint8Array(0) }
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const start = 6 + 5 * view.getUint16(4, true)
  const end = start + view.getUint32(0, true)
  return { head: bytes.slice(0, start), text: decoder.decode(bytes.slice(start, end)), tail: bytes.slice(end) }
}

/** The JSON text with one random part replaced, removed, renamed or copied from elsewhere in it. */
function replaced(dice: Dice, json: unknown, strange: string): string {
  const places: { holder: Record<string, unknown>; key: string }[] = []
  collect(json, places)
  if (places.length === 0) return strange
  const place = dice.pick(places)
  const unique = '\u0001here'
  switch (dice.roll(4)) {
    case 0:
      place.holder[place.key] = unique
      break
    case 1:
      place.holder[place.key] = structuredClone(dice.pick(places).holder)
      break
    case 2:
      if (Array.isArray(place.holder)) place.holder.splice(Number(place.key), 1)
      else delete place.holder[place.key]
      break
    default: {
      const from = dice.pick(places)
      const key = Array.isArray(place.holder) ? String(place.holder.length) : from.key
      place.holder[key] = structuredClone(from.holder[from.key])
    }
  }
  return JSON.stringify(json).replace(JSON.stringify(unique), () => strange)
}

function collect(json: unknown, places: { holder: Record<string, unknown>; key: string }[]): void {
  if (typeof json !== 'object' || json === null) return
  const holder = json as Record<string, unknown>
  for (const key of Object.keys(holder)) {
    places.push({ holder, key })
    collect(holder[key], places)
  }
}

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}
