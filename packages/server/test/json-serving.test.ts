/** What callers and a callee of the JSON door may cost it, and whose calls are whose, frame by frame. */
import { encodings, Flag, FrameType, serialBytes, Tag } from '@waybill/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { Asking } from '../src/gateways/json-asking.js'
import type { Frame } from '../src/gateways/json-frames.js'
import { membersOf } from '../src/gateways/json-slices.js'
import { Serving } from '../src/gateways/json-serving.js'
import { bytesOf, type JsonWire } from '../src/gateways/json-wire.js'

const SN = 'e7e91fb6-611b-4284-a9ed-ac1636b2c709'
const plain = { flags: 0, destination: 9, source: 5, call: 1, ttlMs: 0, method: 7, encoding: encodings.json, attempt: 1 } as const

function frame(type: number, more: Partial<Frame> = {}, body = '[]'): Frame {
  return { ...plain, type, fields: new Map(), body: bytesOf(body), ...more }
}

function json(message: object): ReadonlyMap<string, Uint8Array> {
  return membersOf(bytesOf(JSON.stringify(message)))!
}

let said: string[]
let sent: { type: number; flags: number; call: number; body: string }[]
let serving: Serving

beforeEach(() => {
  said = []
  sent = []
  const wire: JsonWire = {
    self: { name: 'py', id: 'f'.repeat(32), symbol: 3, incarnation: '0'.repeat(20), paces: false },
    limits: { maxFrameBytes: 2 ** 20, maxBodyBytes: 1000 },
    say: (members) => void said.push(`{${members.map(([name, text]) => `"${name}":${text}`).join(',')}}`),
    whenTaken: () => {},
    frame: ({ type, flags = 0, call = 0 }, _fields, _encoding, body) =>
      void sent.push({ type, flags, call, body: new TextDecoder().decode(body) }),
  }
  const asking = new Asking(wire)
  serving = new Serving(wire, asking)
  serving.register(json({ sn: SN, register: { service: 'Dog', methods: ['bark'] } }))
  asking.answer(frame(FrameType.result, { source: 0, call: sent[0]!.call }, '[{"symbol":9,"methods":[7]}]'))
  for (const source of [5, 6])
    serving.learn(
      frame(FrameType.symbol, {
        source,
        fields: new Map([[Tag.principal, bytesOf(`["c${source}","local","${String(source).repeat(20)}"]`)]]),
      }),
    )
  said.length = 0
  sent.length = 0
})

