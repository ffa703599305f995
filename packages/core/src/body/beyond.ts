/**
 * Bodies beyond plain JSON and bare bytes: rich documents, and what travels beside the JSON. A page loads this where a value first needs it. `codec`
 * writes and reads the documents.
 */

import { WaybillError } from '../errors/index.js'
import type { Ownership, Segment } from './beside.js'
import { encodings, segmentedBit } from './encoding.js'
import { Parcel, readWholeParcel, writeParcel } from './parcel.js'
import { parseJson } from './json.js'
import { lift } from './lift.js'
import { tooLarge, violation, type BodyLimits } from './limits.js'
import type { Beyond, PreparedBody, RichCodec } from './port.js'
import { prepareBytes } from './whole.js'
import { fillSegments, outline, segmentedBound, writeSegmented } from './segments.js'
import { smallText } from './small.js'
import type { GiveStream } from './streams.js'
import { textBound, textBytes } from './text.js'

export function beyondWith(codec: RichCodec): Beyond {
  return {
    small: smallText,

    prepare(value, limits, what, rich, streams) {
      const parcel = parcelOf(value, what)
      if (parcel !== undefined) return preparedParcel(parcel, limits)
      const { tree, segments, paths } = lift(value, what, rich, limits, streams)
      const text = rich ? codec.write(tree) : JSON.stringify(tree)
      const encoding = rich ? encodings.rich : encodings.json
      if (segments.length === 0) return bounded(encoding, text, undefined, limits)
      const withPaths = `[${text},${JSON.stringify(paths).slice(1)}`
      return bounded(encoding | segmentedBit, withPaths, segments, limits)
    },

    write: writeSegmented,

    parse(encoding, bytes, limits, ownership, streams) {
      if (encoding === encodings.parcel) {
        const { head, bytes: content } = readWholeParcel(bytes)
        return new Parcel(ownership === 'given' ? content : content.slice(), head)
      }
      if (encoding !== encodings.rich) return parseSegmented(codec, encoding, bytes, limits, ownership, streams)
      return readRich(codec, parseJson(bytes, 0, bytes.length, richDepth(limits), limits), limits, undefined, streams)
    },
  }
}

/** A parcel is a body of its own: as a result, or as the one argument of a call. */
function parcelOf(value: unknown, what: string): Parcel | undefined {
  const one: unknown = what === 'arguments' && Array.isArray(value) && value.length === 1 ? value[0] : value
  return one instanceof Parcel ? one : undefined
}

function preparedParcel(parcel: Parcel, limits: BodyLimits): PreparedBody {
  return { ...prepareBytes(writeParcel(parcel), limits), encoding: encodings.parcel }
}

function bounded(encoding: number, text: string, segments: readonly Segment[] | undefined, limits: BodyLimits): PreparedBody {
  const byteLengthBound = segments === undefined ? textBound(text) : segmentedBound(text, segments)
  if (byteLengthBound > limits.maxBodyBytes) {
    const size = exactBytes(text, segments)
    if (size > limits.maxBodyBytes) throw tooLarge('bytes of the body', limits.maxBodyBytes, size)
  }
  return { encoding, text, segments, byteLengthBound }
}

function exactBytes(text: string, segments: readonly Segment[] | undefined): number {
  let size = textBytes(text)
  if (segments === undefined) return size
  size += segmentedBound('', segments)
  for (const { content } of segments) if (typeof content === 'string') size += textBytes(content) - textBound(content)
  return size
}

function parseSegmented(
  codec: RichCodec,
  encoding: number,
  bytes: Uint8Array,
  limits: BodyLimits,
  ownership: Ownership,
  streams: GiveStream | undefined,
): unknown {
  const at = outline(bytes)
  if (at.count > limits.maxSegments) throw tooLarge('segments', limits.maxSegments, at.count)
  const rich = encoding === (encodings.rich | segmentedBit)
  // One level for the array around document and paths.
  const depth = (rich ? richDepth(limits) : limits.maxDepth) + 1
  const parts = parseJson(bytes, at.textStart, at.textEnd, depth, limits)
  if (!Array.isArray(parts) || parts.length === 0) throw violation('a segmented body must be an array of a document and paths')
  const [document, ...paths] = parts as unknown[]
  const fill = (json: unknown) => fillSegments(json, paths, bytes, at, ownership)
  return rich ? readRich(codec, document, limits, fill, streams) : fill(document)
}

function readRich(
  codec: RichCodec,
  document: unknown,
  limits: BodyLimits,
  fill: ((json: unknown) => unknown) | undefined,
  streams: GiveStream | undefined,
): unknown {
  try {
    return codec.read(document, limits, fill, streams)
  } catch (cause) {
    throw cause instanceof WaybillError ? cause : violation('the rich body cannot be read', cause)
  }
}

/**
 * Each Map in a Map takes two levels of JSON (the list and the pair) and two of annotations; the rest is the document around them. The
 * depth of the value itself is checked when it is revived.
 */
function richDepth(limits: BodyLimits): number {
  return 2 * limits.maxDepth + 8
}
