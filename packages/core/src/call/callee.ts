/**
 * The life of a call at its callee. Pure. PROTOCOL.md shows the same table.
 *
 * A call stays `running` while the streams of its result have items; an isolated method runs in a child that `cancel` can end. A call with a lease
 * outlives its session: `sessionLost` is not said of it, and its terminal word is kept beside this until the router has it for good.
 */
import type { Table } from './table.js'

export type CalleeState =
  /** Arrived and not started: an argument check or the declared concurrency is in front of it. */
  | 'queued'
  | 'running'
  /** A terminal word was sent while the method still runs; what it brings is dropped. It still takes its place in the concurrency. */
  | 'abandoned'
  | 'settled'

export type CalleeEvent =
  | 'start'
  /** No such method, bad arguments, a deadline that passed before the start, a client that is closing. */
  | 'refuse'
  | 'returned'
  | 'threw'
  | 'cancel'
  /** A cancelled method did not end within its grace. */
  | 'cancelGraceOver'
  /** Of a call without a lease. */
  | 'sessionLost'
  /** The session of a call with a lease was lost, and in the next one the router says that it is another's, or over. */
  | 'leaseVoid'

export const calleeTable: Table<CalleeState, CalleeEvent> = {
  queued: { start: 'running', refuse: 'settled', returned: 'wrong', threw: 'wrong', cancel: 'settled', cancelGraceOver: 'wrong', sessionLost: 'settled', leaseVoid: 'settled' },
  running: { start: 'wrong', refuse: 'wrong', returned: 'settled', threw: 'settled', cancel: 'stay', cancelGraceOver: 'abandoned', sessionLost: 'abandoned', leaseVoid: 'abandoned' },
  abandoned: { start: 'wrong', refuse: 'wrong', returned: 'settled', threw: 'settled', cancel: 'stay', cancelGraceOver: 'stay', sessionLost: 'stay', leaseVoid: 'stay' },
  settled: { start: 'wrong', refuse: 'wrong', returned: 'wrong', threw: 'wrong', cancel: 'stay', cancelGraceOver: 'stay', sessionLost: 'stay', leaseVoid: 'stay' },
}
