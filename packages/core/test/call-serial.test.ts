/** Serial numbers: UUIDs of version 8 that hold who made the call, since when that process runs, and which of its calls it is. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { callNumber, mintIncarnation, readSerialNumber, serialNumber } from '../src/call/index.js'

const incarnation = fc.stringMatching(/^[0-9a-f]{20}$/)
const counter = fc.oneof(fc.nat(1000), fc.bigInt(0n, 2n ** 42n - 1n).map(Number), fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 42 - 1))
const options = { numRuns: 2000, seed: 1 }

describe('a serial number', () => {
  it('is a UUID of version 8 and the RFC’s variant, and is read back', () => {
    fc.assert(
      fc.property(incarnation, counter, (who, n) => {
        const sn = serialNumber(who, n)
        expect(sn).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        expect(readSerialNumber(sn)).toEqual({ incarnation: who, counter: n })
        expect(Number.parseInt(sn.slice(-8), 16)).toBe(callNumber(n))
      }),
      options,
    )
  })

  it('is another one for every call and every process', () => {
    fc.assert(
      fc.property(fc.tuple(incarnation, counter), fc.tuple(incarnation, counter), (left, right) => {
        const isSame = left[0] === right[0] && left[1] === right[1]
        expect(serialNumber(...left) === serialNumber(...right)).toBe(isSame)
      }),
      options,
    )
    expect(serialNumber('0'.repeat(20), 1)).not.toBe(serialNumber('0'.repeat(20), 1 + 2 ** 32))
  })

  it.each([
    '',
    'x',
    '00000000-0000-4000-8000-000000000000',
    '00000000-0000-8000-c000-000000000000',
    '00000000-0000-8000-8000-00000000000',
    '00000000-0000-8000-8000-0000000000000',
    '00000000-0000-8000-8000-00000000000G',
  ])('%j is none', (text) => expect(readSerialNumber(text)).toBeUndefined())

  it('on the wire is its low 32 bits', () => {
    expect([0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 2 ** 42 - 1].map(callNumber)).toEqual([0, 1, 0xffffffff, 0, 5, 0xffffffff])
  })
})

describe('an incarnation', () => {
  it('holds the start of the process and chance', () => {
    const random = { fill: (bytes: Uint8Array) => bytes.fill(0xab) }
    const clock = { wallMs: () => 0x0198a1b2c3d4 + 0.7, nowMs: () => 0, timer: () => ({ cancel: () => {} }) }
    expect(mintIncarnation(clock, random)).toBe('0198a1b2c3d4abababab')
    expect(mintIncarnation({ ...clock, wallMs: () => 5 }, random)).toBe('000000000005abababab')
    expect(readSerialNumber(serialNumber(mintIncarnation(clock, random), 7))!.incarnation).toBe('0198a1b2c3d4abababab')
  })
})
