/**
 * Streams that stand in a body: for a JSON client as `null` with a list of their places beside it, for everybody else as markers of a rich body. Between
 * the two the text stays as it was written, but for the places themselves and the keys that a rich body writes otherwise. Knows no calls.
 */
import {
  defaultLimits,
  encodings,
  readText,
  segmentedBit,
  streamConstants,
  type Executed,
  type StreamKind,
  WaybillError,
} from '@waybill/core'
import { bodyText, notPlain, segmentTexts } from './json-frames.js'
import { wrong, type Members } from './json-messages.js'
import { checkJson, eachPlace, membersOf, skip } from './json-slices.js'
import { bytesOf, quote } from './json-wire.js'

/** `a`: in the arguments of a call, `r`: in its result. */
export type Letter = 'a' | 'r'

export interface Placed {
  readonly path: readonly (string | number)[]
  readonly number: number
  readonly kind: StreamKind
}

export interface Plain {
  readonly text: string
  readonly streams: readonly Placed[]
}

const MARKED = [['custom', 'waybill']] as const
/** The document around a body that is as deep as it may be, and a marker in it. */
const DOCUMENT_DEPTH = 4
/** Where the value itself is annotated; no path of a member is spelt like this. */
const WHOLE = '\\'
const kinds: ReadonlySet<unknown> = new Set<StreamKind>(['values', 'readable', 'bytes'])

export function streamName(letter: Letter, number: number): string {
  return `"${letter}${number}"`
}

/** The number in a stream's name; undefined where it is none of this letter. */
export function streamNumber(name: unknown, letter: Letter): number | undefined {
  const digits = typeof name === 'string' && name.startsWith(letter) ? name.slice(1) : ''
  return /^(0|[1-9]\d{0,9})$/.test(digits) && Number(digits) <= 0xffffffff ? Number(digits) : undefined
}

// ---- of a client

/** The member `streams` beside arguments or a value: `[[path, name, kind], …]`. Whether something stands there is seen later. */
export function readStreams(members: Members, letter: Letter): readonly Placed[] {
  const slice = members.get('streams')
  if (slice === undefined) return []
  const list = JSON.parse(readText(slice, 0, slice.byteLength)) as unknown
  if (!Array.isArray(list)) throw wrong('streams', 'a list')
  if (list.length > streamConstants.maxStreams)
    throw new WaybillError('TooLarge', 'too many streams in one call', {
      executed: 'no',
      details: { limit: streamConstants.maxStreams, size: list.length },
    })
  const streams = list.map((entry: unknown): Placed => {
    const [path, name, kind] = Array.isArray(entry) ? (entry as unknown[]) : []
    const number = streamNumber(name, letter)
    const isPath = Array.isArray(path) && path.every((step) => typeof step === 'string' || Number.isInteger(step))
    // The stream that is the result itself is number 0, and no other one.
    if (!isPath || number === undefined || !kinds.has(kind) || (number === 0) !== (path.length === 0))
      throw wrong('streams', `a list of [path, "${letter}…", kind]; what is itself the result is "r0" at []`)
    return { path: path as Placed['path'], number, kind: kind as StreamKind }
  })
  if (new Set(streams.map(({ number }) => number)).size < streams.length) throw wrong('streams', 'a list of streams with a name each')
  return streams
}

/** The rich body of a text in which streams stand, as `null`. */
export function markedBody(text: Uint8Array, streams: readonly Placed[]): Uint8Array {
  const places = new Map(
    streams.map(({ path, number, kind }) => [keyOfPath(path.map(String)), JSON.stringify(['stream', number, kind])] as const),
  )
  const seen = new Set<string>()
  const json = rewritten(text, keyToWire, (steps, slice) => {
    const key = keyOfPath(steps.map(String))
    const marker = places.get(key)
    if (marker === undefined) return undefined
    if (slice() !== 'null' || seen.has(key)) throw wrong('streams', 'a list of places where null stands')
    seen.add(key)
    return marker
  })
  if (seen.size < streams.length) throw wrong('streams', 'a list of places where null stands, one for each stream')
  const values = streams[0]!.path.length === 0 ? MARKED : Object.fromEntries(streams.map(({ path }) => [wirePath(path), MARKED]))
  return bytesOf(`{"json":${json},"meta":{"values":${JSON.stringify(values)},"v":1}}`)
}

// ---- of the router

/** A body that may hold streams, as text. Throws as `bodyText`. */
export function plainBody(encoding: number, body: Uint8Array, executed: Executed): Plain | undefined {
  if ((encoding & ~segmentedBit) !== encodings.rich) {
    const text = bodyText(encoding, body, executed)
    return text === undefined ? undefined : { text, streams: [] }
  }
  try {
    return plainDocument(encoding === encodings.rich ? { document: body, texts: new Map() } : filled(body))
  } catch (thrown) {
    if (thrown instanceof WaybillError && thrown.code === 'TooLarge')
      throw new WaybillError('TooLarge', thrown.message, { executed, details: { limit: defaultLimits.maxDepth } })
    throw notPlain('is rich', executed, thrown)
  }
}

