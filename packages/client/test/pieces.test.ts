/** The small parts of the client that decide by themselves: joined bodies, back-off, what others say of a failure. */
import { Seeded } from '@waybill/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { delayOf, fraction } from '../src/backoff.js'
import { errorFromException, errorFromRejection, readProgress, readRejection } from '../src/failures.js'
import { Joiner } from '../src/pieces.js'

describe('Joiner', () => {
  it('joins what was added, and refuses before it keeps too much', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 }), fc.nat(200), (pieces, limit) => {
        const joiner = new Joiner(limit)
        const kept: number[] = []
        for (const piece of pieces) {
          if (kept.length + piece.byteLength > limit) {
            expect(() => joiner.add(piece)).toThrow(expect.objectContaining({ code: 'TooLarge' }))
          } else {
            joiner.add(piece)
            kept.push(...piece)
          }
          expect(joiner.bytes).toBe(kept.length)
        }
        expect([...joiner.join()]).toEqual(kept)
      }),
      { numRuns: 500, seed: 1 },
    )
  })
})

describe('back-off', () => {
  it('is spread evenly below a bound that doubles', () => {
    const random = new Seeded(1)
    for (const [attempt, bound] of [
      [0, 100],
      [1, 200],
      [5, 3200],
      [7, 10_000],
      [500, 10_000],
    ] as const) {
      const delays = Array.from({ length: 2000 }, () => delayOf(attempt, { firstMs: 100, mostMs: 10_000 }, random))
      expect(Math.max(...delays)).toBeLessThan(bound)
      expect(Math.max(...delays)).toBeGreaterThan(bound * 0.98)
      expect(Math.min(...delays)).toBeLessThan(bound * 0.02)
      const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length
      expect(Math.abs(mean / bound - 0.5)).toBeLessThan(0.03)
    }
    expect(fraction({ fill: (bytes) => bytes.fill(255) })).toBeLessThan(1)
  })
})

describe('what others say', () => {
  it('of any shape is understood or replaced', () => {
    fc.assert(
      fc.property(fc.anything(), (body) => {
        const rejection = readRejection(body)
        expect([typeof rejection.code, typeof rejection.description]).toEqual(['string', 'string'])
        expect(errorFromRejection(rejection)).toMatchObject({ executed: 'no' })
        const progress = readProgress(body)
        expect([typeof progress.total, typeof progress.completed]).toEqual(['number', 'number'])
        expect(errorFromException(body, 'maybe')).toBeInstanceOf(Error)
      }),
      { numRuns: 2000, seed: 1 },
    )
  })

  it('keeps codes that are ours, and names others', () => {
    expect(errorFromRejection({ kind: 'rejected', code: 'Overloaded', description: 'd', details: { a: 1 } })).toMatchObject({
      code: 'Overloaded',
      details: { a: 1 },
    })
    expect(errorFromRejection({ kind: 'rejected', code: 'mine.Own', description: 'd' })).toMatchObject({
      code: 'Rejected',
      message: 'mine.Own: d',
    })
    expect(errorFromException({ exval: 'm', code: 'TooLarge' }, 'yes')).toMatchObject({ code: 'TooLarge', executed: 'yes' })
  })
})
