/**
 * Owns how a stream that a call gives is printed: piece by piece as it arrives, no faster than its reader takes it, and no longer than he wants it.
 * How the call ends is its caller's to tell.
 */
import { streamKind } from '@waybill/core'
import { Exit } from './exits.js'
import { jsonForm, lineText } from './show/value.js'
import { remark, written, type Terminal } from './terminal.js'

export type Stream = AsyncGenerator<unknown, unknown, unknown> | ReadableStream<unknown>

export interface Manner {
  /** A value a line as JSON, and its end as JSON on stderr, so that what is read is values alone. */
  readonly json: boolean
  /** Bytes go to a terminal too. */
  readonly force: boolean
  /** Called before each piece, for what stands on the terminal in the meantime. */
  readonly before: () => void
}

export function isStream(value: unknown): value is Stream {
  return typeof value === 'object' && value !== null && streamKind(value) !== undefined
}

/** Resolves to the exit code, also where the reader has seen enough; then the stream is stopped. Rejects with what the stream ends with. */
export async function printStream(stream: Stream, { json, force, before }: Manner, terminal: Terminal): Promise<number> {
  const ofBytes = streamKind(stream) === 'bytes'
  if (ofBytes && !json && !force && terminal.out.isTTY) {
    await ended(stream)
    remark(
      'waybill: the result is a stream of bytes, and a terminal is no place for them: send it elsewhere (> file), or use --force',
      terminal,
    )
    return Exit.failed
  }
  const lineOf = (item: unknown): string => `${json ? JSON.stringify(jsonForm(item)) : lineText(item)}\n`
  const pieces = iteratorOf(stream)
  for (;;) {
    const { done, value } = await pieces.next()
    before()
    if (done === true) {
      if (value !== undefined) remark(json ? JSON.stringify({ returned: jsonForm(value) }) : `returned: ${lineText(value)}`, terminal)
      return Exit.ok
    }
    let isRead: boolean
    try {
      isRead = await written(ofBytes && !json ? (value as Uint8Array) : lineOf(value), terminal)
    } catch (thrown) {
      await pieces.return?.()
      remark(`waybill: cannot write: ${(thrown as Error).message}`, terminal)
      return Exit.failed
    }
    if (isRead) continue
    await pieces.return?.()
    return Exit.ok
  }
}

/** A value that can be printed, and how many streams in it were ended for that. */
export interface Plain {
  readonly value: unknown
  readonly streams: number
}

/** Ends the streams in a value and puts text in their place, which says what was there. The value is changed, so it must be nobody else's. */
export function withoutStreams(value: unknown): Plain {
  const seen = new Set<unknown>()
  let streams = 0
  const visit = (one: unknown): unknown => {
    if (typeof one !== 'object' || one === null || seen.has(one)) return one
    if (isStream(one)) {
      streams++
      void ended(one)
      return `[stream of ${streamKind(one) === 'bytes' ? 'bytes' : 'values'}]`
    }
    seen.add(one)
    if (one instanceof Map) for (const [key, inner] of one) one.set(key, visit(inner))
    else if (one instanceof Set) {
      const all = [...(one as Set<unknown>)].map(visit)
      one.clear()
      for (const inner of all) one.add(inner)
    } else if (!ArrayBuffer.isView(one)) {
      for (const [key, inner] of Object.entries(one)) if (typeof inner === 'object') (one as Record<string, unknown>)[key] = visit(inner)
    }
    return one
  }
  return { value: visit(value), streams }
}

/** Whatever else it ends with is told by the call. */
async function ended(stream: Stream): Promise<void> {
  await Promise.resolve(iteratorOf(stream).return?.()).catch(() => {})
}

export function iteratorOf(stream: Stream): AsyncIterator<unknown, unknown> {
  return (stream as AsyncIterable<unknown>)[Symbol.asyncIterator]()
}
