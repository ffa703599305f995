import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { durationMs, isName, isServiceName, isVersion } from '../src/index.js'

test('names are letters, digits, _ and -', () => {
  for (const name of ['a', 'Dog', 'dog-1_x', '7', '_', 'x'.repeat(64)]) expect(isName(name), name).toBe(true)
  for (const name of ['', 'a.b', 'a b', 'é', 'a\n', 'x'.repeat(65), '*', 'a/b', 'a@b']) expect(isName(name), name).toBe(false)
})

test('services may hold single dots between names', () => {
  for (const name of ['Dog', 'zoo.Dog', 'a.b.c']) expect(isServiceName(name), name).toBe(true)
  for (const name of ['', '.', 'a.', '.a', 'a..b', 'a.b\n', 'a@1', `${'x.'.repeat(70)}x`]) expect(isServiceName(name), name).toBe(false)
})

test('a service name is names joined by dots, for any text', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', '.', '-', '_', '9', ' ', 'ö'), maxLength: 6 })), (parts) => {
      const text = parts.join('.')
      expect(isServiceName(text)).toBe(text.length <= 128 && text.split('.').every((part) => isName(part)))
    }),
  )
})

test('hostile names take no time', () => {
  const start = performance.now()
  isServiceName(`${'a.'.repeat(60)}!`)
  isVersion(`1.1.1-${'1.'.repeat(100_000)}!`)
  expect(performance.now() - start).toBeLessThan(1000)
})

test('every triple of numbers is a version', () => {
  const number = fc.nat()
  fc.assert(fc.property(number, number, number, (...parts) => isVersion(parts.join('.'))))
})

test('durations', () => {
  expect([250, '250ms', '30s', '5m', '2h', '1d', '1.5s'].map((text) => durationMs(text as '1s'))).toEqual([
    250, 250, 30_000, 300_000, 7_200_000, 86_400_000, 1500,
  ])
  for (const bad of [0, -1, Number.NaN, Infinity, '', '1', 's', '-1s', '1e9s', '0x1s', ' 1s', '1 s', '0s']) {
    expect(() => durationMs(bad as 1, 'ttl'), String(bad)).toThrow(
      expect.objectContaining({ code: 'BadAddress', message: expect.stringContaining('ttl') as string }),
    )
  }
})
