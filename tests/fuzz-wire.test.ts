/** Properties of everything around a body: what is written is read, and what is damaged is refused or means something that can be written again. */
import {
  after,
  ahead,
  checkFields,
  extensionField,
  findField,
  findText,
  FrameReader,
  FrameType,
  joinFields,
  numberPacket,
  packetNumbers,
  readIntroduction,
  Slab,
  writeOpening,
  writeRawFrame,
} from '@waybill/core'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fuzzWire } from './fuzz/wire.js'

const seed = Number(process.env['WAYBILL_SEED'] ?? 1)
const u32 = fc.nat(0xffffffff)
const u8 = fc.nat(255)
const options = { seed, numRuns: 2000 }

/** The runner's own comparison costs more than what it compares; it is asked only where there is something to show. */
function same(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected)
}

describe('what is written is read', () => {
  test('frames', () => {
    const slab = new Slab()
    const head = fc.record({ type: u8, flags: u8, destination: u32, source: u32, call: u32, ttlMs: u32, method: u32 })
    const one = fc.tuple(head, u8, fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 400 }))
    fc.assert(
      fc.property(fc.array(one, { maxLength: 5 }), fc.nat(16), (frames, gap) => {
        const written = frames.map(([each, encoding, extension, content]) => {
          const start = writeRawFrame(slab, each, extension, encoding, content)
          return slab.bytes.slice(start, slab.at)
        })
        const packet = Uint8Array.from(Buffer.concat([new Uint8Array(gap), ...written]))
        const reader = new FrameReader(2 ** 20)
        reader.open(packet, gap)
        for (const [each, encoding, extension, content] of frames) {
          same(reader.next(), true)
          const { type, flags, destination, source, call, ttlMs, method } = reader
          same({ type, flags, destination, source, call, ttlMs, method }, { ...each })
          same([reader.encoding, reader.extensionBytes], [encoding, extension.byteLength])
          same(reader.body(), content)
        }
        same(reader.next(), false)
      }),
      options,
    )
  })

  test('extensions', () => {
    const slab = new Slab()
    const fields = fc.uniqueArray(fc.tuple(u8, fc.oneof(fc.string({ unit: 'binary', maxLength: 50 }), fc.uint8Array({ maxLength: 50 }))), {
      selector: ([tag]) => tag,
      maxLength: 8,
    })
    fc.assert(
      fc.property(fields, u8, (all, absent) => {
        const start = writeRawFrame(
          slab,
          { type: 1 },
          joinFields(all.map(([tag, content]) => extensionField(tag, content))),
          0,
          new Uint8Array(3),
        )
        const reader = new FrameReader(2 ** 20)
        reader.open(slab.bytes.subarray(0, slab.at), start)
        reader.next()
        checkFields(reader)
        for (const [tag, content] of all) {
          if (typeof content === 'string') same(findText(reader, tag), content)
          else same(findField(reader, tag), content)
        }
        if (!all.some(([tag]) => tag === absent)) same(findField(reader, absent), undefined)
      }),
      options,
    )
  })

  test('extensions that are too long are refused, not cut', () => {
    expect(() => extensionField(1, new Uint8Array(65_532))).toThrow(expect.objectContaining({ code: 'TooLarge' }))
    expect(extensionField(1, new Uint8Array(65_531)).byteLength).toBe(65_535)
    expect(() => joinFields([extensionField(1, new Uint8Array(40_000)), extensionField(2, new Uint8Array(40_000))])).toThrow(
      expect.objectContaining({ code: 'TooLarge' }),
    )
  })

  test('the numbers of packets, and their order', () => {
    fc.assert(
      fc.property(u32, u32, fc.nat(2 ** 31 - 1), (sequence, acknowledged, distance) => {
        const packet = new Uint8Array(8)
        numberPacket(packet, sequence, acknowledged)
        same(packetNumbers(packet), { sequence, acknowledged })
        same(ahead((sequence + distance) >>> 0, sequence), distance)
        same(ahead(sequence, (sequence + distance) >>> 0), -distance | 0)
        same(after(sequence) > 0 && after(sequence) <= 0xffffffff, true)
      }),
      options,
    )
    expect([after(0), after(0xfffffffe), after(0xffffffff)]).toEqual([1, 0xffffffff, 1])
  })

  test('openings', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/)
    const introduction = fc.record(
      {
        incarnation: fc.stringMatching(/^[0-9a-f]{20}$/),
        name,
        labels: fc.dictionary(name, name, { maxKeys: 5, noNullPrototype: false }),
        credentials: fc.record({ token: fc.string({ unit: 'binary', maxLength: 50 }) }),
        features: fc.array(fc.string({ unit: 'grapheme', maxLength: 10 }), { maxLength: 5 }),
        resume: fc.record({ session: fc.string(), token: fc.string(), received: u32 }),
      },
      { requiredKeys: ['incarnation'] },
    )
    fc.assert(
      fc.property(introduction, (each) => {
        expect(readIntroduction(writeOpening(each))).toEqual(each)
      }),
      options,
    )
  })
})

describe('damaged', () => {
  test('30,000 cases', () => {
    const counts = fuzzWire(30_000, seed)
    expect(counts.cases).toBe(30_000)
    expect(counts.mutatedDecoded / counts.mutated).toBeGreaterThan(0.3)
    expect(counts.refused).toBeGreaterThan(2000)
    for (const [name, type] of Object.entries(FrameType)) {
      const [read, understood] = [counts.types.get(type) ?? 0, counts.understood.get(type) ?? 0]
      expect([name, read >= 400, understood / read >= 0.3]).toEqual([name, true, true])
    }
  }, 180_000)

  test('the same every time', () => {
    expect(fuzzWire(500, 42)).toEqual(fuzzWire(500, 42))
  })
})
