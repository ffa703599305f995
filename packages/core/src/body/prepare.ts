/**
 * Values to bytes. Split in two so that the caller can make room in its packet between them, and the bytes are written only once, where
 * they belong. Knows no frame and no socket.
 */

import { WaybillError } from '../errors/index.js'
import { encodings } from './encoding.js'
import { defaultLimits, notRepresentable, tooLarge, type BodyLimits } from './limits.js'
import { inspect } from './plain.js'
import { beyondJson, smallText, type PreparedBody } from './port.js'
import type { TakeStream } from './streams.js'
import { textBound, textBytes, writeText } from './text.js'
import { isWhole, prepareBytes } from './whole.js'

const nothing: PreparedBody = { encoding: encodings.none, text: '', segments: undefined, byteLengthBound: 0 }

/**
 * For a call, `value` is the array of its arguments and `what` is `arguments`; for an outcome, the result and `result`: `what` is how
 * errors name the root. Streams in it are given to `streams`; without it they are refused. Throws `NotRepresentable` with the path, or `TooLarge`; whether the call ran is the caller's to say.
 */
export function prepareBody(value: unknown, limits: BodyLimits = defaultLimits, what = 'value', streams?: TakeStream): PreparedBody {
  if (value === undefined) return nothing
  try {
    const small = limits.maxDepth > 1 ? smallText(value) : undefined
    if (small !== undefined) return jsonBody(small, limits)
    // A Uint8Array alone is a body of its own; inside another value it is a segment.
    if (isBareBytes(value)) return prepareBytes(value, limits)
    const verdict = inspect(value, limits.maxDepth)
    if (verdict === 'plain') return jsonBody(JSON.stringify(value), limits)
    return beyondJson().prepare(value, limits, what, verdict === 'rich', streams)
  } catch (cause) {
    if (cause instanceof WaybillError) throw cause
    // A getter or a proxy threw, or the text was too long for the engine.
    throw notRepresentable(what, `could not be read${cause instanceof Error ? `: ${cause.message}` : ''}`, cause)
  }
}

/** Whether it is written without what is installed by `installBeyond`, if it can be written at all. */
export function isPlain(value: unknown, limits: BodyLimits = defaultLimits): boolean {
  try {
    return value === undefined || isBareBytes(value) || inspect(value, limits.maxDepth) === 'plain'
  } catch {
    // Whoever writes it will learn why it cannot be read.
    return true
  }
}

/** Writes at `offset` and returns the end. `target` must have room for `byteLengthBound` bytes; what lies behind the end may be overwritten. */
export function writeBody(prepared: PreparedBody, target: Uint8Array, offset: number): number {
  const { encoding, text, segments } = prepared
  if (segments === undefined) return text === '' ? offset : writeText(text, target, offset)
  if (!isWhole(encoding)) return beyondJson().write(text, segments, target, offset)
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

function jsonBody(text: string, limits: BodyLimits): PreparedBody {
  const byteLengthBound = textBound(text)
  if (byteLengthBound > limits.maxBodyBytes) {
    const size = textBytes(text)
    if (size > limits.maxBodyBytes) throw tooLarge('bytes of the body', limits.maxBodyBytes, size)
  }
  return { encoding: encodings.json, text, segments: undefined, byteLengthBound }
}

function isBareBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && value instanceof Uint8Array
}
