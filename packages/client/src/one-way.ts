/** Calls that nobody answers: written at once or not at all, and then nobody's any more. Makes no promise and no record of what fits in one frame. */
import { FrameType } from '@waybill/core'
import { withNames } from './call-fields.js'
import type { Connection } from './connection.js'
import { writePiece, type OutgoingBody } from './outgoing-body.js'
import type { Request } from './request.js'
import { noCredit } from './verdicts.js'

/** A call that was handed over; `written` resolves when the rest of a long body is, and is absent where there is none. */
export interface Sent {
  readonly sn: string
  readonly written: Promise<void> | undefined
}

/** Throws `Overloaded` where there is no link or no credit. */
export function sendOneWay(
  connection: Connection,
  { address, method, flags, ttlMs }: Request,
  call: number,
  fields: Uint8Array | undefined,
  body: OutgoingBody,
): Promise<void> | undefined {
  if (!connection.isLinked || !connection.hasCredit) throw noCredit()
  const { connected } = connection
  const source = connected!.symbol
  let offset = 0
  const first = (): boolean => {
    const known = address.symbol !== 0 && method.symbol !== 0
    const destination = known ? address.symbol : 0
    const head = { type: FrameType.call, flags, destination, source, call, ttlMs: Math.ceil(ttlMs), method: known ? method.symbol : 0 }
    offset = writePiece(connection, head, known ? fields : withNames(address.name, method.name, fields), body, 0)
    return offset > 0
  }
  const isFirst = !connection.isIdle
  // Calls that were made before go before.
  if (!isFirst && !first()) return undefined
  return rest(connection, isFirst ? first : undefined, () => {
    offset = writePiece(connection, { type: FrameType.callChunk, source, call }, undefined, body, offset)
    return offset > 0
  })
}

/** Writes frame by frame as there is credit, `first` before the others; resolves when all are written, or can never be. */
function rest(connection: Connection, first: (() => boolean) | undefined, next: () => boolean): Promise<void> {
  const { connected } = connection
  let write = first ?? next
  return new Promise((resolve) =>
    connection.enqueue({
      writeNext: () => {
        // In another session nobody would know how it began.
        if (connection.connected === connected && write()) {
          write = next
          return true
        }
        resolve()
        return false
      },
    }),
  )
}
