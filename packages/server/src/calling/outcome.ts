/** What a call over HTTP comes to: a value, a receipt, a stream or a failure. Owns how that is found in the messages of its conversation. */
import { WaybillError } from '@waybill/core'
import { objectOf, textOf, valueOf, type Members } from '../gateways/json-messages.js'
import type { Hearing } from './conversation.js'
import { failureIn, failureOf, type Failure } from './failure.js'
import { ResultStream } from './result-stream.js'

export type Outcome =
  /** JSON text; undefined for none. */
  | { readonly kind: 'value'; readonly text: Uint8Array | undefined }
  | { readonly kind: 'stored'; readonly sn: string }
  | { readonly kind: 'stream'; readonly stream: ResultStream }
  /** Streams stand within the result, where no body of HTTP can bring them: the call is to be cancelled. */
  | { readonly kind: 'streams' }
  | { readonly kind: 'failed'; readonly failure: Failure }

export class Waiting implements Hearing {
  /** Never rejects. */
  readonly outcome: Promise<Outcome>
  readonly #settle: (outcome: Outcome) => void
  #stream: ResultStream | undefined
  /** Of a result that was told: those that have not ended. */
  #streams = 0

  constructor() {
    let settle!: (outcome: Outcome) => void
    this.outcome = new Promise((resolve) => (settle = resolve))
    this.#settle = settle
  }

  heard(message: Members): boolean {
    if (message.has('item')) this.#stream?.item(objectOf(message, 'item'))
    else if (message.has('end')) return this.#ended(message)
    else if (message.has('result')) return this.#result(message, objectOf(message, 'result'))
    else if (message.has('status')) return this.#status(message, textOf(message, 'status'))
    return false
  }

  lost(error: WaybillError): void {
    this.#settle({ kind: 'failed', failure: failureOf(error) })
    this.#stream?.fail(failureOf(error))
  }

  #status(message: Members, status: string | undefined): boolean {
    if (status === 'stored') this.#settle({ kind: 'stored', sn: (textOf(message, 'receipt') ?? textOf(message, 'sn'))! })
    else if (status === 'rejected') this.#settle({ kind: 'failed', failure: failureIn(message, message) })
    return status === 'stored' || status === 'rejected'
  }

  #result(message: Members, result: Members): boolean {
    if (result.has('exval')) this.#settle({ kind: 'failed', failure: failureIn(result, message) })
    else if (!result.has('streams')) this.#settle({ kind: 'value', text: result.get('retval') })
    else return this.#opened(valueOf(result, 'streams') as readonly (readonly [path: readonly unknown[], name: string, kind: string])[])
    return true
  }

  #opened(streams: readonly (readonly [path: readonly unknown[], name: string, kind: string])[]): boolean {
    this.#streams = streams.length
    const [[path, , kind]] = streams as [(typeof streams)[number]]
    if (path.length === 0) this.#stream = new ResultStream(kind)
    this.#settle(this.#stream === undefined ? { kind: 'streams' } : { kind: 'stream', stream: this.#stream })
    return false
  }

  #ended(message: Members): boolean {
    const end = objectOf(message, 'end')
    if (end.has('exval')) this.#stream?.fail(failureIn(end, message))
    else this.#stream?.end(end.get('retval'))
    return --this.#streams === 0
  }
}

/** Of a result in which streams stand. */
export function unspeakable(): Failure {
  const why = 'the result holds streams, which only a result that is one itself brings over HTTP'
  return failureOf(new WaybillError('NotRepresentable', why, { executed: 'yes' }))
}
