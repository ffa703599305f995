/** Durable events on their way: they wait for credit here, and for the router's word that it has them. Owns those that are not answered. */
import { executedOf, parseBody, WaybillError, type Durability, type FrameHead, type FrameReader, type StoredEvent } from '@waybill/core'
import type { Connection } from './connection.js'
import { errorFromException, errorFromRejection, readRejection, readStored } from './failures.js'

interface Publishing {
  readonly resolve: (stored: StoredEvent) => void
  readonly reject: (error: unknown) => void
  isWritten: boolean
}

export class StoredPublishing {
  readonly #connection: Connection
  readonly #pending = new Map<number, Publishing>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  publish(head: FrameHead & { readonly call: number }, extension: Uint8Array, encoding: number, value: Uint8Array): Promise<StoredEvent> {
    return new Promise((resolve, reject) => {
      const publishing: Publishing = { resolve, reject, isWritten: false }
      this.#pending.set(head.call, publishing)
      this.#connection.enqueue({
        writeNext: () => {
          // A session that was lost meanwhile has taken it along.
          if (this.#pending.get(head.call) !== publishing) return false
          publishing.isWritten = true
          this.#connection.writeRaw(head, extension, encoding, value)
          return false
        },
      })
    })
  }

  /** True where the frame was about an event of these, as for the next ones. */
  stored(frame: FrameReader): boolean {
    const publishing = this.#take(frame)
    if (publishing === undefined) return false
    const body = parseBody(frame.encoding, frame.body())
    const { id } = (body ?? {}) as { id?: unknown }
    const { durability }: { durability: Durability } = readStored(body)
    if (typeof id === 'number') publishing.resolve({ id, durability })
    else publishing.reject(new WaybillError('ProtocolViolation', 'the router stored an event without an id', { executed: 'yes' }))
    return true
  }

  rejected(frame: FrameReader): boolean {
    const publishing = this.#take(frame)
    publishing?.reject(errorFromRejection(readRejection(parseBody(frame.encoding, frame.body()))))
    return publishing !== undefined
  }

  excepted(frame: FrameReader): boolean {
    const publishing = this.#take(frame)
    publishing?.reject(errorFromException(parseBody(frame.encoding, frame.body()), executedOf(frame.flags), []))
    return publishing !== undefined
  }

  /** Nobody will answer any more. */
  lost({ code, message }: WaybillError): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject, isWritten } of pending) reject(new WaybillError(code, message, { executed: isWritten ? 'maybe' : 'no' }))
  }

  #take(frame: FrameReader): Publishing | undefined {
    if (this.#pending.size === 0) return undefined
    const publishing = this.#pending.get(frame.call)
    this.#pending.delete(frame.call)
    return publishing
  }
}
