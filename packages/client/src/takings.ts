/**
 * Tells the router which outcomes of the calls of others were given to their listener, so that it need not keep them for this client: all of a tick in
 * one frame. Owns what has not been said yet.
 */
import { encodings, Feature, FrameType, ID_BYTES, writeIds } from '@waybill/core'
import type { Soon } from '@waybill/core'
import type { Connection } from './connection.js'

export class Takings {
  readonly #connection: Connection
  readonly #soon: Soon
  #sns: string[] = []

  constructor(connection: Connection, soon: Soon) {
    this.#connection = connection
    this.#soon = soon
  }

  add(sn: string): void {
    // A router that knows nothing of leases takes what it has written for taken.
    if (!this.#connection.connected!.features.includes(Feature.leases)) return
    this.#sns.push(sn)
    if (this.#sns.length === 1) this.#soon.onTick(this.#say)
  }

  /** The session is gone. What was not said is given again in the next one, and said then. */
  lost(): void {
    this.#sns = []
  }

  readonly #say = (): void => {
    const { connected, pieceBytes } = this.#connection
    const most = Math.max(1, Math.floor(pieceBytes / ID_BYTES))
    for (const sns = this.#sns.splice(0); sns.length > 0;) {
      const ids = writeIds(sns.splice(0, most))
      this.#connection.writeRaw({ type: FrameType.taken, source: connected!.symbol }, undefined, encodings.bytes, ids)
    }
  }
}
