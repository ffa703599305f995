/** What a gateway knows of the router: where a new link is brought. */
import type { Link, LinkEvents } from '@waybill/core'

export interface Entrance {
  /** A link has been opened. The gateway reports its packets and its end to what it gets back. Until the client is known, the link is
   * closed after a few seconds or a few kilobytes. */
  admit(link: Link): LinkEvents
  /** The most bytes that one packet may have; a gateway refuses longer ones unread. */
  readonly maxPacketBytes: number
  /** How long a peer may take until it has introduced itself, and how long to begin. */
  readonly openingMs: number
}
