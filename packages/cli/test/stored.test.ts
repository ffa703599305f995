/** What is asked of stored calls, and how they look. */
import { PassThrough } from 'node:stream'
import type { ReceiptInfo } from '@waybill/client'
import { describe, expect, it } from 'vitest'
import { readCallOptions } from '../src/call-options.js'
import { UsageError } from '../src/exits.js'
import { isNarrow, queryOf } from '../src/receipt-query.js'
import { readList, readObject, readSerialNumber, readTarget } from '../src/request.js'
import { ageText } from '../src/show/age.js'
import { StatusLine } from '../src/show/line.js'
import { receiptText } from '../src/show/receipt.js'
import { lineText } from '../src/show/value.js'

const SN = '018f3c1e-7a00-8dea-b6fb-bc0000000001'

describe('reading', () => {
  it('labels narrow the address, those of the target too', () => {
    expect(readTarget('Dog?size=big.bark', { where: ['region=eu', 'kind=a'] })).toEqual({
      method: 'bark',
      address: 'Dog?kind=a&region=eu&size=big',
    })
    for (const where of ['region', '=eu', 'region=', 're gion=eu']) {
      expect(() => readTarget('Dog.bark', { where: [where] }), where).toThrow(UsageError)
    }
  })

  it('an object is an object, a list is a list', () => {
    expect(readObject('{"a":1}', '--named', '{}')).toEqual({ a: 1 })
    expect(readList('[1]', '--construct', '[]')).toEqual([1])
    for (const text of ['[1]', '1', 'null', '{']) expect(() => readObject(text, '--named', '{}'), text).toThrow(UsageError)
    for (const text of ['{}', '1', 'null', '[']) expect(() => readList(text, '--construct', '[]'), text).toThrow(UsageError)
  })

  it('a serial number is one in any case', () => {
    expect(readSerialNumber(SN.toUpperCase())).toBe(SN)
    for (const text of ['', SN.slice(1), `${SN}0`, SN.replaceAll('-', '')]) expect(() => readSerialNumber(text), text).toThrow(UsageError)
  })

  it('the options of a call are those that were given, and no others', () => {
    expect(readCallOptions({})).toEqual({})
    expect(
      readCallOptions({
        ttl: '1m',
        timeout: '5s',
        deadline: '250',
        data: '1',
        named: '{"loud":true}',
        construct: '["rex"]',
        sticky: 's',
        orderKey: 'o',
        on: 'kennel',
      }),
    ).toEqual({
      ttl: 60_000,
      timeout: 5000,
      deadline: 250,
      data: 1,
      named: { loud: true },
      construct: ['rex'],
      sticky: 's',
      orderKey: 'o',
    })
    expect(() => readCallOptions({ orderKey: '' })).toThrow(/--order-key/)
  })

  it('a query says what was given; a limit alone says nothing', () => {
    expect(queryOf({})).toEqual({})
    const query = queryOf({ state: 'pending', service: 'Dog', method: 'walk', client: 'kennel', match: '{"group":2}', limit: 3 })
    expect(query).toEqual({
      state: 'pending',
      service: 'Dog',
      method: 'walk',
      client: 'kennel',
      data: { match: { group: 2 } },
      limit: 3,
    })
    expect([isNarrow(query), isNarrow({}), isNarrow({ limit: 3 }), isNarrow({ state: 'pending' })]).toEqual([true, false, false, true])
  })
})

describe('showing', () => {
  it.each([
    [0, '0s'],
    [-5000, '0s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [3_599_999, '59m'],
    [7_200_000, '2h'],
    [86_400_000 * 3 - 1, '2d'],
  ])('%i ms ago is %s', (passed, text) => expect(ageText(1000, 1000 + passed)).toBe(text))

  const storedMs = Date.parse('2026-01-31T12:00:00.123Z')
  const receipt: ReceiptInfo = {
    sn: SN,
    client: 'walker',
    service: 'Dog',
    method: 'walk',
    state: 'started',
    storedAt: '2026-01-31T12:00:00.123Z',
    attempts: 0,
  }

  it('a receipt is a line, then what is known', () => {
    expect(receiptText(receipt, { total: 4, completed: 1 }, storedMs + 3000)).toEqual([
      'Dog.walk: started',
      `  receipt   ${SN}`,
      '  client    walker',
      '  stored    2026-01-31T12:00:00Z, 3s ago',
      `  progress  ${'█'.repeat(6)}${'░'.repeat(18)}  1/4  25%`,
    ])
    const ended = { ...receipt, state: 'dead', endedAt: '2026-01-31T12:01:00.000Z', attempts: 5, data: { group: 2 } } as const
    expect(receiptText(ended, undefined, storedMs + 120_000).slice(3)).toEqual([
      '  stored    2026-01-31T12:00:00Z, 2m ago',
      '  ended     2026-01-31T12:01:00Z, 1m ago',
      '  lost      5 who took it were lost',
      '  data      {"group":2}',
    ])
  })

  it('what a caller wrote beside its call cannot steer the terminal, and is folded', () => {
    const lines = receiptText({ ...receipt, data: { text: '\u001B[2J'.repeat(2), more: 'one two three four' } }, undefined, storedMs, 40)
    expect(lines.join('')).not.toContain('\u001B')
    expect(lines.at(-1)).toMatch(/^ {12}\S/)
  })

  it('a value stands in one line', () => {
    expect([lineText('a b'), lineText(undefined), lineText(1n), lineText({ a: [1] })]).toEqual(['a b', '', '"1"', '{"a":[1]}'])
    expect(lineText('a\nb\u001B[2J\u009B')).toBe(String.raw`"a\nb\u001b[2J\x9b"`)
  })

  it('how something goes on is written over on a terminal, and elsewhere a line for each change', () => {
    const written = (isTTY: boolean): string => {
      const stream = Object.assign(new PassThrough(), { isTTY, columns: 8 }) as unknown as NodeJS.WriteStream
      const line = new StatusLine(stream)
      for (const text of ['2 calls left', '2 calls left', '1 call']) line.show(text)
      line.clear()
      line.clear()
      return (stream.read() as Buffer).toString()
    }
    expect(written(true)).toBe('\r\u001B[2K2 call…\r\u001B[2K1 call\r\u001B[2K')
    expect(written(false)).toBe('2 calls left\n1 call\n')
  })
})
