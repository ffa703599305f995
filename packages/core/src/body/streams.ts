/**
 * Streams inside a value: what is one, and how a body says where it stands. A body holds its number alone; items, credit and end travel in frames
 * of their own. Must not know calls: whoever writes or reads the body keeps the streams themselves.
 */

/**
 * How a stream is given at the other end. `values`: as an async generator. `readable`: as a ReadableStream. `bytes`: as a ReadableStream of bytes,
 * where only their order counts and not how they were cut.
 */
export type StreamKind = 'values' | 'readable' | 'bytes'

/** Takes a stream that stands in a value which is being written, and numbers it. Throws where none may stand there. */
export type TakeStream = (source: object, kind: StreamKind) => number

/** Gives what stands for the stream of a number in a value that is being read. Throws where there cannot be one. */
export type GiveStream = (number: number, kind: StreamKind) => object

/** How a marker says it: `["stream", number, kind]`. */
export type StreamMark = ['stream', number, StreamKind]

const kinds: readonly unknown[] = ['values', 'readable', 'bytes'] satisfies StreamKind[]
const MAX_NUMBER = 2 ** 32 - 1

export function isStreamMark(json: unknown): json is StreamMark {
  if (!Array.isArray(json) || json.length !== 3 || json[0] !== 'stream') return false
  const [, number, kind] = json as unknown[]
  return Number.isInteger(number) && (number as number) >= 0 && (number as number) <= MAX_NUMBER && kinds.includes(kind)
}

/** Undefined for what is no stream. A generator that is not asynchronous is one too: `next` tells it from a list. */
export function streamKind(value: object): StreamKind | undefined {
  if ('getReader' in value && typeof value.getReader === 'function') return isOfBytes(value) ? 'bytes' : 'readable'
  if (Symbol.asyncIterator in value) return 'values'
  return Symbol.iterator in value && 'next' in value && typeof value.next === 'function' ? 'values' : undefined
}

/** Only a stream of bytes has a reader that brings its own buffer. Asking leaves no trace; a stream that is locked is told by its first read. */
function isOfBytes(stream: object): boolean {
  try {
    ;(stream as ReadableStream).getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}
