/**
 * Frames as the JSON door holds them: copies of what the router sent, bodies that are joined where they came in pieces, and bodies as JSON text.
 * What a JSON peer cannot be told is found out here: a body that is more than plain JSON, or that is none at all. Decides nothing about calls.
 */
import {
  defaultLimits,
  eachField,
  encodings,
  extensionField,
  Flag,
  parseBody,
  readText,
  segmentedBit,
  serialBytes,
  Tag,
  WaybillError,
  writeU32,
  type Executed,
  type FrameReader,
} from '@waybill/core'
import { checkJson, membersOf } from './json-slices.js'
import { objectText, unknownOf, type Asked } from './json-messages.js'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly destination: number
  readonly source: number
  readonly call: number
  readonly ttlMs: number
  readonly method: number
  readonly encoding: number
  readonly attempt: number
  readonly fields: ReadonlyMap<number, Uint8Array>
  readonly body: Uint8Array
}

/** The reader's current frame. Its bytes are the packet's, and stay as they are. */
export function frameOf(reader: FrameReader): Frame {
  const { type, flags, destination, source, call, ttlMs, method, encoding, attempt } = reader
  const fields = new Map<number, Uint8Array>()
  try {
    if (reader.extensionBytes > 0) eachField(reader, (tag, start, end) => void fields.set(tag, reader.bytes.subarray(start, end)))
  } catch {
    // A callee wrote it, and the router passes on what it does not read: the word counts without what is broken beside it.
    fields.clear()
  }
  return { type, flags, destination, source, call, ttlMs, method, encoding, attempt, fields, body: reader.body() }
}

export function fieldText(frame: Frame, tag: number): string | undefined {
  const field = frame.fields.get(tag)
  return field && readText(field, 0, field.byteLength)
}

/** The JSON text of a field that another client may have written. Throws `ProtocolViolation` or `TooLarge`. */
export function fieldJson(frame: Frame, tag: number): string | undefined {
  const field = frame.fields.get(tag)
  if (field === undefined) return undefined
  checkJson(field, defaultLimits.maxDepth)
  return readText(field, 0, field.byteLength)
}

/** The members of the tag `unknown` that are unknown indeed, so that none of them passes for what the router says. */
export function unknownMembers(frame: Frame, tag: number): [string, string][] {
  if (fieldJson(frame, tag) === undefined) return []
  const text = unknownOf(membersOf(frame.fields.get(tag)!) ?? new Map<string, Uint8Array>())
  if (text === undefined) return []
  return [...membersOf(new TextEncoder().encode(text))!].map(([name, slice]) => [name, readText(slice, 0, slice.byteLength)])
}

/** What is asked of a call beside its arguments, as fields. */
export function fieldsOf(asked: Asked): Uint8Array[] {
  const text: readonly (readonly [number, string | Uint8Array | undefined])[] = [
    [Tag.destination, asked.destination],
    [Tag.method, asked.method],
    [Tag.data, asked.data],
    [Tag.timestamp, asked.timestamp],
    [Tag.kws, asked.kws],
    [Tag.cntr, asked.cntr],
    [Tag.unknown, asked.unknown],
    [Tag.key, asked.key],
    [Tag.orderKey, asked.orderKey],
    [Tag.sticky, asked.sticky],
    [Tag.wait, asked.waitMs === undefined ? undefined : u32(asked.waitMs)],
    [Tag.policy, asked.policy === undefined ? undefined : Uint8Array.of(asked.policy)],
    [Tag.parent, asked.parent === undefined ? undefined : serialBytes(asked.parent)],
    [Tag.trace, asked.trace],
  ]
  return text.flatMap(([tag, content]) => (content === undefined ? [] : [extensionField(tag, content)]))
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  writeU32(bytes, 0, value)
  return bytes
}

const NAMES = new Map(Object.entries(encodings).map(([name, number]) => [number as number, name]))
const SEGMENT_TABLE = 6
const SEGMENT_ENTRY = 5

/**
 * The body as the text of one JSON value; undefined where it has none. Throws `NotRepresentable` where plain JSON cannot say it, or it is not what
 * it says it is, and `TooLarge`.
 */
export function bodyText(encoding: number, body: Uint8Array, executed: Executed): string | undefined {
  if (encoding === encodings.none) return undefined
  if (encoding === (encodings.json | segmentedBit) && holdsTextsOnly(body)) {
    try {
      return JSON.stringify(parseBody(encoding, body))
    } catch (thrown) {
      throw notPlain('is broken', executed, thrown)
    }
  }
  if (encoding !== encodings.json) {
    const name = NAMES.get(encoding & ~segmentedBit) ?? `of encoding ${encoding}`
    throw notPlain(encoding & segmentedBit ? 'holds bytes' : `is ${name}`, executed)
  }
  try {
    checkJson(body, defaultLimits.maxDepth)
  } catch (thrown) {
    if (thrown instanceof WaybillError && thrown.code === 'TooLarge')
      throw new WaybillError('TooLarge', thrown.message, { executed, details: { limit: defaultLimits.maxDepth } })
    throw notPlain('is not JSON', executed, thrown)
  }
  return readText(body, 0, body.byteLength)
}

export function notPlain(why: string, executed: Executed, cause?: unknown): WaybillError {
  return new WaybillError('NotRepresentable', `the value ${why}, which plain JSON cannot carry`, { executed, cause })
}

