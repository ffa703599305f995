/** What a reader of a stream may do to the bytes that it came in: nothing. */
import { defaultLimits, encodings, type FrameReader } from '@waybill/core'
import { expect, test } from 'vitest'
import { facadeOf } from '../src/streams/facade.js'
import { Inflow } from '../src/streams/inflow.js'

test('a stream of bytes leaves the memory of the packet alone, where other frames stand', async () => {
  const violations: unknown[] = []
  const inflow = new Inflow({
    number: 0,
    kind: 'bytes',
    limits: defaultLimits,
    creditBytes: 100_000,
    way: () => undefined,
    broken: (error) => violations.push(error),
  })
  const reader = (facadeOf(inflow) as ReadableStream<Uint8Array>).getReader()
  const packet = new Uint8Array(1000).fill(7)
  const arrives = (start: number, end: number): void =>
    inflow.arrived({ start, end, bodyStart: start, flags: 0, encoding: encodings.bytes, bytes: packet } as FrameReader)
  arrives(0, 900)
  expect((await reader.read()).value).toEqual(packet.slice(0, 900))
  expect(packet.byteLength).toBe(1000)
  arrives(900, 1000)
  expect((await reader.read()).value).toEqual(packet.slice(900))
  expect({ length: packet.byteLength, violations }).toEqual({ length: 1000, violations: [] })
})