describe('calls that a JSON client was given', () => {
  test('what callers want to have back is bounded over all that are unanswered', () => {
    const fields = new Map([[Tag.data, bytesOf(JSON.stringify('x'.repeat(65_000)))]])
    for (let call = 1; call <= 600; call++) serving.call(frame(FrameType.call, { call, fields }))
    expect(said.length * 65_002).toBeLessThanOrEqual(32 * 2 ** 20)
    expect(said.length).toBeGreaterThan(500)
    expect(sent).toHaveLength(600 - said.length)
    expect(sent[0]).toMatchObject({ type: FrameType.rejected, body: expect.stringContaining('"Overloaded"') as string })
    const { sn } = JSON.parse(said[0]!) as { sn: string }
    serving.answer(json({ sn, result: {} }), 'result')
    serving.call(frame(FrameType.call, { call: 601, fields }))
    expect(sent.at(-1)).toMatchObject({ type: FrameType.result, call: 1 })
  })

  test('calls that are not answered are no more than 65,536', () => {
    for (let call = 1; call <= 65_537; call++) serving.call(frame(FrameType.call, { call }))
    expect(said).toHaveLength(65_536)
    expect(sent).toEqual([
      expect.objectContaining({ type: FrameType.rejected, call: 65_537, body: expect.stringContaining('"Overloaded"') as string }),
    ])
  })

  test('streams in the arguments of such calls are no more than 65,536', () => {
    const places = Array.from({ length: 256 }, (_, n) => n)
    const values = Object.fromEntries(places.map((n) => [n, [['custom', 'waybill']]]))
    const streams = JSON.stringify({ json: places.map((n) => ['stream', n + 1, 'values']), meta: { values, v: 1 } })
    const given = (call: number): void => serving.call(frame(FrameType.call, { call, encoding: encodings.rich }, streams))
    for (let call = 1; call <= 257; call++) given(call)
    expect(said).toHaveLength(256)
    expect(sent.filter(({ type }) => type === FrameType.credit)).toHaveLength(65_536)
    expect(sent.at(-1)).toMatchObject({ type: FrameType.rejected, call: 257, body: expect.stringContaining('too many streams') as string })
    // Those without streams go on, and there is room again once one of the others is answered.
    serving.call(frame(FrameType.call, { call: 258 }))
    serving.answer(json({ sn: (JSON.parse(said[0]!) as { sn: string }).sn, result: {} }), 'result')
    said.length = 0
    given(259)
    given(260)
    expect(said.map((one) => one.includes('"streams"'))).toEqual([true])
  })

  test('an sn that is in use is nobody else’s: the second call is refused, the first one is answered', () => {
    const fields = new Map([[Tag.sn, serialBytes(SN)]])
    serving.call(frame(FrameType.call, { fields }))
    serving.call(frame(FrameType.call, { fields, source: 6, call: 4 }))
    expect(sent).toEqual([{ type: FrameType.rejected, flags: 0, call: 4, body: expect.stringContaining('"Rejected"') as string }])
    serving.answer(json({ sn: SN, result: { retval: 1 } }), 'result')
    serving.answer(json({ sn: SN, result: { retval: 2 } }), 'result')
    expect(sent.slice(1)).toEqual([{ type: FrameType.result, flags: 0, call: 1, body: '1' }])
  })

  test('bodies in pieces are joined up to the limit, and for only so many calls at once', () => {
    const piece = (type: number, call: number, flags: number, body: string): void =>
      type === FrameType.call ? serving.call(frame(type, { call, flags }, body)) : serving.callChunk(frame(type, { call, flags }, body))
    piece(FrameType.call, 1, Flag.more, '["a')
    piece(FrameType.callChunk, 1, Flag.more, 'b')
    piece(FrameType.callChunk, 1, 0, 'c"]')
    expect(said).toEqual([expect.stringContaining('"args":["abc"]')])
    piece(FrameType.call, 2, Flag.more, `["${'x'.repeat(700)}`)
    piece(FrameType.callChunk, 2, 0, `${'x'.repeat(700)}"]`)
    expect(sent.splice(0)).toMatchObject([{ type: FrameType.rejected, call: 2, body: expect.stringContaining('"TooLarge"') as string }])
    for (let call = 3; call < 9; call++) piece(FrameType.call, call, Flag.more, `["${'x'.repeat(900)}`)
    expect(sent.map(({ call, body }) => [call, body.includes('"Overloaded"')])).toEqual([
      [7, true],
      [8, true],
    ])
    serving.cancel(frame(FrameType.cancel, { call: 3 }))
    piece(FrameType.call, 9, Flag.more, `["${'x'.repeat(900)}`)
    expect(sent).toHaveLength(2)
  })

  test('who wants no reply gets none, and the router the end where it asks for it', () => {
    serving.call(frame(FrameType.call, { flags: Flag.noReply }, '{'))
    serving.call(frame(FrameType.call, { call: 2, flags: Flag.noReply | Flag.statusesWanted }, '{'))
    serving.call(frame(FrameType.call, { call: 3, flags: Flag.noReply | Flag.statusesWanted, destination: 8 }))
    expect(said).toEqual([])
    expect(sent).toEqual([2, 3].map((call) => ({ type: FrameType.result, flags: Flag.noReply, call, body: '' })))
  })
})
