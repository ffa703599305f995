/** What the fuzzer works with: random envelopes and JSON, and the ways to damage bytes and JSON. */
import { ADDRESSEE_BYTES, extensionField, FrameType, ID_BYTES, Tag, type Envelope, type EnvelopeContent } from '@waybill/core'
import type { Seeded } from '@waybill/testkit'

const texts = [
  '',
  'x',
  'Dog',
  'kennel',
  'größe',
  '漢字',
  '😀',
  '"',
  '\\',
  '\0',
  '\u202e',
  '__proto__',
  'constructor',
  'then',
  '2026-01-31T12:00:00Z',
  'a'.repeat(300),
]
const keys = ['a', 'b', '', '0', 'constructor', 'toString', 'sn', 'status', 'request', 'é']
const numbers = [0, 1, -1, 1.5, 1e21, 5e-324, 2 ** 32, 2 ** 53, -7]

export function randomText(dice: Seeded): string {
  return dice.pick(texts)
}

const topics = ['dog', 'dog.barked', 'waybill.client.joined', 'a.b.c.d.e', 'x'.repeat(60), `${'a.'.repeat(15)}a`]
const patterns = [...topics, '*', '**', 'dog.*', '*.barked', 'dog.**']
const bad = ['**.x', 'dog..x', 'd*g', '', 'x'.repeat(300), `${'a.'.repeat(16)}a`]

/** The fields that a frame of the type has beside names. Where it may be wrong, now and then others, or wrong ones. */
export function saidFields(dice: Seeded, type: number, mayBeWrong: boolean): Uint8Array[] {
  const wrong = (chance: number): boolean => mayBeWrong && dice.chance(chance)
  if (wrong(0.1)) return [extensionField(dice.pick(Object.values(Tag).slice(-12)), randomText(dice))]
  const bytes = (length: number): Uint8Array => dice.fill(new Uint8Array(length))
  switch (type) {
    case FrameType.watch:
    case FrameType.stored:
      return [extensionField(Tag.sn, bytes(wrong(0.1) ? dice.whole(0, 20) : 16))]
    case FrameType.publish:
      return [extensionField(Tag.topic, dice.pick(wrong(0.2) ? [...patterns, ...bad] : topics))]
    case FrameType.subscribe:
      return [extensionField(Tag.topic, dice.pick(wrong(0.2) ? bad : patterns))]
    case FrameType.event:
      return [
        extensionField(Tag.topic, dice.pick(topics)),
        extensionField(Tag.sender, randomText(dice)),
        extensionField(Tag.cursor, wrong(0.1) ? randomText(dice) : String(dice.next())),
      ]
    case FrameType.call:
      return [
        extensionField(Tag.sn, bytes(16)),
        extensionField(Tag.within, bytes(wrong(0.1) ? dice.whole(0, 9) : 8)),
        extensionField(Tag.wait, bytes(wrong(0.1) ? dice.whole(0, 5) : 4)),
        extensionField(Tag.orderKey, wrong(0.3) ? randomText(dice) : 'rex'),
        extensionField(Tag.sticky, dice.pick(wrong(0.1) ? ['', 'x'.repeat(257)] : ['a', 'x'.repeat(256)])),
        extensionField(Tag.policy, bytes(dice.whole(0, 2))),
        extensionField(Tag.kws, JSON.stringify(randomRecord(dice, 1))),
        extensionField(Tag.cntr, JSON.stringify([[randomJson(dice, 1)], randomRecord(dice, 1)])),
        extensionField(Tag.lease, bytes(wrong(0.1) ? dice.whole(0, 20) : ID_BYTES)),
      ].filter(() => dice.chance(0.4))
    default:
      return []
  }
}

/** What a frame of the type has as its body: a value, or the bytes of a list. */
export function saidBody(dice: Seeded, type: number, mayBeWrong: boolean): unknown {
  switch (type) {
    case FrameType.holds:
    case FrameType.kept:
    case FrameType.taken:
    case FrameType.held: {
      const itemBytes = type === FrameType.held ? ADDRESSEE_BYTES : ID_BYTES
      const cut = mayBeWrong && dice.chance(0.1) ? 1 : 0
      return dice.fill(new Uint8Array(dice.whole(0, 4) * itemBytes + cut))
    }
    default:
      return randomJson(dice, 2)
  }
}

export function randomJson(dice: Seeded, depth: number): unknown {
  switch (dice.whole(0, depth > 0 ? 6 : 4)) {
    case 0:
      return null
    case 1:
      return dice.chance(0.5)
    case 2:
      return dice.pick(numbers)
    case 3:
    case 4:
      return randomText(dice)
    case 5:
      return Array.from({ length: dice.whole(0, 3) }, () => randomJson(dice, depth - 1))
    default:
      return randomRecord(dice, depth)
  }
}

function randomRecord(dice: Seeded, depth: number): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: dice.whole(0, 3) }, () => [dice.pick(keys), randomJson(dice, depth - 1)]))
}

