/** What a user holds of a stream that arrives: an async generator, or a ReadableStream. Knows nothing of frames. */
import type { Inflow, Reading } from './inflow.js'

export function facadeOf(inflow: Inflow): AsyncGenerator | ReadableStream {
  return inflow.kind === 'values' ? new ArrivingGenerator(inflow) : readableOf(inflow, inflow.kind === 'bytes')
}

/** Reads ahead of nobody: `next` asks for one item. Several may be asked for at once, and are given in order. */
class ArrivingGenerator implements AsyncGenerator<unknown, unknown, unknown> {
  readonly #inflow: Inflow

  constructor(inflow: Inflow) {
    this.#inflow = inflow
  }

  next(): Promise<Reading> {
    return this.#inflow.next()
  }

  /** As `break` does: its sender stops. */
  return(value?: unknown): Promise<Reading> {
    this.#inflow.stop()
    return Promise.resolve(value).then((settled) => ({ done: true, value: settled }))
  }

  /** What is thrown here is not told to the sender, who only stops. */
  throw(error?: unknown): Promise<Reading> {
    this.#inflow.stop()
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- it is the user's own
    return Promise.reject(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  get [Symbol.toStringTag](): string {
    return 'AsyncGenerator'
  }
}

/** Holds nothing itself: what its reader has not asked for stays with the sender. */
function readableOf(inflow: Inflow, ofBytes: boolean): ReadableStream {
  const pull = async (controller: ReadableStreamDefaultController | ReadableByteStreamController): Promise<void> => {
    for (;;) {
      const { done, value } = await inflow.next()
      // No stream of bytes takes a piece without any.
      if (done !== true && ofBytes && (value as Uint8Array).byteLength === 0) continue
      if (done !== true) return controller.enqueue(ofBytes ? own(value as Uint8Array) : (value as Uint8Array<ArrayBuffer>))
      controller.close()
      // A reader with a buffer of its own is given it back.
      if ('byobRequest' in controller) controller.byobRequest?.respond(0)
      return
    }
  }
  const cancel = (): void => inflow.stop()
  return ofBytes ? new ReadableStream({ type: 'bytes', pull, cancel }) : new ReadableStream({ pull, cancel }, { highWaterMark: 0 })
}

/**
 * A stream of bytes detaches the whole memory of what it is given, and that may be a packet's, or a chunk of the socket's, where other frames
 * stand.
 */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.byteLength === bytes.buffer.byteLength ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}
