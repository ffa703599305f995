/**
 * The types, flags and extension tags of frames: the numbers that stand on the wire. What they mean together is PROTOCOL.md's; how they
 * are laid out in bytes is `wire`'s. Numbers that are reserved here are answered `Unsupported` until the feature is there.
 */

export const FrameType = {
  /** Router or client ends the session in order; the body is `{ code, message }`. */
  goodbye: 0x01,
  /** Heartbeat and its answer; they travel in packets without a number. */
  ping: 0x02,
  pong: 0x03,
  /** Router → client: the symbols of the names in the extension stand in `destination` and `method`. */
  symbol: 0x04,
  /** The answer to a frame of a type that the receiver does not know; the body is `{ type, call }`. */
  unsupported: 0x05,
  /** Router → client: take your services back, let what runs end. */
  drain: 0x06,

  /** Toward the callee. */
  call: 0x10,
  callChunk: 0x11,
  cancel: 0x12,

  /** Toward the caller. */
  accepted: 0x20,
  started: 0x21,
  progress: 0x22,
  result: 0x23,
  exception: 0x24,
  rejected: 0x25,
  answerChunk: 0x26,

  /** Streams of a call, toward its caller. The number of the stream stands in `method`. */
  opened: 0x30,
  item: 0x31,
  end: 0x32,
  failed: 0x33,
  /** How much more the reader takes, in `ttl`. */
  credit: 0x34,
  stop: 0x35,
  /** The same toward the callee: of streams in the arguments, and from who reads those of the result. */
  callItem: 0x39,
  callEnd: 0x3a,
  callFailed: 0x3b,
  callCredit: 0x3c,
  callStop: 0x3d,

  /** Events: client → router, but for `event` and `gap`. */
  publish: 0x50,
  subscribe: 0x51,
  unsubscribe: 0x52,
  /** Router → client: the same bytes for every subscriber, but for durable subscriptions, each of which it names. */
  event: 0x53,
  /** Router → client: events were left out, as the subscriber was too slow; of a durable subscription, they are kept no longer. */
  gap: 0x54,
  /** Client → router: of a durable subscription, the program has taken all events up to this one. */
  eventsTaken: 0x55,

  /** Router → caller: the call is the router's now; its serial number is a receipt. Or the event that was published. */
  stored: 0x60,
  /** Client → router: tell me, under this number, what happens to the stored call of that serial number. */
  watch: 0x61,
  /** Client → router, in each later session of the process: the leases of stored calls that it still has. */
  holds: 0x62,
  /** The answer: to whom each of them is answered now. */
  held: 0x63,
  /** Router → client: the last words of these leases are safe. */
  kept: 0x64,
  /** Client → router: the outcomes of these serial numbers were given to their listener. */
  taken: 0x65,

  // Reserved: 0x40–0x4f references (grant, release), 0x56–0x5f events, 0x66–0x6f store, 0x70–0x7f mesh (peer, advertise).
} as const

export type FrameType = (typeof FrameType)[keyof typeof FrameType]

/** Bits of the flags byte. */
export const Flag = {
  /** Call: somebody listens to `accepted` and `started`. Beside `noReply`, and only from the router: it wants to know of the end. */
  statusesWanted: 0x01,
  /** The body goes on in chunk frames of the same call; the last chunk is without this flag. */
  more: 0x02,
  /** Call: no status and no outcome goes to the caller. Result: the end of such a call, for the router alone. */
  noReply: 0x04,
  /** Exception: two bits of `executed`, see `executedFlag`. */
  executedMask: 0x18,
  /** Reserved: the body is sealed end to end; the key id stands in the extension. */
  sealed: 0x20,
  /** Reserved: the body holds references; their table stands in the extension. */
  references: 0x40,
  /** Call or event: the router stores it before it goes on, and answers `stored`. Of a subscription: it reads what is stored. */
  durable: 0x80,
} as const

/** Tags of extension fields: `u8 tag, u8 0, u16 length, bytes`. Every field that is not on each frame stands here. */
export const Tag = {
  /** UTF-8 name instead of (or beside) the symbol in `destination`. */
  destination: 1,
  /** UTF-8 name instead of (or beside) the symbol in `method`. */
  method: 2,
  /** 16 bytes: the whole serial number, where it does not follow from the session. */
  sn: 3,
  /** JSON: the caller's own `data`, returned in every status and in the outcome. */
  data: 4,
  /** JSON `[client, principal, incarnation]` of a caller, written by the router only. */
  principal: 5,
  /** ASCII content type of a body of raw bytes. */
  contentType: 6,
  /** UTF-8 name of the sender instead of the symbol in `source`. */
  sender: 7,
  /** UTF-8 address that statuses and the outcome go to, where it is not the sender. */
  replyto: 8,
  /** ASCII, ISO 8601. */
  timestamp: 9,
  /** JSON object: named arguments. */
  kws: 10,
  /** JSON `[[…], {…}]`: constructor arguments. */
  cntr: 11,
  /** JSON object: fields of an envelope that this version does not know, carried unchanged. */
  unknown: 12,
  /** 16 bytes: the serial number of the group that the call belongs to. */
  parent: 16,
  /** UTF-8: what the caller knows a stored call by, instead of its serial number. */
  key: 17,
  /** 32 bytes: SHA-256 of the body as it was before it was cut into pieces, beside a key. */
  digest: 18,
  /** UTF-8: calls of one service with the same order key never overlap. */
  orderKey: 19,
  /** 16 bytes, from the router alone: what a callee names a stored call by that it still has in a later session. */
  lease: 21,
  /** ASCII: a W3C `traceparent`, and where there is a `tracestate`, a comma and that. */
  trace: 23,
  /** ASCII decimal: the router's number for an event; of a durable one its id. */
  cursor: 28,
  /** `u32 source, u32 call`: the call during which this one is made, as its callee knows it. */
  within: 31,
  /** `u32` milliseconds: how long the call may wait for somebody to take it. */
  wait: 32,
  /** UTF-8: calls with the same key go to the same instance, as long as it is there. */
  sticky: 33,
  /** `u8`: how the router chooses, see `Policy`. */
  policy: 34,
  /** UTF-8: the topic of an event, or the pattern of a subscription. */
  topic: 35,
  /** ASCII name: the cursor of a durable subscription, whose position the router keeps. */
  cursorName: 36,
  // Reserved, each for a later feature: origin router and hops 22, sealed key id 24, signature 25, accepted body encodings 26, realm 27, references 29, pipelined target 30.
} as const

/** How the router chooses among the instances that match. */
export const Policy = {
  /** The least busy for its declared concurrency, among equals in turn. A call that finds no room waits for whoever has it first. */
  leastBusy: 0,
  /** Strictly in turn: a call whose turn is a busy instance waits for that one. */
  roundRobin: 1,
} as const

export type Policy = (typeof Policy)[keyof typeof Policy]
