/** Every bound of the router in one place, with its default. All can be set through `createRouter({ limits })`. */

export interface Limits {
  /** Unacknowledged bytes that a client may send ahead, and that a callee may be sent ahead before further calls wait. */
  readonly windowBytes: number
  readonly maxFrameBytes: number
  /** Of one call or result over all its chunks. */
  readonly maxBodyBytes: number
  /** Bytes that wait for one client; above it, the router stops reading from who feeds it. */
  readonly maxOutboundBytes: number
  readonly maxSessions: number
  /** Links that have not introduced themselves yet; further ones are refused at once. */
  readonly maxOpenings: number
  /** Calls of one client that have not ended. */
  readonly maxCallsPerSession: number
  readonly maxServicesPerSession: number
  readonly maxMethodsPerService: number
  readonly maxSubscriptionsPerSession: number
  /** Events that wait for all clients together; from there on each of those for which some wait has an equal share. */
  readonly maxEventBacklogBytes: number
  /** How long durable events are kept, how many, and how many bytes of them: the oldest are dropped first. On a disk 1 GiB of the
   * bytes. */
  readonly eventRetentionMs: number
  readonly maxLoggedEvents: number
  readonly maxLoggedBytes: number
  /** Named positions of readers of durable events, of all principals. */
  readonly maxCursors: number
  /** Addresses that one client can have a symbol minted for; further ones stand inline. */
  readonly maxAddressesPerSession: number
  readonly maxAddresses: number
  /** Calls that wait for room, for one service. */
  readonly maxQueuedCalls: number
  readonly maxQueuedBytes: number
  /** The same for all services together. */
  readonly maxHeldBytes: number
  /** Calls that are held, of all services. */
  readonly maxHeldCalls: number
  /** Stored calls that have not ended, and receipts of those that have; the oldest of these are forgotten for new ones. */
  readonly maxReceipts: number
  /** Of their bodies and outcomes. */
  readonly maxReceiptBytes: number
  /** How long a receipt is kept after the outcome. */
  readonly receiptRetentionMs: number
  /** The same where the outcome is for a client that has not taken it. */
  readonly postbackRetentionMs: number
  /** The same of a dead letter. */
  readonly deadRetentionMs: number
  /** Stored calls that one instance has at once, where it does not declare that it takes fewer. */
  readonly maxLeased: number
  /** How long a process whose session is lost is waited for that has stored calls. */
  readonly leaseMs: number
  /** How often a stored call that may run more than once is given to somebody who may begin it. */
  readonly maxAttempts: number
  /** Values that the callees of one stored call may record, and how long one may be. */
  readonly maxNotesPerCall: number
  readonly maxNoteBytes: number
  /** Names that take parcels without a connection. */
  readonly maxRegistrations: number
  /** Of the graph, of all principals. */
  readonly maxEdges: number
  /** Of one client; one that sends more is slowed down to this. */
  readonly maxCancelsPerSecond: number
  /** A call without a ttl gets this one; none gets more. */
  readonly maxDeadlineMs: number
  /** How long a link may stay without an introduction. */
  readonly openingMs: number
  /** Silence after which a heartbeat is sent, and how long the answer may take. */
  readonly heartbeatMs: number
  readonly heartbeatGraceMs: number
  /** How long a session outlives its link. */
  readonly resumeGraceMs: number
  /** How long an acknowledgement may wait for a packet to ride on. */
  readonly acknowledgeMs: number
}

const KiB = 1024
const MiB = 1024 * KiB

export const defaultLimits: Limits = {
  windowBytes: MiB,
  maxFrameBytes: MiB,
  maxBodyBytes: 8 * MiB,
  maxOutboundBytes: 8 * MiB,
  maxSessions: 100_000,
  maxOpenings: 4096,
  maxCallsPerSession: 65_536,
  maxServicesPerSession: 256,
  maxMethodsPerService: 1024,
  maxSubscriptionsPerSession: 1024,
  maxEventBacklogBytes: 256 * MiB,
  eventRetentionMs: 24 * 3600 * 1000,
  maxLoggedEvents: 1_000_000,
  maxLoggedBytes: 64 * MiB,
  maxCursors: 65_536,
  maxAddressesPerSession: 1024,
  maxAddresses: 65_536,
  maxQueuedCalls: 4096,
  maxQueuedBytes: 32 * MiB,
  maxHeldBytes: 256 * MiB,
  maxHeldCalls: 262_144,
  maxReceipts: 65_536,
  maxReceiptBytes: 256 * MiB,
  receiptRetentionMs: 3600 * 1000,
  postbackRetentionMs: 24 * 3600 * 1000,
  deadRetentionMs: 7 * 24 * 3600 * 1000,
  maxLeased: 64,
  leaseMs: 30_000,
  maxAttempts: 5,
  maxNotesPerCall: 64,
  maxNoteBytes: 64 * KiB,
  maxRegistrations: 10_000,
  maxEdges: 100_000,
  maxCancelsPerSecond: 5000,
  maxDeadlineMs: 30 * 24 * 3600 * 1000,
  openingMs: 5000,
  heartbeatMs: 10_000,
  heartbeatGraceMs: 5000,
  resumeGraceMs: 750,
  acknowledgeMs: 20,
}
