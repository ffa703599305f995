/** How values, tables and bars look. */
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { Bar, barText } from '../src/show/bar.js'
import { printable } from '../src/show/paint.js'
import { table } from '../src/show/table.js'
import { jsonForm, valueText } from '../src/show/value.js'

it('shows text as it is, plain JSON as JSON and the rest as Node does', () => {
  expect(valueText('a\nb')).toBe('a\nb')
  expect(valueText({ a: [1, null] })).toBe('{\n  "a": [\n    1,\n    null\n  ]\n}')
  expect(valueText({ a: undefined })).toBe('{ a: undefined }')
  expect(valueText(new Map([['a\u001B[2J', 1n]]))).toBe("Map(1) { 'a\\x1B[2J' => 1n }")
  expect(valueText(Number.NaN)).toBe('NaN')
})

it('gives every value the nearest plain JSON', () => {
  const circle: unknown[] = [1]
  circle.push(circle)
  const twice = { x: 1 }
  const value = {
    d: new Date(0),
    m: new Map([[1, new Set([2])]]),
    b: new Uint8Array([255]),
    n: 1n,
    i: Infinity,
    u: undefined,
    circle,
    twice: [twice, twice],
  }
  expect(jsonForm(value)).toEqual({
    d: '1970-01-01T00:00:00.000Z',
    m: [[1, [2]]],
    b: '/w==',
    n: '1',
    i: 'Infinity',
    u: null,
    circle: [1, null],
    twice: [{ x: 1 }, { x: 1 }],
  })
  expect(jsonForm(undefined)).toBeNull()
})

it('lets no control character through but line feed and tab', () => {
  expect(printable('a\u001B[2Jb\r\n\tc\u009B')).toBe('a\\x1b[2Jb\\x0d\n\tc\\x9b')
})

it('aligns columns, leaves out empty optional ones and cuts at the width', () => {
  const columns = [
    { title: 'NAME', cell: (row: { name: string; count: number }) => row.name },
    { title: 'N', cell: (row: { count: number }) => `${row.count}`, right: true },
    { title: 'LABELS', cell: () => '', optional: true },
    { title: 'REST', cell: () => 'abcdefghij' },
  ]
  const rows = [
    { name: 'a', count: 10 },
    { name: 'longer', count: 2 },
  ]
  expect(table(columns, rows)).toEqual(['NAME     N  REST', 'a       10  abcdefghij', 'longer   2  abcdefghij'])
  expect(table(columns, rows, 16)).toEqual(['NAME     N  REST', 'a       10  abc…', 'longer   2  abc…'])
})

it('draws a bar', () => {
  expect(barText({ total: 4, completed: 1, details: 'sniffing' })).toBe(`${'█'.repeat(6)}${'░'.repeat(18)}  1/4  25%  sniffing`)
  expect(barText({ total: 4, completed: 9 })).toBe(`${'█'.repeat(24)}  9/4  100%`)
  expect(barText({ total: 0, completed: 9, details: { a: 1 } })).toBe('9  {"a":1}')
})

it('draws only on a terminal, over what it drew before, and clears its line', () => {
  const drawn = (isTTY: boolean): string => {
    const stream = Object.assign(new PassThrough(), { isTTY, columns: 20 }) as unknown as NodeJS.WriteStream
    const bar = new Bar(stream)
    bar.show({ total: 4, completed: 2 })
    bar.clear()
    bar.clear()
    return ((stream.read() as Buffer | null) ?? '').toString()
  }
  expect(drawn(true)).toBe(`\r\u001B[2K${'█'.repeat(12)}${'░'.repeat(6)}…\r\u001B[2K`)
  expect(drawn(false)).toBe('')
})