/** A rich document whose annotations are streams and nothing else. */
function plainDocument({ document, texts }: Filled): Plain {
  checkJson(document, defaultLimits.maxDepth + DOCUMENT_DEPTH)
  const members = membersOf(document)
  const json = members?.get('json')
  if (json === undefined) throw new TypeError('no document')
  const meta = members!.get('meta')
  const values = meta === undefined ? {} : (JSON.parse(readText(meta, 0, meta.byteLength)) as { readonly values: object }).values
  const marked = new Map(Array.isArray(values) ? [[WHOLE, values]] : Object.entries(values).map(([path, tree]) => [path, tree as unknown]))
  for (const tree of marked.values()) if (JSON.stringify(tree) !== JSON.stringify(MARKED)) throw new TypeError('more than streams')
  const streams: Placed[] = []
  const text = rewritten(json, keyFromWire, (steps, slice) => {
    const path = steps.map((step) => (typeof step === 'string' ? keyFromWire(step) : step))
    const filling = texts.get(keyOfPath(steps.map(String)))
    if (filling !== undefined) return quote(filling)
    if (!marked.delete(path.length === 0 ? WHOLE : wirePath(path))) return undefined
    const [word, number, kind] = JSON.parse(slice()) as readonly unknown[]
    if (word !== 'stream' || !Number.isInteger(number) || !kinds.has(kind)) throw new TypeError('a marker of something else')
    streams.push({ path, number: number as number, kind: kind as StreamKind })
    return 'null'
  })
  if (marked.size > 0) throw new TypeError('annotations of nothing')
  return { text, streams }
}

interface Filled {
  readonly document: Uint8Array
  /** Long texts, under the paths of their places. */
  readonly texts: ReadonlyMap<string, string>
}

function filled(body: Uint8Array): Filled {
  const { text, segments } = segmentTexts(body)
  checkJson(text, defaultLimits.maxDepth + DOCUMENT_DEPTH + 1)
  const parts: Uint8Array[] = []
  eachPlace(text, 0, (_, start) => {
    const end = skip(text, start)
    parts.push(text.subarray(start, end))
    return end
  })
  const [document, ...paths] = parts
  if (document === undefined || paths.length !== segments.length) throw new TypeError('paths and segments differ')
  const keys = paths.map((path) => keyOfPath((JSON.parse(readText(path, 0, path.byteLength)) as unknown[]).map(String)))
  return { document, texts: new Map(keys.map((key, at) => [key, segments[at]!])) }
}

// ---- text

/** `replaced` gives what stands in a place instead, undefined where nothing does; `slice` is the text that stands there. */
type Replaced = (steps: readonly (string | number)[], slice: () => string) => string | undefined

function rewritten(bytes: Uint8Array, key: (key: string) => string, replaced: Replaced): string {
  const pieces: string[] = []
  const steps: (string | number)[] = []
  let done = 0
  const edit = (start: number, end: number, text: string): void => {
    pieces.push(readText(bytes, done, start), text)
    done = end
  }
  const visit = (start: number): number => {
    const slice = (): string => readText(bytes, start, skip(bytes, start))
    const text = replaced(steps, slice)
    if (text !== undefined) {
      const end = skip(bytes, start)
      edit(start, end, text)
      return end
    }
    return eachPlace(bytes, start, (step, at, where) => {
      if (where !== undefined && key(step as string) !== step) edit(where.start, where.end, quote(key(step as string)))
      steps.push(step)
      const end = visit(at)
      steps.pop()
      return end
    })
  }
  visit(0)
  pieces.push(readText(bytes, done, bytes.byteLength))
  return pieces.join('')
}

function keyOfPath(steps: readonly string[]): string {
  return JSON.stringify(steps)
}

/** As annotations write it, of keys as a rich body does. */
function wirePath(path: readonly (string | number)[]): string {
  return path.map((step) => keyToWire(String(step)).replace(/[\\.]/g, (one) => `\\${one}`)).join('.')
}

function keyToWire(key: string): string {
  return /^(__proto__$|constructor$|prototype$|\\)/.test(key) ? `\\${key}` : key
}

function keyFromWire(key: string): string {
  return key.startsWith('\\') ? key.slice(1) : key
}

/** The places of streams, as a member. */
export function streamsText(streams: readonly Placed[], letter: Letter): string {
  return `[${streams.map(({ path, number, kind }) => `[${JSON.stringify(path)},${streamName(letter, number)},"${kind}"]`).join(',')}]`
}
