/**
 * Values to bytes. Split in two so that the caller can make room in its packet between them, and the bytes are written only once, where
 * they belong. Knows no frame and no socket.
 */

import { WaybillError } from '../errors/index.js'
import { encodings, segmentedBit } from './encoding.js'
import type { Segment } from './kinds.js'
import { lift } from './lift.js'
import { defaultLimits, tooLarge, type BodyLimits } from './limits.js'
import { notRepresentable } from './paths.js'
import { inspect } from './plain.js'
import { richCodec } from './port.js'
import { segmentedBound, writeSegmented } from './segments.js'
import { smallText } from './small.js'
import type { TakeStream } from './streams.js'
import { textBound, textBytes, writeText } from './text.js'

/**
 * A value that is ready to be written. Byte arrays in it still belong to the caller's value: write it in the same turn, before anybody can
 * change them.
 */
export interface PreparedBody {
  /** u8 for the frame header, see `encoding.ts`. */
  readonly encoding: number
  readonly text: string
  /** For the encoding `bytes`, the one segment that is the body. */
  readonly segments: readonly Segment[] | undefined
  /** `writeBody` writes at most so many bytes, and needs room for all of them. */
  readonly byteLengthBound: number
}

const nothing: PreparedBody = { encoding: encodings.none, text: '', segments: undefined, byteLengthBound: 0 }

/**
 * For a call, `value` is the array of its arguments and `what` is `arguments`; for an outcome, the result and `result`: `what` is how
 * errors name the root. Streams in it are given to `streams`; without it they are refused. Throws `NotRepresentable` with the path, or `TooLarge`; whether the call ran is the caller's to say.
 */
export function prepareBody(value: unknown, limits: BodyLimits = defaultLimits, what = 'value', streams?: TakeStream): PreparedBody {
  if (value === undefined) return nothing
  try {
    const small = limits.maxDepth > 1 ? smallText(value) : undefined
    if (small !== undefined) return bounded(encodings.json, small, undefined, limits)
    // A Uint8Array alone is a body of its own; inside another value it is a segment.
    if (isBareBytes(value)) return prepareBytes(value, limits)
    const verdict = inspect(value, limits.maxDepth)
    if (verdict === 'plain') return bounded(encodings.json, JSON.stringify(value), undefined, limits)
    return prepareLifted(value, limits, what, verdict === 'rich', streams)
  } catch (cause) {
    if (cause instanceof WaybillError) throw cause
    // A getter or a proxy threw, or the text was too long for the engine.
    throw notRepresentable(what, `could not be read${cause instanceof Error ? `: ${cause.message}` : ''}`, cause)
  }
}

/** A body of raw bytes whose content type, if any, travels elsewhere. */
export function prepareBytes(bytes: Uint8Array, limits: BodyLimits = defaultLimits): PreparedBody {
  if (bytes.length > limits.maxBodyBytes) throw tooLarge('bytes of the body', limits.maxBodyBytes, bytes.length)
  return { encoding: encodings.bytes, text: '', segments: [{ kind: 1, content: bytes }], byteLengthBound: bytes.length }
}

/** Writes at `offset` and returns the end. `target` must have room for `byteLengthBound` bytes; what lies behind the end may be overwritten. */
export function writeBody(prepared: PreparedBody, target: Uint8Array, offset: number): number {
  const { encoding, text, segments } = prepared
  if (segments === undefined) return text === '' ? offset : writeText(text, target, offset)
  if (encoding !== encodings.bytes) return writeSegmented(text, segments, target, offset)
  const content = segments[0]!.content as Uint8Array
  target.set(content, offset)
  return offset + content.length
}

/** The body in a buffer of its own, for paths where a copy does not matter. */
export function bodyBytes(prepared: PreparedBody): Uint8Array {
  const target = new Uint8Array(prepared.byteLengthBound)
  const end = writeBody(prepared, target, 0)
  return end === target.length ? target : target.slice(0, end)
}

function prepareLifted(value: unknown, limits: BodyLimits, what: string, rich: boolean, streams: TakeStream | undefined): PreparedBody {
  const { tree, segments, paths } = lift(value, what, rich, limits, streams)
  const text = rich ? richCodec().write(tree) : JSON.stringify(tree)
  const encoding = rich ? encodings.rich : encodings.json
  if (segments.length === 0) return bounded(encoding, text, undefined, limits)
  const withPaths = `[${text},${JSON.stringify(paths).slice(1)}`
  return bounded(encoding | segmentedBit, withPaths, segments, limits)
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

function isBareBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && value instanceof Uint8Array
}
