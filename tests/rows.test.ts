/** docs/rows.md and the tests agree: each row that it lists has tests in the file that it names, and no test speaks of a row that it does not list. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')

/** `row file` of each row of the page. */
function listed(page: string): string[] {
  return page.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim())
    const [, row, ...rest] = cells
    const files = rest.join(' ').match(/`(tests\/[\w.-]+)`/g) ?? []
    return row === undefined || !/^(?:\d{3}-\w+|\d{1,2})$/.test(row) ? [] : files.map((file) => `${row} ${file.slice(1, -1)}`)
  })
}

/** `row file` of each title that begins with a row. */
function tested(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([file, text]) =>
    Array.from(text.matchAll(/\b(?:test|it|describe)(?:\.each\(\w+\))?\(\s*'row ([\w-]+):/g), ([, row]) => `${row} ${file}`),
  )
}

describe('rows', () => {
  const page = readFileSync(join(root, 'docs/rows.md'), 'utf8')
  const names = readdirSync(join(root, 'tests'), { recursive: true }) as string[]
  const files = new Map(
    names
      .filter((name) => name.endsWith('.test.ts') && name !== 'rows.test.ts')
      .map((name) => [`tests/${name}`, readFileSync(join(root, 'tests', name), 'utf8')]),
  )

  test('each listed row is tested, and each tested row is listed', () => {
    expect(listed(page).length).toBeGreaterThan(20)
    expect([...new Set(tested(files))].toSorted()).toEqual(listed(page).toSorted())
  })

  test('the comparison sees what is missing', () => {
    const few = new Map([['tests/a.test.ts', "test('row 7: x'\n  test.each(all)('row 004-1: y'"]])
    expect(tested(few)).toEqual(['7 tests/a.test.ts', '004-1 tests/a.test.ts'])
    expect(listed('| row | x |\n|---|---|\n| 7 | b | `tests/a.test.ts` |\n| seven | b | `tests/a.test.ts` |')).toEqual([
      '7 tests/a.test.ts',
    ])
  })
})