function holdsTextsOnly(body: Uint8Array): boolean {
  const count = body[4]! | (body[5]! << 8)
  for (let k = 0; k < count; k++) if (body[SEGMENT_TABLE + SEGMENT_ENTRY * k] !== 0) return false
  return true
}

/** The parts of a segmented body that holds texts alone. Throws where it is broken, or holds more. */
export function segmentTexts(body: Uint8Array): { readonly text: Uint8Array; readonly segments: readonly string[] } {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const count = view.getUint16(4, true)
  const segments: string[] = []
  const start = SEGMENT_TABLE + SEGMENT_ENTRY * count
  let at = start + view.getUint32(0, true)
  const text = body.subarray(start, at)
  if (!holdsTextsOnly(body)) throw new TypeError('it holds bytes')
  for (let k = 0; k < count; k++) {
    const end = at + view.getUint32(SEGMENT_TABLE + SEGMENT_ENTRY * k + 1, true)
    if (end > body.byteLength) throw new TypeError('a segment ends beyond the body')
    segments.push(readText(body, at, end))
    at = end
  }
  return { text, segments }
}

/** The members of a body that Waybill itself says, of which what plain JSON cannot carry is left out. */
export function bodyMembers(frame: Frame): Map<string, Uint8Array> {
  try {
    const text = bodyText(frame.encoding, frame.body, 'maybe')
    return (text && membersOf(new TextEncoder().encode(text))) || new Map<string, Uint8Array>()
  } catch {
    return plainMembers(frame)
  }
}

function plainMembers({ encoding, body }: Frame): Map<string, Uint8Array> {
  try {
    const fields = Object.entries(parseBody(encoding, body) ?? {}).filter(
      ([, value]) => typeof value === 'string' || Number.isFinite(value),
    )
    return membersOf(new TextEncoder().encode(objectText(fields.map(([name, value]) => [name, JSON.stringify(value)]))))!
  } catch {
    return new Map()
  }
}

/** An event whose value plain JSON cannot carry comes without it, and says so. */
export function eventText(frame: Frame): string {
  const [topic, sender, cursor] = [Tag.topic, Tag.sender, Tag.cursor].map((tag) => fieldText(frame, tag) ?? '')
  const head: [string, string][] = [
    ['topic', JSON.stringify(topic)],
    ['sender', JSON.stringify(sender)],
    ['cursor', cursor!],
  ]
  const timestamp = fieldText(frame, Tag.timestamp)
  if ((frame.flags & Flag.durable) !== 0) head.push(['id', cursor!])
  if (timestamp !== undefined) head.push(['timestamp', JSON.stringify(timestamp)])
  try {
    const value = bodyText(frame.encoding, frame.body, 'yes')
    return objectText(value === undefined ? head : [...head, ['value', value]])
  } catch (thrown) {
    return objectText([...head, ['code', JSON.stringify(WaybillError.from(thrown).code)]])
  }
}

interface Gathering {
  readonly first: Frame
  readonly pieces: Uint8Array[]
  bytes: number
}

/** Bodies that have not arrived whole, under keys of their owner's. */
export class Pieces {
  readonly #open = new Map<string, Gathering>()
  readonly #mostBytes: number
  #bytes = 0

  constructor(maxBodyBytes: number) {
    this.#mostBytes = maxBodyBytes
  }

  /** Throws `TooLarge` or `Overloaded`; the key is free then. */
  begin(key: string, first: Frame): void {
    const fields = new Map(Array.from(first.fields, ([tag, field]) => [tag, field.slice()]))
    this.#open.set(key, { first: { ...first, fields, body: EMPTY }, pieces: [], bytes: 0 })
    this.#add(key, first.body)
  }

  /** The whole frame with its last piece, before that undefined, and where nothing was begun. Throws as `begin`. */
  add(key: string, piece: Uint8Array, isLast: boolean): Frame | undefined {
    const gathering = this.#open.get(key)
    if (gathering === undefined) return undefined
    this.#add(key, piece)
    if (!isLast) return undefined
    this.drop(key)
    const body = new Uint8Array(gathering.bytes)
    let at = 0
    for (const one of gathering.pieces) {
      body.set(one, at)
      at += one.byteLength
    }
    return { ...gathering.first, body }
  }

  first(key: string): Frame | undefined {
    return this.#open.get(key)?.first
  }

  drop(key: string): void {
    this.#bytes -= this.#open.get(key)?.bytes ?? 0
    this.#open.delete(key)
  }

  #add(key: string, piece: Uint8Array): void {
    const gathering = this.#open.get(key)!
    const size = gathering.bytes + piece.byteLength
    if (size > this.#mostBytes || this.#bytes + piece.byteLength > MOST_BODIES * this.#mostBytes) {
      const isOne = size > this.#mostBytes
      this.drop(key)
      throw isOne
        ? new WaybillError('TooLarge', `a body of more than ${this.#mostBytes} bytes arrived`, {
            details: { limit: this.#mostBytes, size },
          })
        : new WaybillError('Overloaded', 'too many long bodies are on their way to this client')
    }
    gathering.bytes = size
    this.#bytes += piece.byteLength
    gathering.pieces.push(piece.slice())
  }
}

const EMPTY = new Uint8Array(0)
/** So many of the longest bodies are gathered at once. */
const MOST_BODIES = 4
