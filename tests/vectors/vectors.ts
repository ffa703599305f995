/**
 * What each golden vector of PROTOCOL.md means. The bytes stand there, under the same name; `protocol.test.ts` reads and writes both ways.
 */
import {
  encodings,
  executedFlag,
  Flag,
  FrameType,
  segmentedBit,
  Tag,
  type Connected,
  type FrameHead,
  type Introduction,
  type Refused,
} from '@waybill/core'

export const openings: Readonly<Record<string, Introduction | Connected | Refused>> = {
  introduction: {
    incarnation: '018f3c1e7a00deadbeef',
    name: 'kennel',
    labels: { region: 'eu' },
    credentials: { token: 'woof' },
    features: ['leases'],
  },
  resumption: {
    incarnation: '018f3c1e7a00deadbeef',
    name: 'kennel',
    features: [],
    resume: { session: '0123456789abcdef0123456789abcdef', token: 'c0ffee', received: 7 },
  },
  connected: {
    router: { name: 'depot', epoch: 3 },
    session: '0123456789abcdef0123456789abcdef',
    token: 'c0ffee',
    resumed: false,
    received: 0,
    name: 'kennel',
    principal: 'local',
    symbol: 0x00400001,
    limits: {
      windowBytes: 1048576,
      maxFrameBytes: 1048576,
      maxBodyBytes: 8388608,
      heartbeatMs: 10000,
      heartbeatGraceMs: 5000,
      resumeGraceMs: 750,
    },
    features: [],
  },
  'connected-store': {
    router: { name: 'depot', epoch: 4, store: '6d1c9b34e2f04a55' },
    session: 'fedcba9876543210fedcba9876543210',
    token: 'decaf',
    resumed: false,
    received: 0,
    name: 'kennel',
    principal: 'local',
    symbol: 0x00400001,
    limits: {
      windowBytes: 1048576,
      maxFrameBytes: 1048576,
      maxBodyBytes: 8388608,
      heartbeatMs: 10000,
      heartbeatGraceMs: 5000,
      resumeGraceMs: 750,
    },
    features: ['leases'],
  },
  refused: { refused: { code: 'Unauthorized', message: 'the token is not one of this router' } },
}

/** A frame as fields. `fields` are extension fields in order; a body is a value, or raw bytes of an encoding. */
export interface FrameVector {
  readonly head: FrameHead
  readonly fields?: readonly (readonly [tag: number, content: string | Uint8Array])[]
  readonly body?: unknown
}

/** Symbols as a router mints them: generation, kind, index. */
export const caller = 0x00400001
export const callee = 0x00400002
export const address = 0x00500001
export const instance = 0x00600001
export const method = 0x00700001
/** 018f3c1e-7a00-8dea-b6fb-bc0000000001 */
const sn = Uint8Array.from([0x01, 0x8f, 0x3c, 0x1e, 0x7a, 0, 0x8d, 0xea, 0xb6, 0xfb, 0xbc, 0, 0, 0, 0, 1])
/** Two that a router handed calls over with. */
const lease = Uint8Array.from([0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0])
const otherLease = Uint8Array.from([0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0])

