/**
 * The life of a call at the router. Pure. PROTOCOL.md shows the same table.
 *
 * What is stored is not touched by `callerLost`, and is never refused: it expires. Only what is stored is `leased` before it is handed over, and can be
 * `away`. Streams live from `handed` to `settled` and end with it, as references will.
 */
import type { Table } from './table.js'

export type RouterState =
  /** Read from the caller's link, no decision yet. */
  | 'received'
  /** Promised: the router answers for its outcome, whoever leaves. */
  | 'stored'
  /** Held by the router: no instance has room, or its client is away within the grace. */
  | 'queued'
  /** An instance has a place for it; it leaves as soon as that is written down safely. */
  | 'leased'
  /** Given to an instance's link. */
  | 'handed'
  | 'accepted'
  | 'started'
  /** Its callee's session is lost; the same process may come back with it. */
  | 'away'
  | 'settled'

export type RouterEvent =
  /** The router refuses: no target, no right, no room, too large. */
  | 'refuse'
  | 'store'
  | 'hold'
  | 'lease'
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
  /** The instance's session is lost, but not its process, as far as anybody knows; and it is back and still has the call. */
  | 'calleeAway'
  | 'calleeBack'
  /** The callee gave it back unstarted, or was lost with a stored call that may run again: it waits for another one. */
  | 'redeliver'

export const routerTable: Table<RouterState, RouterEvent> = {
  received: {
    refuse: 'settled', store: 'stored', hold: 'queued', lease: 'wrong', hand: 'handed', accepted: 'wrong', started: 'wrong',
    progress: 'wrong', result: 'wrong', exception: 'wrong', rejected: 'wrong', cancel: 'settled', deadline: 'settled',
    callerLost: 'settled', calleeLost: 'wrong', calleeAway: 'wrong', calleeBack: 'wrong', redeliver: 'wrong',
  },
  stored: {
    refuse: 'wrong', store: 'wrong', hold: 'queued', lease: 'leased', hand: 'wrong', accepted: 'wrong', started: 'wrong',
    progress: 'wrong', result: 'wrong', exception: 'wrong', rejected: 'wrong', cancel: 'settled', deadline: 'settled', callerLost: 'stay',
    calleeLost: 'wrong', calleeAway: 'wrong', calleeBack: 'wrong', redeliver: 'wrong',
  },
  queued: {
    refuse: 'settled', store: 'wrong', hold: 'stay', lease: 'leased', hand: 'handed', accepted: 'wrong', started: 'wrong',
    progress: 'wrong', result: 'wrong', exception: 'wrong', rejected: 'wrong', cancel: 'settled', deadline: 'settled',
    callerLost: 'settled', calleeLost: 'stay', calleeAway: 'wrong', calleeBack: 'wrong', redeliver: 'wrong',
  },
  leased: {
    refuse: 'settled', store: 'wrong', hold: 'wrong', lease: 'wrong', hand: 'handed', accepted: 'wrong', started: 'wrong',
    progress: 'wrong', result: 'wrong', exception: 'wrong', rejected: 'wrong', cancel: 'settled', deadline: 'settled', callerLost: 'stay',
    calleeLost: 'queued', calleeAway: 'wrong', calleeBack: 'wrong', redeliver: 'queued',
  },
  handed: {
    refuse: 'wrong', store: 'wrong', hold: 'wrong', lease: 'wrong', hand: 'wrong', accepted: 'accepted', started: 'started',
    progress: 'started', result: 'settled', exception: 'settled', rejected: 'settled', cancel: 'stay', deadline: 'settled',
    callerLost: 'settled', calleeLost: 'settled', calleeAway: 'away', calleeBack: 'wrong', redeliver: 'queued',
  },
  accepted: {
    refuse: 'wrong', store: 'wrong', hold: 'wrong', lease: 'wrong', hand: 'wrong', accepted: 'wrong', started: 'started',
    progress: 'started', result: 'settled', exception: 'settled', rejected: 'settled', cancel: 'stay', deadline: 'settled',
    callerLost: 'settled', calleeLost: 'settled', calleeAway: 'away', calleeBack: 'wrong', redeliver: 'queued',
  },
  started: {
    refuse: 'wrong', store: 'wrong', hold: 'wrong', lease: 'wrong', hand: 'wrong', accepted: 'wrong', started: 'wrong', progress: 'stay',
    result: 'settled', exception: 'settled', rejected: 'wrong', cancel: 'stay', deadline: 'settled', callerLost: 'settled',
    calleeLost: 'settled', calleeAway: 'away', calleeBack: 'wrong', redeliver: 'queued',
  },
  away: {
    refuse: 'wrong', store: 'wrong', hold: 'wrong', lease: 'wrong', hand: 'wrong', accepted: 'wrong', started: 'wrong', progress: 'wrong',
    result: 'wrong', exception: 'wrong', rejected: 'wrong', cancel: 'stay', deadline: 'settled', callerLost: 'stay', calleeLost: 'settled',
    calleeAway: 'wrong', calleeBack: 'handed', redeliver: 'queued',
  },
  settled: {
    refuse: 'wrong', store: 'wrong', hold: 'wrong', lease: 'wrong', hand: 'wrong', accepted: 'stay', started: 'stay', progress: 'stay',
    result: 'stay', exception: 'stay', rejected: 'stay', cancel: 'stay', deadline: 'stay', callerLost: 'stay', calleeLost: 'stay',
    calleeAway: 'stay', calleeBack: 'stay', redeliver: 'stay',
  },
}
