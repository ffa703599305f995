/** What a seed makes happen, and what the command takes. */
import { EVERY_MS, KINDS, parseOptions, planOf } from '@waybill/testkit/faults'
import { describe, expect, test } from 'vitest'

const HOUR_MS = 3_600_000

describe('a plan', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(planOf(1, 60_000)).toEqual(planOf(1, 60_000))
    expect(planOf(1, 60_000)).not.toEqual(planOf(2, 60_000))
  })

  test('holds more than 300 ends of the router and 600 of workers an hour, whatever the seed', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const plan = planOf(seed, HOUR_MS)
      const count = (fits: (fault: (typeof plan)[number]) => boolean): number => plan.filter(fits).length
      expect(count((fault) => fault.kind === 'kill-router' && !fault.gently)).toBeGreaterThan(300)
      expect(count((fault) => fault.kind === 'kill' && fault.role === 'worker' && !fault.gently)).toBeGreaterThan(600)
    }
  })

  test('is in order, has every kind, and one kind left out changes no other', () => {
    const plan = planOf(3, HOUR_MS)
    expect(plan.map(({ atMs }) => atMs)).toEqual(plan.map(({ atMs }) => atMs).toSorted((one, other) => one - other))
    expect(new Set(plan.map(({ kind }) => kind))).toEqual(
      new Set(['kill-router', 'kill', 'stop', 'half-open', 'cut', 'delay', 'double', 'dial-again']),
    )
    const without = planOf(
      3,
      HOUR_MS,
      KINDS.filter((kind) => kind !== 'kill-router'),
    )
    expect(without).toEqual(plan.filter(({ kind }) => kind !== 'kill-router'))
    expect(Object.keys(EVERY_MS)).toEqual(KINDS)
  })
})

describe('the command', () => {
  test('has defaults', () => {
    expect(parseOptions([], 7)).toMatchObject({ stormMs: 60_000, roundMs: 300_000, seed: 7, memory: false, keep: false, check: undefined })
  })

  test('the oracle alone', () => {
    expect(parseOptions(['--sync-oracle'], 7).parts).toEqual(['sync-oracle'])
    expect(parseOptions(['--only', 'storm,crowd'], 7).parts).toEqual(['storm', 'crowd'])
  })

  test.each([
    [['--minutes', 'x'], '--minutes is x, which is not a number'],
    [['--minutes', '0'], '--minutes is 0, which is not a number from 0.05 on'],
    [['--only', 'wind'], 'there is no part "wind"; there are storm, http, crowd'],
    [['--wind'], "Unknown option '--wind'"],
    [['wind'], 'Unexpected argument'],
  ])('refuses %j', (args, why) => {
    expect(() => parseOptions(args, 1)).toThrow(why)
  })
})
