/**
 * The life of a call at the router. Pure. PROTOCOL.md shows the same table.
 *
 * Where later parts attach: the journal puts `stored` between `received` and `queued` and folds the same events; a lease is `handed` with an
 * expiry and a token, which for at-least-once work returns to `queued`; streams and references live from `handed` to `settled` and end with
 * it.
 */
import type { Table } from './table.js'

export type RouterState =
  /** Read from the caller's link, no decision yet. */
  | 'received'
  /** Held by the router: no instance has room, or its client is away within the grace. */
  | 'queued'
  /** Given to an instance's link. */
  | 'handed'
  | 'accepted'
  | 'started'
  | 'settled'

export type RouterEvent =
  /** The router refuses: no target, no right, no room, too large. */
  | 'refuse'
  | 'hold'
  | 'hand'
  | 'accepted'
  | 'started'
  | 'progress'
  | 'result'
  | 'exception'
  | 'rejected'
  | 'cancel'
  | 'deadline'
  | 'callerLost'
  /** The instance's session is lost, or its client took the service back without an answer. */
  | 'calleeLost'

export const routerTable: Table<RouterState, RouterEvent> = {
  received: {
    refuse: 'settled', hold: 'queued', hand: 'handed', accepted: 'wrong', started: 'wrong', progress: 'wrong', result: 'wrong',
    exception: 'wrong', rejected: 'wrong', cancel: 'settled', deadline: 'settled', callerLost: 'settled', calleeLost: 'wrong',
  },
  queued: {
    refuse: 'settled', hold: 'stay', hand: 'handed', accepted: 'wrong', started: 'wrong', progress: 'wrong', result: 'wrong',
    exception: 'wrong', rejected: 'wrong', cancel: 'settled', deadline: 'settled', callerLost: 'settled', calleeLost: 'stay',
  },
  handed: {
    refuse: 'wrong', hold: 'wrong', hand: 'wrong', accepted: 'accepted', started: 'started', progress: 'started', result: 'settled',
    exception: 'settled', rejected: 'settled', cancel: 'stay', deadline: 'settled', callerLost: 'settled', calleeLost: 'settled',
  },
  accepted: {
    refuse: 'wrong', hold: 'wrong', hand: 'wrong', accepted: 'wrong', started: 'started', progress: 'started', result: 'settled',
    exception: 'settled', rejected: 'settled', cancel: 'stay', deadline: 'settled', callerLost: 'settled', calleeLost: 'settled',
  },
  started: {
    refuse: 'wrong', hold: 'wrong', hand: 'wrong', accepted: 'wrong', started: 'wrong', progress: 'stay', result: 'settled',
    exception: 'settled', rejected: 'wrong', cancel: 'stay', deadline: 'settled', callerLost: 'settled', calleeLost: 'settled',
  },
  settled: {
    refuse: 'wrong', hold: 'wrong', hand: 'wrong', accepted: 'stay', started: 'stay', progress: 'stay', result: 'stay',
    exception: 'stay', rejected: 'stay', cancel: 'stay', deadline: 'stay', callerLost: 'stay', calleeLost: 'stay',
  },
}
