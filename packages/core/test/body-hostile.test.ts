import { expect, it } from 'vitest'
import { fuzzBody } from './fuzz/body.js'

it('fuzz', () => {
  const counts = fuzzBody(10_000, 1)
  console.log(counts)
  expect(counts.decoded / counts.cases).toBeGreaterThan(0.3)
})
