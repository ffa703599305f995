/**
 * The fuzzer of everything around a body: frames in packets, extensions, openings and envelopes. Each case is a good one, damaged or not. It must
 * be refused with an error of the protocol, or decode to something that encodes and decodes to the same again. Anything else throws here, with what
 * is needed to run that case again.
 */
import {
  checkFields,
  envelopeFromFrame,
  envelopeFromJson,
  envelopeToFrame,
  envelopeToJson,
  extensionField,
  findField,
  Flag,
  FrameReader,
  FrameType,
  HEADER_BYTES,
  joinFields,
  packetNumbers,
  PACKET_HEADER_BYTES,
  prepareBody,
  readConnected,
  readIntroduction,
  Slab,
  Tag,
  WaybillError,
  writeFrame,
  writeOpening,
  type Connected,
  type Envelope,
  type Introduction,
  type Names,
} from '@waybill/core'
import { Seeded } from '@waybill/testkit'
import { isDeepStrictEqual } from 'node:util'
import { understand } from './frames.js'
import { damagedBytes, damagedJson, hexText, randomEnvelope, randomText, saidBody, saidFields } from './material.js'

export interface WireCounts {
  cases: number
  mutated: number
  mutatedDecoded: number
  refused: number
  /** Frames that were read, by type; and those of them that said something well formed. */
  readonly types: Map<number, number>
  readonly understood: Map<number, number>
}

export const emptyCounts = (): WireCounts => ({
  cases: 0,
  mutated: 0,
  mutatedDecoded: 0,
  refused: 0,
  types: new Map(),
  understood: new Map(),
})

/** What may be thrown at bytes from a stranger. */
const refusals: ReadonlySet<string> = new Set(['ProtocolViolation', 'TooLarge', 'Incompatible', 'BadAddress', 'BadArguments'])
/** Those that carry no envelope; the others come from envelopes. */
const types = [...Object.values(FrameType).filter((type) => !carriesEnvelope({ type, flags: 0 })), FrameType.call, 0x00, 0x40, 0x7f, 0xff]
const names: Names = {
  address: (symbol) => (symbol % 4 === 1 ? `Dog@^${symbol % 9}` : undefined),
  method: (symbol) => (symbol % 4 === 2 ? 'bark' : undefined),
  client: (symbol) => (symbol % 4 === 3 ? `client-${symbol % 9}` : undefined),
  sn: (source, call) => (source % 2 === 0 ? `0198a1b2-c3d4-8000-8000-0000${(call >>> 0).toString(16).padStart(8, '0')}` : undefined),
}

