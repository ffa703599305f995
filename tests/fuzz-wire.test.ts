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
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fuzzWire } from './fuzz/wire.js'

const seed = Number(process.env['WAYBILL_SEED'] ?? 1)
const u32 = fc.nat(0xffffffff)
const u8 = fc.nat(255)
const options = { seed, numRuns: 2000 }

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
        const packet = new Uint8Array([...new Uint8Array(gap), ...written.flatMap((bytes) => [...bytes])])
        const reader = new FrameReader(2 ** 20)
        reader.open(packet, gap)
        for (const [each, encoding, extension, content] of frames) {
          expect(reader.next()).toBe(true)
          const { type, flags, destination, source, call, ttlMs, method } = reader
          expect({ type, flags, destination, source, call, ttlMs, method }).toEqual(each)
          expect([reader.encoding, reader.extensionBytes]).toEqual([encoding, extension.byteLength])
          expect(reader.body()).toEqual(content)
        }
        expect(reader.next()).toBe(false)
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
          if (typeof content === 'string') expect(findText(reader, tag)).toBe(content)
          else expect(findField(reader, tag)).toEqual(content)
        }
        if (!all.some(([tag]) => tag === absent)) expect(findField(reader, absent)).toBeUndefined()
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
        expect(packetNumbers(packet)).toEqual({ sequence, acknowledged })
        expect(ahead((sequence + distance) >>> 0, sequence)).toBe(distance)
        expect(ahead(sequence, (sequence + distance) >>> 0)).toBe(-distance | 0)
        expect(after(sequence)).toBeGreaterThan(0)
        expect(after(sequence)).toBeLessThanOrEqual(0xffffffff)
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
  test('70,000 cases', () => {
    const counts = fuzzWire(70_000, seed)
    expect(counts.cases).toBe(70_000)
    expect(counts.mutatedDecoded / counts.mutated).toBeGreaterThan(0.3)
    expect(counts.refused).toBeGreaterThan(5000)
    for (const [name, type] of Object.entries(FrameType)) {
      const [read, understood] = [counts.types.get(type) ?? 0, counts.understood.get(type) ?? 0]
      expect([name, read >= 1000, understood / read >= 0.3]).toEqual([name, true, true])
    }
  }, 60_000)

  test('the same every time', () => {
    expect(fuzzWire(500, 42)).toEqual(fuzzWire(500, 42))
  })
})
