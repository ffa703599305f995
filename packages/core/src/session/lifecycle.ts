/**
 * The life of a session on its two ends, as total tables of state × event: what is not written down does not compile. PROTOCOL.md shows the
 * same tables.
 *
 * Streams end with `lost`. Where later parts attach: references do as well; leases are extended while `open` and run out after `lost`;
 * the journal knows sessions only by the principal and the name that they hold.
 */

/** `ended` is final; a client that connects again begins a new session. */
export type ClientSessionState = 'opening' | 'open' | 'broken' | 'ended'

export type ClientSessionEvent =
  /** The router's Connected: a new session, or the old one resumed. */
  | 'connected'
  /** The router's Refused, or the opening could not be understood. */
  | 'refused'
  /** The link ended without a goodbye. */
  | 'linkEnded'
  /** The router's grace has run out, or it answered a resume with a new session. */
  | 'lost'
  /** The router's goodbye, such as `Superseded`. */
  | 'goodbye'
  /** The user closes the client; running calls have ended before, or are out of time. */
  | 'close'

export type RouterSessionState = 'opening' | 'open' | 'detached' | 'ended'

export type RouterSessionEvent =
  | 'introduced'
  | 'refused'
  /** The client came back with the right token, on a new link; also while the old link still looks alive. */
  | 'resumed'
  | 'linkEnded'
  /** Detached for longer than the grace. */
  | 'graceOver'
  /** The client's goodbye, or the router's own. */
  | 'goodbye'
  /** Another process took the name. */
  | 'superseded'

/** `wrong`: the event cannot happen in this state unless the peer or this side is broken; the link is dropped. */
type Table<State extends string, Event extends string> = Readonly<Record<State, Readonly<Record<Event, State | 'wrong'>>>>

export const clientSession: Table<ClientSessionState, ClientSessionEvent> = {
  opening: { connected: 'open', refused: 'ended', linkEnded: 'broken', lost: 'ended', goodbye: 'ended', close: 'ended' },
  open: { connected: 'wrong', refused: 'wrong', linkEnded: 'broken', lost: 'wrong', goodbye: 'ended', close: 'ended' },
  broken: { connected: 'open', refused: 'ended', linkEnded: 'broken', lost: 'ended', goodbye: 'wrong', close: 'ended' },
  ended: { connected: 'wrong', refused: 'ended', linkEnded: 'ended', lost: 'ended', goodbye: 'ended', close: 'ended' },
}

export const routerSession: Table<RouterSessionState, RouterSessionEvent> = {
  opening: { introduced: 'open', refused: 'ended', resumed: 'open', linkEnded: 'ended', graceOver: 'wrong', goodbye: 'wrong', superseded: 'wrong' },
  open: { introduced: 'wrong', refused: 'wrong', resumed: 'open', linkEnded: 'detached', graceOver: 'wrong', goodbye: 'ended', superseded: 'ended' },
  detached: { introduced: 'wrong', refused: 'wrong', resumed: 'open', linkEnded: 'detached', graceOver: 'ended', goodbye: 'ended', superseded: 'ended' },
  ended: { introduced: 'wrong', refused: 'ended', resumed: 'wrong', linkEnded: 'ended', graceOver: 'ended', goodbye: 'ended', superseded: 'ended' },
}