/** The same `runs` and `seed` make the same cases everywhere. Adds to `counts`. */
export function fuzzWire(runs: number, seed: number, counts: WireCounts = emptyCounts()): WireCounts {
  const { stackTraceLimit } = Error
  // Most errors are made to be counted; of one that is shown, the line that made it is enough with the case at hand.
  Error.stackTraceLimit = 1
  try {
    return countCases(runs, seed, counts)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

function countCases(runs: number, seed: number, counts: WireCounts): WireCounts {
  const dice = new Seeded(seed)
  for (let run = 0; run < runs; run++) {
    const isMutated = dice.chance(0.8)
    const kind = dice.whole(0, 9)
    let shown: unknown
    try {
      counts.cases++
      if (isMutated) counts.mutated++
      if (kind < 5) packetCase((shown = somePacket(dice, isMutated)) as Uint8Array, counts)
      else if (kind < 8) openingCase((shown = someOpening(dice, isMutated)) as Uint8Array)
      else envelopeCase((shown = someJson(dice, isMutated)))
      if (isMutated) counts.mutatedDecoded++
    } catch (thrown) {
      if (!(thrown instanceof WaybillError) || !refusals.has(thrown.code))
        throw new Error(`seed ${seed}, case ${run}: ${describe(shown)}`, { cause: thrown })
      if (!isMutated) throw new Error(`seed ${seed}, case ${run}: a good case is refused: ${describe(shown)}`, { cause: thrown })
      counts.refused++
    }
  }
  return counts
}

class Fault extends Error {}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Fault(what)
}

// ---- packets

function somePacket(dice: Seeded, isMutated: boolean): Uint8Array {
  const frames = Array.from({ length: dice.whole(1, 3) }, () => someFrame(dice, isMutated))
  const packet = new Uint8Array(PACKET_HEADER_BYTES + frames.reduce((sum, { byteLength }) => sum + byteLength, 0))
  dice.fill(packet.subarray(0, PACKET_HEADER_BYTES))
  let at = PACKET_HEADER_BYTES
  for (const frame of frames) {
    packet.set(frame, at)
    at += frame.byteLength
  }
  return isMutated ? damagedBytes(dice, packet) : packet
}

const slab = new Slab()

function someFrame(dice: Seeded, isMutated: boolean): Uint8Array {
  if (dice.chance(0.3)) return envelopeToFrame(randomEnvelope(dice))
  const type = dice.pick(types)
  const head = {
    type,
    // A call of this kind goes on in chunks, so that it carries no envelope.
    flags: type === FrameType.call ? Flag.more | dice.pick([0, Flag.durable, Flag.noReply, Flag.durable | Flag.noReply]) : 0,
    destination: dice.next(),
    source: dice.next(),
    call: dice.next(),
    ttlMs: dice.next(),
    method: dice.next(),
  }
  const tags = [Tag.destination, Tag.method, Tag.principal, Tag.contentType, 200, 255].filter(() => dice.chance(0.3))
  const extension = joinFields([...tags.map((tag) => extensionField(tag, randomText(dice))), ...saidFields(dice, type, isMutated)])
  const start = writeFrame(slab, head, extension, prepareBody(saidBody(dice, type, isMutated)))
  return slab.bytes.slice(start, slab.at)
}

function packetCase(packet: Uint8Array, counts: WireCounts): void {
  const { sequence, acknowledged } = packetNumbers(packet)
  must(sequence >= 0 && sequence <= 0xffffffff && acknowledged >= 0 && acknowledged <= 0xffffffff, 'numbers of 32 bits')
  const frame = new FrameReader(2 ** 20)
  frame.open(packet, PACKET_HEADER_BYTES)
  let end = PACKET_HEADER_BYTES
  let refusal: unknown
  while (frame.next()) {
    must(frame.start === end && frame.end > frame.start && frame.end <= packet.byteLength, 'frames that lie end to end')
    end = frame.end
    must(frame.body().byteLength === frame.end - frame.start - HEADER_BYTES - frame.extensionBytes, 'a body of the right length')
    counts.types.set(frame.type, (counts.types.get(frame.type) ?? 0) + 1)
    // One frame that is refused does not hide the next.
    try {
      checkFields(frame)
      findField(frame, 99)
      if (carriesEnvelope(frame)) roundTrip(envelopeFromFrame(frame, names))
      understand(frame)
      counts.understood.set(frame.type, (counts.understood.get(frame.type) ?? 0) + 1)
    } catch (thrown) {
      if (!(thrown instanceof WaybillError)) throw thrown
      refusal = thrown
    }
  }
  must(end === packet.byteLength, 'frames that fill the packet')
  if (refusal !== undefined) throw refusal
}

function carriesEnvelope({ type, flags }: { readonly type: number; readonly flags: number }): boolean {
  return (
    (flags & 0x02) === 0 &&
    ((type >= FrameType.accepted && type <= FrameType.rejected) || type === FrameType.call || type === FrameType.cancel)
  )
}

// ---- envelopes

function someJson(dice: Seeded, isMutated: boolean): unknown {
  const json = JSON.parse(JSON.stringify(envelopeToJson(randomEnvelope(dice)))) as unknown
  return isMutated ? damagedJson(dice, json) : json
}

function envelopeCase(json: unknown): void {
  const envelope = envelopeFromJson(json)
  must(isDeepStrictEqual(envelopeFromJson(envelopeToJson(envelope)), envelope), 'the same envelope from its JSON')
  roundTrip(envelope)
}

function roundTrip(envelope: Envelope): void {
  const frame = new FrameReader(2 ** 24)
  frame.open(envelopeToFrame(envelope), 0)
  must(frame.next(), 'a frame')
  const again = envelopeFromFrame(frame, names)
  const { routing: _, ...rest } = withoutNegativeZero(envelope)
  const { routing: __, ...restAgain } = again
  // The destination may be written another way, and the sender of nobody stays nobody.
  must(isDeepStrictEqual(restAgain, rest) && again.routing[0] === envelope.routing[0], 'the same envelope from its bytes')
  if (again.routing[1] !== envelope.routing[1]) {
    frame.open(envelopeToFrame(again), 0)
    frame.next()
    must(isDeepStrictEqual(envelopeFromFrame(frame, names), again), 'bytes that do not change any more')
  }
  const json = envelopeToJson(envelope)
  const text = JSON.stringify(json)
  if (isDeepStrictEqual(JSON.parse(text), json))
    must(isDeepStrictEqual(envelopeFromJson(JSON.parse(text)), envelope), 'the same envelope from its text')
}

/** What stands as JSON in the extension has no negative zero; what stands in the body has. */
function withoutNegativeZero(envelope: Envelope): Envelope {
  const plain = <T>(value: T): T => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T))
  const { data, unknown } = envelope
  const head = { ...envelope, ...(data !== undefined && { data: plain(data) }), ...(unknown !== undefined && { unknown: plain(unknown) }) }
  if (head.kind !== 'request') return head
  const { kws, cntr } = head.request
  return {
    ...head,
    request: { ...head.request, ...(kws !== undefined && { kws: plain(kws) }), ...(cntr !== undefined && { cntr: plain(cntr) }) },
  }
}

