/** Addresses and names: the grammar, the canonical form, and what is none. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkAddress,
  isMethodName,
  isName,
  isServiceName,
  logLine,
  parseAddress,
  printAddress,
  quoted,
  type Address,
} from '../src/address/index.js'

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/)
const service = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'))
const range = fc.stringMatching(/^[0-9A-Za-z.+*^~<>=| -]{1,40}$/)
const address = fc.record(
  { client: token, service, range, where: fc.dictionary(token, token, { maxKeys: 4 }) },
  { requiredKeys: ['service'] },
)
const options = { numRuns: 2000, seed: 1 }

describe('an address', () => {
  it('is printed and parsed back, its labels in order', () => {
    fc.assert(
      fc.property(address, (one) => {
        const text = printAddress(one)
        if (text.length > 512) return
        const parsed = parseAddress(text)
        const where = Object.keys(one.where ?? {}).length === 0 ? undefined : one.where
        expect(parsed.service).toBe(one.service)
        expect([parsed.client, parsed.range]).toEqual([one.client, one.range])
        expect({ ...parsed.where }).toEqual({ ...where })
        expect(printAddress(parsed)).toBe(text)
      }),
      options,
    )
  })

  it('has one form, whatever the order of its labels', () => {
    expect(printAddress({ service: 'Dog', where: { b: '1', a: '2', C: '3' } })).toBe('Dog?C=3&a=2&b=1')
    expect(printAddress(parseAddress('Dog?b=1&a=2'))).toBe(printAddress(parseAddress('Dog?a=2&b=1')))
  })

  it('or anything else is refused, never half understood', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        let parsed: Address
        try {
          parsed = parseAddress(text)
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BadAddress', executed: 'no' })
          return
        }
        expect(parseAddress(printAddress(parsed))).toEqual(parsed)
      }),
      options,
    )
  })

  const good: readonly (readonly [string, Address])[] = [
    ['Dog', { service: 'Dog' }],
    ['Dog@^1', { service: 'Dog', range: '^1' }],
    ['kennel/Dog@>=1 <2', { client: 'kennel', service: 'Dog', range: '>=1 <2' }],
    ['zoo.Dog?region=eu&size=big', { service: 'zoo.Dog', where: { region: 'eu', size: 'big' } }],
    ['a/b.c@1.0.0?x=y', { client: 'a', service: 'b.c', range: '1.0.0', where: { x: 'y' } }],
  ]
  it.each(good)('%s', (text, parts) => {
    const { where, ...rest } = parseAddress(text)
    expect({ ...rest, ...(where !== undefined && { where: { ...where } }) }).toEqual(parts)
  })

  it.each([
    '',
    ' ',
    'a b',
    'Dog@',
    'Dog@1@2',
    '@1',
    '/Dog',
    'a/',
    'a/b/c',
    'Dog?',
    'Dog?x',
    'Dog?=y',
    'Dog?x=',
    'Dog?x=y&',
    'Dog?x=y?z=w',
    'Dog?x=y=z',
    '.a',
    'a.',
    'a..b',
    'Dög',
    'Dog@{}',
    `Dog@${'1'.repeat(129)}`,
    'x'.repeat(129),
    `${'x'.repeat(65)}/Dog`,
    'x'.repeat(513),
  ])('%j is none', (text) => expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'BadAddress', executed: 'no' })))

  it('labels of a hostile name stay labels', () => {
    const parsed = parseAddress('Dog?__proto__=x&constructor=y&toString=z')
    expect(Object.keys(parsed.where!).toSorted()).toEqual(['__proto__', 'constructor', 'toString'])
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  it('that was put together is checked as one that was parsed', () => {
    expect(checkAddress({ service: 'Dog' })).toEqual({ service: 'Dog' })
    for (const wrong of [
      { service: 'a b' },
      { service: 'Dog', client: '' },
      { service: 'Dog', range: '' },
      { service: 'Dog', where: { '': 'x' } },
    ]) {
      expect(() => checkAddress(wrong)).toThrow(expect.objectContaining({ code: 'BadAddress' }))
    }
  })
})

describe('names', () => {
  it('have a length', () => {
    expect([isName('a'.repeat(64)), isName('a'.repeat(65)), isName('')]).toEqual([true, false, false])
    expect([isServiceName('a'.repeat(128)), isServiceName('a'.repeat(129))]).toEqual([true, false])
    expect([isMethodName('a'.repeat(128)), isMethodName('a'.repeat(129))]).toEqual([true, false])
  })

  it('what is shown of others is one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const shown = quoted(text)
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        if (text.length <= 200) expect(JSON.parse(shown)).toBe(text)
        expect(JSON.parse(logLine({ text }))).toEqual({ text })
      }),
      options,
    )
  })
})
