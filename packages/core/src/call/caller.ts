/**
 * The life of a call at its caller. Pure. PROTOCOL.md shows the same table.
 *
 * A call that is to be stored stays `stored` until its outcome, whatever is reported meanwhile, and goes on in the next session. Where later
 * parts attach: a stream's items come between `started` and the terminal event; the journal knows nothing of this side.
 */
import type { Table } from './table.js'

export type CallerState =
  /** In the caller's own buffer: never written to a link. */
  | 'waiting'
  /** Handed over to the link; nothing was heard since. */
  | 'written'
  /** The router has stored it: it outlives this session, and what is heard of it later is told by the router. */
  | 'stored'
  | 'accepted'
  | 'started'
  | 'settled'

export type CallerEvent =
  | 'write'
  | 'stored'
  | 'accepted'
  | 'started'
  | 'progress'
  /** Terminal words from the other side. A terminal word implies what precedes it. */
  | 'result'
  | 'exception'
  | 'rejected'
  /** The router refused for a reason that the client mends by itself (a stale symbol, no room): back into the buffer. */
  | 'returned'
  /** It failed, and its caller asked for another attempt. */
  | 'retried'
  /** The caller gives up by itself: cancelled or out of time, and no verdict came. */
  | 'givenUp'
  /** The session cannot be resumed. What was never written stays for the next session. */
  | 'sessionLost'
  /** The client was closed, or superseded. */
  | 'closed'

export const callerTable: Table<CallerState, CallerEvent> = {
  waiting: {
    write: 'written', stored: 'wrong', accepted: 'wrong', started: 'wrong', progress: 'wrong', result: 'wrong', exception: 'wrong', rejected: 'wrong',
    returned: 'wrong', retried: 'wrong', givenUp: 'settled', sessionLost: 'stay', closed: 'settled',
  },
  written: {
    write: 'wrong', stored: 'stored', accepted: 'accepted', started: 'started', progress: 'started', result: 'settled', exception: 'settled', rejected: 'settled',
    returned: 'waiting', retried: 'waiting', givenUp: 'settled', sessionLost: 'settled', closed: 'settled',
  },
  stored: {
    write: 'wrong', stored: 'wrong', accepted: 'stay', started: 'stay', progress: 'stay', result: 'settled', exception: 'settled',
    rejected: 'settled', returned: 'wrong', retried: 'wrong', givenUp: 'settled', sessionLost: 'stay', closed: 'settled',
  },
  accepted: {
    write: 'wrong', stored: 'wrong', accepted: 'wrong', started: 'started', progress: 'started', result: 'settled', exception: 'settled', rejected: 'settled',
    returned: 'waiting', retried: 'waiting', givenUp: 'settled', sessionLost: 'settled', closed: 'settled',
  },
  started: {
    write: 'wrong', stored: 'wrong', accepted: 'wrong', started: 'wrong', progress: 'stay', result: 'settled', exception: 'settled', rejected: 'wrong',
    returned: 'wrong', retried: 'waiting', givenUp: 'settled', sessionLost: 'settled', closed: 'settled',
  },
  // Late words are legal here: they crossed the caller's own end on the way.
  settled: {
    write: 'wrong', stored: 'stay', accepted: 'stay', started: 'stay', progress: 'stay', result: 'stay', exception: 'stay', rejected: 'stay',
    returned: 'stay', retried: 'stay', givenUp: 'stay', sessionLost: 'stay', closed: 'stay',
  },
}
