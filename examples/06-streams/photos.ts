/** What the kennel offers. A generator and a ReadableStream are streams for the caller; so are those among the arguments for the method. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { currentCall, Remote } from '@waybill/decorators'

@Remote({ version: '1.0.0' })
export class Kennel {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Out. `break` at the caller ends it here, and `finally` runs. */
  async *smells(count: number): AsyncGenerator<string, string> {
    const call = currentCall() // before the first await
    try {
      for (let n = 1; n <= count; n++) {
        await wait(5, undefined, { signal: call.signal }) // who waits is told when nobody reads any longer
        yield `smell ${n}`
      }
      return 'enough'
    } finally {
      console.log(`smells of ${count}: the generator has ended`)
    }
  }

  /** What is thrown arrives behind the items before it. */
  async *tires(): AsyncGenerator<number> {
    yield 1
    yield 2
    throw new Error('tired')
  }

  /** Out: bytes. */
  photo(name: string): ReadableStream<Uint8Array> {
    return bytesOf(this.#pathOf(name))
  }

  /** In: bytes. What is not written yet is not asked for. */
  async keep(name: string, length: number, bytes: ReadableStream<Uint8Array>): Promise<number> {
    const call = currentCall()
    const file = await open(this.#pathOf(name), 'w')
    let completed = 0
    try {
      for await (const piece of bytes) {
        await file.write(piece)
        completed += piece.byteLength
        call.progress({ total: length, completed })
      }
    } finally {
      await file.close()
    }
    return completed
  }

  /** In and out, item for item. */
  async *barks(words: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const word of words) yield `${word.toUpperCase()}!`
  }

  /** A caller names a photo, and not a path. */
  #pathOf(name: string): string {
    if (name === '' || name !== basename(name) || name.startsWith('.')) throw new Error('a photo has a simple name')
    return join(this.#folder, name)
  }
}

/** A file as a stream of bytes, read as far as somebody asks for it. */
export function bytesOf(file: string): ReadableStream<Uint8Array> {
  const pieces = createReadStream(file)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  return new ReadableStream({
    type: 'bytes', // else it is a stream of values, which happen to be bytes
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done === true) controller.close()
      else controller.enqueue(new Uint8Array(value)) // a copy, as the stream keeps what it is given
    },
    cancel: async () => void (await pieces.return?.()),
  })
}