function randomContent(dice: Seeded): EnvelopeContent {
  const details = dice.chance(0.5) ? { details: randomJson(dice, 2) } : {}
  switch (dice.whole(0, 7)) {
    case 0:
      return { kind: 'accepted' }
    case 1:
      return { kind: 'started' }
    case 2:
      return { kind: 'progress', total: dice.pick(numbers), completed: dice.pick(numbers), ...details }
    case 3:
      return { kind: 'rejected', code: randomText(dice), description: randomText(dice), ...details }
    case 4:
      return { kind: 'result', retval: dice.chance(0.1) ? undefined : randomJson(dice, 3) }
    case 5:
      return {
        kind: 'exception',
        exception: {
          exval: randomText(dice),
          ...(dice.chance(0.5) && {
            xclass: randomText(dice),
            xmodule: randomText(dice),
            xstate: randomRecord(dice, 2),
            xargs: [randomJson(dice, 1)],
          }),
          ...(dice.chance(0.5) && { code: randomText(dice), incident: randomText(dice), ...details }),
          ...(dice.chance(0.5) && { executed: dice.pick(['no', 'maybe', 'yes'] as const) }),
        },
      }
    case 6:
      return { kind: 'cancel', ...(dice.chance(0.5) && { reason: randomText(dice) }) }
    default:
      return {
        kind: 'request',
        request: {
          classname: 'Dog',
          method: randomText(dice),
          args: Array.from({ length: dice.whole(0, 3) }, () => randomJson(dice, 2)),
          ...(dice.chance(0.3) && { kws: randomRecord(dice, 2) }),
          ...(dice.chance(0.3) && { cntr: dice.chance(0.3) ? null : ([[randomJson(dice, 1)], randomRecord(dice, 1)] as const) }),
        },
      }
  }
}

export function hexText(dice: Seeded, length: number): string {
  let text = ''
  while (text.length < length) text += '0123456789abcdef'[dice.whole(0, 15)]!
  return text
}

export function randomEnvelope(dice: Seeded): Envelope {
  const content = randomContent(dice)
  const hex = (length: number): string => hexText(dice, length)
  const destination =
    content.kind === 'request' ? dice.pick(['Dog', 'Dog@^1', 'kennel', 'kennel/Dog@1.2.0', 'Dog?b=2&a=1']) : randomText(dice)
  return {
    sn: `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`,
    version: '1.0',
    routing: [dice.chance(0.2) ? null : randomText(dice), destination],
    ...(dice.chance(0.5) && { replyto: randomText(dice) }),
    ...(dice.chance(0.5) && { timestamp: dice.pick(['2026-01-31T12:00:00Z', '1999-12-31T23:59:59.123456Z']) }),
    ...(dice.chance(0.5) && { data: randomJson(dice, 3) }),
    ...(dice.chance(0.5) && { ttl: dice.whole(1, 2 ** 32 - 1) }),
    ...(dice.chance(0.3) && { unknown: { window: randomJson(dice, 2), pam: randomJson(dice, 1) } }),
    ...content,
  }
}

/** Flipped bits, other bytes, cut, longer, or a run moved elsewhere. */
export function damagedBytes(dice: Seeded, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  if (copy.byteLength === 0) return copy
  switch (dice.whole(0, 9)) {
    case 0:
      return copy.subarray(0, dice.whole(0, copy.byteLength))
    case 1:
      return new Uint8Array([...copy, ...dice.fill(new Uint8Array(dice.whole(1, 40)))])
    case 2: {
      const from = dice.whole(0, copy.byteLength - 1)
      copy.copyWithin(dice.whole(0, copy.byteLength - 1), from, Math.min(copy.byteLength, from + dice.whole(1, 20)))
      return copy
    }
    case 3:
      copy[dice.whole(0, copy.byteLength - 1)] = dice.pick([0, 1, 0x7f, 0x80, 0xff, 0x22, 0x5c, 0x7b])
      return copy
    default:
      for (let flips = dice.whole(1, 3); flips > 0; flips--) copy[dice.whole(0, copy.byteLength - 1)]! ^= 1 << dice.whole(0, 7)
      return copy
  }
}

/** One value replaced, removed, renamed or repeated. Changes `json` and returns it. */
export function damagedJson(dice: Seeded, json: unknown): unknown {
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = []
  collect(json, places)
  if (places.length === 0) return randomJson(dice, 2)
  const { holder, key } = dice.pick(places)
  switch (dice.whole(0, 4)) {
    case 0:
      holder[key] = randomJson(dice, 2)
      break
    case 1:
      if (Array.isArray(holder)) holder.splice(Number(key), 1)
      else delete holder[key]
      break
    case 2:
      if (!Array.isArray(holder)) holder[dice.pick(keys)] = holder[key]
      else holder.push(structuredClone(holder[Number(key)]))
      break
    case 3:
      holder[key] = structuredClone(dice.pick(places).holder)
      break
    default:
      if (typeof holder[key] === 'string') holder[key] = dice.chance(0.5) ? `${holder[key]}x` : holder[key].toUpperCase()
      else holder[key] = dice.pick([null, 0, -1, 1e308, '', [], {}])
  }
  return json
}

function collect(json: unknown, places: { holder: Record<string, unknown>; key: string }[]): void {
  if (typeof json !== 'object' || json === null) return
  const holder = json as Record<string, unknown>
  for (const key of Object.keys(holder)) {
    places.push({ holder, key })
    collect(holder[key], places)
  }
}
