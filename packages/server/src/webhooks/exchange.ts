/**
 * One request over one connection, and its answer. Follows nothing, decompresses nothing, keeps a bounded part of the answer, and leaves the connection
 * destroyed. A connection serves one post: on one that is kept a reset would not say whether the receiver has begun.
 */
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { quoted, type WaybillError } from '@waybill/core'
import { errnoOf } from './failures.js'
import { MAX_ANSWER_BYTES, MAX_ANSWER_HEAD_BYTES } from './options.js'
import type { Stages } from './stages.js'

export interface Posted {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** A source is asked for a piece only when the one before has left; it is ended with the post, at its next piece at the latest. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  /** How long it is in all. */
  readonly bytes: number
}

export interface Answer {
  readonly status: number
  /** Lower-case names; what stood there more than once is joined by commas. */
  readonly headers: Readonly<Record<string, string>>
  /** As it came, in whatever `content-encoding`. */
  readonly body: Uint8Array
  /** The body was longer than is kept, or the rest of it was lost. */
  readonly isCut: boolean
}

/** What is given to the socket at once: as little as a slow receiver has to take within `idleMs`. */
const PIECE_BYTES = 16 * 1024
/** From here on it is a redirection, from there on a refusal. */
const REDIRECTION = 300
const REFUSAL = 400

export class Exchange {
  readonly #url: URL
  readonly #socket: Socket
  readonly #posted: Posted
  readonly #stages: Stages
  readonly #sent: ClientRequest
  /** Of the answer, once its head is there. */
  #status = 0

  constructor(url: URL, socket: Socket, posted: Posted, stages: Stages) {
    this.#url = url
    this.#socket = socket
    this.#posted = posted
    this.#stages = stages
    stages.sending()
    this.#sent = request({
      createConnection: () => socket,
      method: 'POST',
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, ...posted.headers, connection: 'close' },
      setHost: false,
      maxHeaderSize: MAX_ANSWER_HEAD_BYTES,
    })
  }

  /** Once. Rejects with the failure. */
  async answer(): Promise<Answer> {
    const head = new Promise<IncomingMessage>((resolve) => this.#sent.once('response', resolve))
    const answer = head.then((response) => this.#read(response))
    const refused = head.then(() => (this.#isStopped ? false : new Promise<never>(() => {})))
    const broken = this.#broken()
    try {
      const isWhole = await Promise.race([broken, this.#upload(), refused, answer.then(() => false)])
      this.#stages.answering()
      this.#stages.await('answer')
      const answered = await Promise.race([broken, answer])
      if (isWhole || answered.status >= REDIRECTION) return answered
      throw this.#stages.failure('answer', `${this.#url.origin} answered ${answered.status} before it had read the body`)
    } finally {
      this.#sent.destroy()
      this.#socket.destroy()
    }
  }

  /** Who says no is not sent the rest of the body. */
  get #isStopped(): boolean {
    return this.#status >= REDIRECTION || this.#sent.destroyed
  }

  /** Rejects when no answer can come any more. From its head on, the answer itself says how it ended. */
  #broken(): Promise<never> {
    const { signal } = this.#stages
    return new Promise((_, reject) => {
      const abort = (): void => reject(signal.reason as WaybillError)
      const breaks = (thrown?: unknown): void => void (this.#status === 0 && reject(this.#breach(thrown)))
      this.#sent.on('error', breaks).on('close', breaks)
      this.#sent.on('upgrade', () => reject(this.#stages.failure('answer', `${this.#url.origin} changed to another protocol`)))
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort, { once: true })
    })
  }

  /** Whether all of it has left. */
  async #upload(): Promise<boolean> {
    const { body, bytes } = this.#posted
    let left = bytes
    try {
      for await (const chunk of body instanceof Uint8Array ? [body] : body) {
        left -= chunk.byteLength
        if (left < 0) throw this.#stages.failure('body', `the body is longer than the ${bytes} bytes that were announced`)
        for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES) {
          if (this.#isStopped) return false
          if (!this.#sent.write(chunk.subarray(at, at + PIECE_BYTES))) await this.#taken('drain')
        }
      }
      if (left > 0) throw this.#stages.failure('body', `the body is ${left} bytes shorter than the ${bytes} that were announced`)
    } catch (thrown) {
      throw this.#stages.failure('body', 'the body could not be read', { cause: thrown })
    }
    if (this.#isStopped) return false
    this.#sent.end()
    await this.#taken('finish')
    return this.#sent.writableFinished
  }

  /** What was written has left this process, or never will. */
  async #taken(event: 'drain' | 'finish'): Promise<void> {
    this.#stages.await('reader')
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#sent.off(event, done).off('close', done)
        resolve()
      }
      this.#sent.on(event, done).on('close', done)
    })
    // Where the receiver has said no meanwhile, its answer is waited for.
    if (!this.#isStopped) this.#stages.rest()
  }

  #read(response: IncomingMessage): Promise<Answer> {
    const { statusCode: status = 0 } = response
    this.#status = status
    response.on('error', () => {})
    if (status >= REDIRECTION && status < REFUSAL) throw this.#redirected(response)
    const chunks: Buffer[] = []
    let size = 0
    return new Promise((resolve, reject) => {
      const end = (isCut: boolean): void => resolve({ status, headers: headersOf(response), body: Buffer.concat(chunks), isCut })
      response.on('data', (chunk: Buffer) => {
        const rest = MAX_ANSWER_BYTES - size
        chunks.push(chunk.subarray(0, rest))
        size += chunk.byteLength
        if (chunk.byteLength <= rest) return
        end(true)
        response.destroy()
      })
      response.on('end', () => end(false))
      response.on('close', () => (status >= REFUSAL ? end(true) : reject(this.#breach(undefined))))
    })
  }

  #redirected({ statusCode: status = 0, headers: { location } }: IncomingMessage): WaybillError {
    const { origin } = this.#url
    const where = location === undefined ? 'nowhere' : `to ${quoted(location)}`
    return this.#stages.failure('redirected', `${origin} answered ${status}, which leads ${where}, and is not followed`, {
      status,
      ...(location !== undefined && { location: quoted(location) }),
    })
  }

  /** What became of a connection that ended in the middle. */
  #breach(thrown: unknown): WaybillError {
    const { origin } = this.#url
    const errno = errnoOf(thrown)
    if (errno?.startsWith('HPE_') === true)
      return this.#stages.failure('answer', `the answer of ${origin} is not HTTP (${errno})`, { cause: thrown })
    return this.#stages.failure('reset', `${origin} closed the connection (${errno ?? 'early'})`, { cause: thrown })
  }
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )
}
