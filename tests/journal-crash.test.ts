/** What a journal on a disk has after its process or the machine ended at any moment. */
import { crashRuns } from '@waybill/testkit/suites'
import { expect, test } from 'vitest'

test('wherever it ends, what was said to be safe is there, in order, and nothing else', async () => {
  const tally = await crashRuns({ from: 1, runs: 250 })
  expect(tally.crashes).toBeGreaterThan(1900)
  // Whatever an end can come in the middle of did come.
  for (const [what, times] of Object.entries(tally)) expect(times, what).toBeGreaterThan(100)
})
