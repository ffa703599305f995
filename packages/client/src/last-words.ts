/**
 * The last word of a call on its way to its caller: in one frame or in pieces, as there is credit. Whole, so that it can be said again. Owns no
 * calls.
 */
import { bodyBytes, FrameType } from '@waybill/core'
import type { Connection } from './connection.js'
import type { Sendable } from './lanes.js'
import { writePiece, type OutgoingBody } from './outgoing-body.js'

export interface LastWord {
  readonly type: number
  readonly flags: number
  readonly dataField: Uint8Array | undefined
  readonly body: OutgoingBody
}

/** The caller's symbol in this session and its number for the call. */
export interface Destination {
  readonly source: number
  readonly number: number
}

export function sendLastWord(connection: Connection, { type, flags, dataField, body }: LastWord, { source, number }: Destination): void {
  const { hasCredit, connected } = connection
  const head = { type, flags, destination: source, source: connected!.symbol, call: number }
  const fitting = fittedBody(body, connection.pieceBytes)
  let offset = hasCredit ? writePiece(connection, head, dataField, fitting, 0) : 0
  if (hasCredit && offset === 0) return
  let next = hasCredit ? { ...head, type: FrameType.answerChunk as number, flags: 0 } : head
  const rest: Sendable = {
    writeNext: () => {
      // In another session the destination may mean somebody else.
      if (connection.connected !== connected) return false
      offset = writePiece(connection, next, offset === 0 ? dataField : undefined, fitting, offset)
      next = { ...head, type: FrameType.answerChunk, flags: 0 }
      return offset > 0
    },
  }
  connection.enqueue(rest)
}

/** What was ready for one session may have to be cut into pieces in the next. */
function fittedBody({ prepared, bytes }: OutgoingBody, pieceBytes: number): OutgoingBody {
  return { prepared, bytes: bytes ?? (prepared.byteLengthBound > pieceBytes ? bodyBytes(prepared) : undefined) }
}
