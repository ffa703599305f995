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

  // Reserved: 0x30–0x3f streams (open, item, credit, end), 0x40–0x4f references (grant, release), 0x50–0x5f events (publish,
  // subscribe, deliver, cursor, gap), 0x60–0x6f store (stored, receipt, lease, extend, acknowledge), 0x70–0x7f mesh (peer, advertise).
} as const

export type FrameType = (typeof FrameType)[keyof typeof FrameType]

/** Bits of the flags byte. */
export const Flag = {
  /** Call: somebody listens to `accepted` and `started`. */
  statusesWanted: 0x01,
  /** The body goes on in chunk frames of the same call; the last chunk is without this flag. */
  more: 0x02,
  /** Call: fire and forget, nothing comes back. */
  noReply: 0x04,
  /** Exception: two bits of `executed`, see `executedFlag`. */
  executedMask: 0x18,
  /** Reserved: the body is sealed end to end; the key id stands in the extension. */
  sealed: 0x20,
  /** Reserved: the body holds references; their table stands in the extension. */
  references: 0x40,
  /** Reserved: store before delivery. */
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
  // Reserved, each for a later feature: parent sn 16, key 17, body digest 18, order key 19, lease (epoch, attempt, token) 21, origin router
  // and hops 22, trace context 23, sealed key id 24, signature 25, accepted body encodings 26, realm 27, event cursor 28, references 29,
  // pipelined target 30.
} as const
