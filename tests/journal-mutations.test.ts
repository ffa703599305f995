/** One bit, one end, one file of a store is not as it was: `npm run store:mutations` does two thousand of what these are a few of. */
import { damage, ENDS, KINDS } from '@waybill/testkit/suites'
import { expect, test } from 'vitest'

test('no change of a file goes by without a word', async () => {
  const { rows, total, lost } = await damage(360)
  expect(lost).toEqual([])
  for (const outcome of ['refused', 'told when read', 'harmless', 'counted'] as const)
    expect(total.get(outcome) ?? 0, outcome).toBeGreaterThan(0)
  for (const end of ENDS)
    for (const kind of KINDS) expect([...rows.keys()].some((row) => row.startsWith(end) && row.includes(` ${kind} `))).toBe(true)
  // What is missing and was needed is never taken for an empty store.
  for (const [row, outcomes] of rows) if (row.endsWith(' store')) expect([...outcomes.keys()], row).toEqual(['refused'])
})
