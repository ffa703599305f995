/**
 * What a controller sends, and in which form it travels: text and bytes as they are where they are small, else as a stream of bytes, of which neither
 * side holds more than the credit of a stream. Must not know what a plugin makes of it.
 */
import { createReadStream } from 'node:fs'
import { access, constants } from 'node:fs/promises'

type Pieces = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>

/** Text, bytes, a file of this machine by its path, or a stream of bytes. */
export type Payload = string | Uint8Array | { readonly file: string } | Pieces

/** As it travels; what a plugin's method takes of anybody. */
export type SentPayload = string | Uint8Array | Pieces

const WHOLE_BYTES = 64 * 1024

/** Rejects where the file cannot be read. It is opened when the first of it is asked for, so nothing stays open of what is refused. */
export async function sent(payload: Payload): Promise<SentPayload> {
  if (typeof payload === 'string') {
    // In UTF-8 a character takes three bytes at the most.
    return payload.length * 3 <= WHOLE_BYTES ? payload : sent(new TextEncoder().encode(payload))
  }
  if (payload instanceof Uint8Array) return payload.byteLength <= WHOLE_BYTES ? payload : streamed([payload])
  if (!('file' in payload)) return streamed(payload)
  const { file } = payload
  await access(file, constants.R_OK)
  return streamed(read(file))
}

async function* read(file: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(file, { highWaterMark: WHOLE_BYTES }) as AsyncIterable<Uint8Array>
}

/** As a stream of bytes, which may be cut anywhere, so that no piece is too long for a frame. */
function streamed(source: Iterable<Uint8Array> | Pieces): ReadableStream<Uint8Array> {
  let pieces: Iterator<Uint8Array> | AsyncIterator<Uint8Array> | undefined
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      pieces ??= Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
      for (;;) {
        const { done, value } = await pieces.next()
        if (done === true) {
          controller.close()
          // A read that brought its own buffer waits for this.
          controller.byobRequest?.respond(0)
          return
        }
        // An empty piece is none, and a stream of bytes takes none.
        if (value.byteLength > 0) return controller.enqueue(value as Uint8Array<ArrayBuffer>)
      }
    },
    async cancel(reason) {
      pieces ??= Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
      await pieces.return?.(reason)
    },
  })
}