// ---- openings

function someOpening(dice: Seeded, isMutated: boolean): Uint8Array {
  const incarnation = hexText(dice, 20)
  const introduction: Introduction = {
    incarnation,
    ...(dice.chance(0.5) && { name: `n${dice.whole(0, 99)}` }),
    ...(dice.chance(0.5) && { labels: { region: 'eu', x: `v${dice.whole(0, 9)}` } }),
    ...(dice.chance(0.5) && { credentials: { token: randomText(dice) } }),
    ...(dice.chance(0.5) && { features: [randomText(dice)] }),
    ...(dice.chance(0.5) && { resume: { session: incarnation, token: randomText(dice), received: dice.next() } }),
  }
  const limits = { windowBytes: 1, maxFrameBytes: 2, maxBodyBytes: 3, heartbeatMs: 4, heartbeatGraceMs: 5, resumeGraceMs: 6 }
  const connected: Connected = {
    router: { name: 'r', epoch: dice.next(), ...(dice.chance(0.5) && { store: randomText(dice) }) },
    session: incarnation,
    token: incarnation,
    resumed: dice.chance(0.5),
    received: dice.next(),
    name: 'n',
    principal: randomText(dice),
    symbol: dice.next(),
    limits,
    features: [],
  }
  const content = dice.chance(0.6) ? introduction : connected
  if (!isMutated) return writeOpening(content)
  if (dice.chance(0.3)) return damagedBytes(dice, writeOpening(content))
  return writeOpening(damagedJson(dice, JSON.parse(JSON.stringify(content))) as Introduction)
}

function openingCase(message: Uint8Array): void {
  const isConnected = Buffer.from(message.buffer, message.byteOffset, message.byteLength).includes('"router"')
  if (isConnected) {
    const connected = readConnected(message)
    must(isDeepStrictEqual(readConnected(writeOpening(connected)), connected), 'the same word of the router')
    return
  }
  const introduction = readIntroduction(message)
  const again = writeOpening(introduction)
  // Escapes may be longer than what they stand for.
  if (again.byteLength <= 4096) must(isDeepStrictEqual(readIntroduction(again), introduction), 'the same introduction')
}

function describe(shown: unknown): string {
  if (shown instanceof Uint8Array) return Buffer.from(shown).toString('hex')
  return JSON.stringify(shown) ?? String(shown)
}
