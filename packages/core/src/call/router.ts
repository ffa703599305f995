/**
 * The life of a call at the router. Pure. PROTOCOL.md shows the same table.
 *
 * What is stored is not touched by `callerLost`, and is never refused: it expires. Where later parts attach: the journal folds the same events;
 * a lease is `handed` with an expiry and a token; streams live from `handed` to `settled` and end with it, as references will.
 */
import type { Table } from './table.js'

export type RouterState =
  /** Read from the caller's link, no decision yet. */
  | 'received'
  /** Promised: the router answers for its outcome, whoever leaves. */
  | 'stored'
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
  | 'store'
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
  /** The callee gave it back unstarted, or was lost with a stored call that may run again: it waits for another one. */
  | 'redeliver'

export const routerTable: Table<RouterState, RouterEvent> = {
  received: {
    refuse: 'settled', store: 'stored', hold: 'queued', hand: 'handed', accepted: 'wrong', started: 'wrong', progress: 'wrong', result: 'wrong',
    exception: 'wrong', rejected: 'wrong', cancel: 'settled', deadline: 'settled', callerLost: 'settled', calleeLost: 'wrong', redeliver: 'wrong',
  },
  stored: {
    refuse: 'wrong', store: 'wrong', hold: 'queued', hand: 'handed', accepted: 'wrong', started: 'wrong', progress: 'wrong', result: 'wrong',
    exception: 'wrong', rejected: 'wrong', cancel: 'settled', deadline: 'settled', callerLost: 'stay', calleeLost: 'wrong', redeliver: 'wrong',
  },
  queued: {
    refuse: 'settled', store: 'wrong', hold: 'stay', hand: 'handed', accepted: 'wrong', started: 'wrong', progress: 'wrong', result: 'wrong',
    exception: 'wrong', rejected: 'wrong', cancel: 'settled', deadline: 'settled', callerLost: 'settled', calleeLost: 'stay', redeliver: 'wrong',
  },
  handed: {
    refuse: 'wrong', store: 'wrong', hold: 'wrong', hand: 'wrong', accepted: 'accepted', started: 'started', progress: 'started', result: 'settled',
    exception: 'settled', rejected: 'settled', cancel: 'stay', deadline: 'settled', callerLost: 'settled', calleeLost: 'settled', redeliver: 'queued',
  },
  accepted: {
    refuse: 'wrong', store: 'wrong', hold: 'wrong', hand: 'wrong', accepted: 'wrong', started: 'started', progress: 'started', result: 'settled',
    exception: 'settled', rejected: 'settled', cancel: 'stay', deadline: 'settled', callerLost: 'settled', calleeLost: 'settled', redeliver: 'queued',
  },
  started: {
    refuse: 'wrong', store: 'wrong', hold: 'wrong', hand: 'wrong', accepted: 'wrong', started: 'wrong', progress: 'stay', result: 'settled',
    exception: 'settled', rejected: 'wrong', cancel: 'stay', deadline: 'settled', callerLost: 'settled', calleeLost: 'settled', redeliver: 'queued',
  },
  settled: {
    refuse: 'wrong', store: 'wrong', hold: 'wrong', hand: 'wrong', accepted: 'stay', started: 'stay', progress: 'stay', result: 'stay',
    exception: 'stay', rejected: 'stay', cancel: 'stay', deadline: 'stay', callerLost: 'stay', calleeLost: 'stay', redeliver: 'stay',
  },
}