export const frames: Readonly<Record<string, FrameVector>> = {
  goodbye: { head: { type: FrameType.goodbye }, body: { code: 'Superseded', message: 'another process took over the name kennel' } },
  ping: { head: { type: FrameType.ping } },
  pong: { head: { type: FrameType.pong } },
  'symbol-names': {
    head: { type: FrameType.symbol, destination: address, method },
    fields: [
      [Tag.destination, 'Dog@^1'],
      [Tag.method, 'bark'],
    ],
  },
  'symbol-caller': {
    head: { type: FrameType.symbol, source: caller },
    fields: [[Tag.principal, '["walker","local","018f3c1e7a00deadbeef"]']],
  },
  'symbol-gone': { head: { type: FrameType.symbol, source: caller } },
  unsupported: { head: { type: FrameType.unsupported, call: 9 }, body: { type: 0x30 } },
  'call-names': {
    head: { type: FrameType.call, flags: Flag.statusesWanted, source: caller, call: 1, ttlMs: 600000 },
    fields: [
      [Tag.destination, 'Dog@^1'],
      [Tag.method, 'bark'],
    ],
    body: ['hello'],
  },
  'call-symbols': { head: { type: FrameType.call, destination: address, source: caller, call: 2, ttlMs: 600000, method }, body: ['hello'] },
  'call-delivered': {
    head: { type: FrameType.call, destination: instance, source: caller, call: 2, ttlMs: 600000, method },
    body: ['hello'],
  },
  'call-chunk': { head: { type: FrameType.callChunk, source: caller, call: 3 }, body: new Uint8Array([1, 2, 3]) },
  cancel: { head: { type: FrameType.cancel, source: caller, call: 2 } },
  accepted: { head: { type: FrameType.accepted, destination: caller, source: callee, call: 1 } },
  started: { head: { type: FrameType.started, destination: caller, source: callee, call: 1 } },
  progress: {
    head: { type: FrameType.progress, destination: caller, source: callee, call: 1 },
    body: { total: 3, completed: 1, details: 'sniffing' },
  },
  result: { head: { type: FrameType.result, destination: caller, source: callee, call: 1 }, body: 'wau' },
  exception: {
    head: { type: FrameType.exception, flags: executedFlag('yes'), destination: caller, source: callee, call: 1 },
    body: { exval: 'no bone', xclass: 'BoneError', xstate: { bones: 0 } },
  },
  rejected: {
    head: { type: FrameType.rejected, destination: caller, call: 2 },
    body: { code: 'NoSuchService', description: 'nobody offers Dog' },
  },
  'answer-chunk': {
    head: { type: FrameType.answerChunk, flags: Flag.more, destination: caller, source: callee, call: 1 },
    body: new Uint8Array([4, 5, 6]),
  },
  drain: { head: { type: FrameType.drain } },
  opened: { head: { type: FrameType.opened, destination: caller, source: callee, call: 1 } },
  item: { head: { type: FrameType.item, destination: caller, source: callee, call: 1 }, body: 'grass' },
  end: { head: { type: FrameType.end, destination: caller, source: callee, call: 1, method: 2 } },
  failed: {
    head: { type: FrameType.failed, destination: caller, source: callee, call: 1, method: 2 },
    body: { exval: 'no more water', xclass: 'Error' },
  },
  credit: { head: { type: FrameType.credit, destination: caller, source: callee, call: 1, method: 1, ttlMs: 262144 } },
  stop: { head: { type: FrameType.stop, destination: caller, source: callee, call: 1, method: 1 } },
  'call-item': { head: { type: FrameType.callItem, source: caller, call: 1, method: 1 }, body: 'bone' },
  'call-end': { head: { type: FrameType.callEnd, source: caller, call: 1, method: 1 } },
  'call-failed': {
    head: { type: FrameType.callFailed, source: caller, call: 1, method: 1 },
    body: { exval: 'no more bones', xclass: 'Error' },
  },
  'call-credit': { head: { type: FrameType.callCredit, source: caller, call: 1, ttlMs: 131072 } },
  'call-stop': { head: { type: FrameType.callStop, source: caller, call: 1 } },
  'call-stored': {
    head: {
      type: FrameType.call,
      flags: Flag.durable | Flag.noReply,
      destination: address,
      source: caller,
      call: 1,
      ttlMs: 86400000,
      method,
    },
    fields: [[Tag.sn, sn]],
    body: ['hello'],
  },
  stored: {
    head: { type: FrameType.stored, destination: caller, call: 1 },
    body: { sn: '018f3c1e-7a00-8dea-b6fb-bc0000000001', durability: 'memory' },
  },
  'call-leased': {
    head: {
      type: FrameType.call,
      flags: Flag.durable | Flag.statusesWanted,
      destination: instance,
      source: caller,
      call: 1,
      ttlMs: 86400000,
      method,
    },
    fields: [
      [Tag.sn, sn],
      [Tag.lease, lease],
    ],
    body: ['hello'],
  },
  holds: { head: { type: FrameType.holds, source: callee }, body: Uint8Array.from([...lease, ...otherLease]) },
  'holds-nothing': { head: { type: FrameType.holds, source: callee } },
  held: {
    head: { type: FrameType.held, destination: callee },
    body: Uint8Array.from([0x01, 0, 0x40, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  },
  kept: { head: { type: FrameType.kept, destination: callee }, body: lease },
  taken: { head: { type: FrameType.taken, source: caller }, body: sn },
  watch: { head: { type: FrameType.watch, source: caller, call: 4 }, fields: [[Tag.sn, sn]] },
  postback: { head: { type: FrameType.result, destination: caller, source: callee }, fields: [[Tag.sn, sn]], body: 'wau' },
  'call-ordered': {
    head: { type: FrameType.call, destination: address, source: caller, call: 5, ttlMs: 600000, method },
    fields: [
      [Tag.within, new Uint8Array([2, 0, 0x40, 0, 7, 0, 0, 0])],
      [Tag.wait, new Uint8Array([0x88, 0x13, 0, 0])],
      [Tag.orderKey, 'rex'],
      [Tag.policy, new Uint8Array([1])],
    ],
    body: ['hello'],
  },
  subscribe: { head: { type: FrameType.subscribe, source: caller, call: 6 }, fields: [[Tag.topic, 'dog.*']] },
  unsubscribe: { head: { type: FrameType.unsubscribe, source: caller, call: 6 } },
  publish: { head: { type: FrameType.publish, source: caller, call: 7 }, fields: [[Tag.topic, 'dog.barked']], body: { phrase: 'wau' } },
  event: {
    head: { type: FrameType.event },
    fields: [
      [Tag.topic, 'dog.barked'],
      [Tag.sender, 'kennel'],
      [Tag.cursor, '42'],
    ],
    body: { phrase: 'wau' },
  },
  gap: { head: { type: FrameType.gap }, body: { missed: 3, from: 43, to: 45 } },
  'publish-durable': {
    head: { type: FrameType.publish, flags: Flag.durable, source: caller, call: 8 },
    fields: [[Tag.topic, 'dog.barked']],
    body: { phrase: 'wau' },
  },
  'stored-event': { head: { type: FrameType.stored, destination: caller, call: 8 }, body: { id: 12, durability: 'disk' } },
  'subscribe-durable': {
    head: { type: FrameType.subscribe, flags: Flag.durable, source: caller, call: 9 },
    fields: [
      [Tag.topic, 'dog.*'],
      [Tag.cursor, '0'],
      [Tag.cursorName, 'printer'],
    ],
  },
  'event-durable': {
    head: { type: FrameType.event, flags: Flag.durable, call: 9 },
    fields: [
      [Tag.topic, 'dog.barked'],
      [Tag.sender, 'kennel'],
      [Tag.cursor, '12'],
      [Tag.timestamp, '2026-01-01T00:00:00.000Z'],
    ],
    body: { phrase: 'wau' },
  },
  'gap-durable': { head: { type: FrameType.gap, flags: Flag.durable, call: 9 }, body: { from: 1, to: 11 } },
  'events-taken': { head: { type: FrameType.eventsTaken, source: caller, call: 9 }, fields: [[Tag.cursor, '12']] },
}

/** Frames of each packet, by name, with the packet's numbers. */
export const packets: Readonly<
  Record<string, { readonly sequence: number; readonly acknowledged: number; readonly frames: readonly string[] }>
> = {
  'packet-call': { sequence: 1, acknowledged: 0, frames: ['call-names'] },
  'packet-acknowledgement': { sequence: 0, acknowledged: 258, frames: [] },
  'packet-heartbeat': { sequence: 0, acknowledged: 2, frames: ['ping'] },
  'packet-two': { sequence: 2, acknowledged: 1, frames: ['accepted', 'result'] },
}

/** Packets as they stand on a bare socket, each behind its length. */
export const framed: Readonly<Record<string, readonly string[]>> = {
  'framed-two': ['packet-acknowledgement', 'packet-heartbeat'],
}

export const bodies: Readonly<Record<string, { readonly encoding: number; readonly value: unknown }>> = {
  'body-none': { encoding: encodings.none, value: undefined },
  'body-json': { encoding: encodings.json, value: ['hello', 42, { constructor: null }] },
  'body-rich': { encoding: encodings.rich, value: [new Date(0), undefined, 10n, -0] },
  'body-rich-shared': { encoding: encodings.rich, value: sharedValue() },
  'body-rich-keys': { encoding: encodings.rich, value: [new Set(['a']), { constructor: 1, '\\x': 2 }] },
  'body-bytes': { encoding: encodings.bytes, value: new Uint8Array([222, 173, 190, 239]) },
  'body-json-segmented': { encoding: encodings.json | segmentedBit, value: [{ photo: new Uint8Array([1, 2, 3]) }, 'rex'] },
  'body-rich-segmented': { encoding: encodings.rich | segmentedBit, value: [new Map([['a', new Uint16Array([1, 2])]])] },
}

function sharedValue(): unknown {
  const dog = { name: 'rex' }
  return [dog, dog]
}

/** Envelopes whose JSON form and frame stand in PROTOCOL.md, as `json envelope-…` and `hex envelope-…`. */
export const envelopes = [
  'envelope-request',
  'envelope-accepted',
  'envelope-progress',
  'envelope-rejected',
  'envelope-result',
  'envelope-exception',
  'envelope-cancel',
] as const
