/** The frames by which a call, or the watching of one, goes out. Owns how its header is filled; when it is written is not decided here. */
import { callNumber, Flag, FrameType } from '@waybill/core'
import { snField, withNames } from './call-fields.js'
import type { Connection } from './connection.js'
import type { OutgoingCall } from './outgoing-call.js'
import { writePiece } from './outgoing-body.js'
import { isAlone } from './request.js'

/** Writes the next frame of the call; true when its body goes on. */
export function writeFrameOf(call: OutgoingCall, connection: Connection, nowMs: number): boolean {
  const source = connection.connected!.symbol
  const number = callNumber(call.counter)
  if (call.offset > 0) {
    call.offset = writePiece(connection, { type: FrameType.callChunk, source, call: number }, undefined, call.body, call.offset)
    return call.offset > 0
  }
  const isWatch = call.watched !== undefined || call.state === 'stored'
  call.step('write')
  if (isWatch) {
    // What is heard of it is told by the router: the call may begin again elsewhere, and outlives this session.
    call.step('stored')
    connection.write({ type: FrameType.watch, source, call: number }, snField(call.sn))
    return false
  }
  const { address, method, flags, ttlMs } = call.request
  // One instance: its symbol beside the method's name, so that only the instance can be what has become stale.
  const alone = isAlone(call.request)
  const known = !alone && address.symbol !== 0 && method.symbol !== 0
  const head = {
    type: FrameType.call,
    flags: flags | (call.live.isWatched ? Flag.statusesWanted : 0),
    destination: known || alone ? address.symbol : 0,
    source,
    call: number,
    // 0 stands for none.
    ttlMs: Number.isFinite(call.deadlineAtMs) ? Math.max(1, Math.ceil(call.bornMs + ttlMs - nowMs)) : 0,
    method: known ? method.symbol : 0,
  }
  call.offset = writePiece(connection, head, known ? call.fields : withNames(address.name, method.name, call.fields), call.body, 0)
  return call.offset > 0
}
