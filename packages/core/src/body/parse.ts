/**
 * Bytes to values. The bytes are hostile until proven otherwise: whatever they are, the outcome is a value without functions, symbols and
 * foreign prototypes, or a `WaybillError`; and every limit is checked before anything is built that would break it.
 */

import { WaybillError } from '../errors/index.js'
import { encodings, segmentedBit } from './encoding.js'
import { holdsProto } from './keys.js'
import { takeBytes, type Ownership } from './kinds.js'
import { defaultLimits, tooLarge, violation, type BodyLimits } from './limits.js'
import { nestsDeeper } from './nesting.js'
import { richCodec } from './port.js'
import type { GiveStream } from './streams.js'
import { fillSegments, outline, type Outline } from './segments.js'
import { readText } from './text.js'

/**
 * `bytes` is the whole body. With `given` the caller promises never to change or reuse them, and a byte array that makes up most of the
 * buffer is handed on without a copy. Throws `ProtocolViolation` or `TooLarge`, never anything else
 * (but `NotRepresentable` for a rich body in a bundle that carries no rich codec).
 */
export function parseBody(
  encoding: number,
  bytes: Uint8Array,
  limits: BodyLimits = defaultLimits,
  ownership: Ownership = 'lent',
  streams?: GiveStream,
): unknown {
  const { length } = bytes
  if (length > limits.maxBodyBytes) throw tooLarge('bytes of the body', limits.maxBodyBytes, length)
  switch (encoding) {
    case encodings.json:
      return parseJson(bytes, 0, length, limits.maxDepth, limits)
    case encodings.none:
      if (length !== 0) throw violation(`${length} bytes in a body without a value`)
      return undefined
    case encodings.bytes:
      return takeBytes(bytes, 0, length, ownership)
    case encodings.rich:
      return readRich(parseJson(bytes, 0, length, richDepth(limits), limits), limits, undefined, streams)
    case encodings.json | segmentedBit:
    case encodings.rich | segmentedBit:
      return parseSegmented(encoding === (encodings.rich | segmentedBit), bytes, limits, ownership, streams)
    default:
      throw violation(`unknown body encoding ${encoding}`)
  }
}

/** The same for a body between `start` and `end` of a larger buffer; the common encoding is read in place, without a view for each body. */
export function parseBodyIn(
  encoding: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: BodyLimits,
  ownership: Ownership,
  streams?: GiveStream,
): unknown {
  if (encoding !== encodings.json || end - start > limits.maxBodyBytes) {
    return parseBody(encoding, bytes.subarray(start, end), limits, ownership, streams)
  }
  return parseJson(bytes, start, end, limits.maxDepth, limits)
}

function parseSegmented(
  rich: boolean,
  bytes: Uint8Array,
  limits: BodyLimits,
  ownership: Ownership,
  streams: GiveStream | undefined,
): unknown {
  const at: Outline = outline(bytes)
  if (at.count > limits.maxSegments) throw tooLarge('segments', limits.maxSegments, at.count)
  // One level for the array around document and paths.
  const depth = (rich ? richDepth(limits) : limits.maxDepth) + 1
  const parts = parseJson(bytes, at.textStart, at.textEnd, depth, limits)
  if (!Array.isArray(parts) || parts.length === 0) throw violation('a segmented body must be an array of a document and paths')
  const [document, ...paths] = parts as unknown[]
  const fill = (json: unknown) => fillSegments(json, paths, bytes, at, ownership)
  return rich ? readRich(document, limits, fill, streams) : fill(document)
}

function readRich(
  document: unknown,
  limits: BodyLimits,
  fill: ((json: unknown) => unknown) | undefined,
  streams: GiveStream | undefined,
): unknown {
  const codec = richCodec()
  try {
    return codec.read(document, limits, fill, streams)
  } catch (cause) {
    throw cause instanceof WaybillError ? cause : violation('the rich body cannot be read', cause)
  }
}

function parseJson(bytes: Uint8Array, start: number, end: number, depth: number, limits: BodyLimits): unknown {
  if (nestsDeeper(bytes, start, end, depth)) throw tooLarge('nesting', limits.maxDepth, limits.maxDepth + 1)
  const text = readText(bytes, start, end)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw violation('the body is not JSON', cause)
  }
  if (holdsProto(json, text)) throw violation('a key __proto__ must not be written as it is')
  return json
}

/**
 * Each Map in a Map takes two levels of JSON (the list and the pair) and two of annotations; the rest is the document around them. The
 * depth of the value itself is checked when it is revived.
 */
function richDepth(limits: BodyLimits): number {
  return 2 * limits.maxDepth + 8
}
