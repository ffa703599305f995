/**
 * What `tsc -p tests/fuzz` made of the fuzzers, as a command. `npm run fuzz -- --cases 10000000 --seed 1`: runs so many damaged inputs through everything that reads bytes from strangers, half of them bodies. Ends
 * with 1 where something was found, and says how to run it again.
 */
import { parseArgs } from 'node:util'
import { fuzzBody } from '../../.tmp/fuzz/packages/core/test/fuzz/body.js'
import { emptyCounts, fuzzWire } from '../../.tmp/fuzz/tests/fuzz/wire.js'

const ROUND = 20_000

const { values } = parseArgs({ options: { cases: { type: 'string', default: '1000000' }, seed: { type: 'string' } } })
const cases = Number(values.cases)
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
if (!Number.isSafeInteger(cases) || cases < 1 || !Number.isSafeInteger(seed) || seed < 0) {
  console.error('--cases and --seed are whole numbers')
  process.exit(2)
}

const wire = emptyCounts()
const body = { cases: 0, decoded: 0 }
const byEncoding = new Map()
const startedMs = performance.now()
let shownMs = startedMs

console.log(`fuzz: ${cases} cases from seed ${seed}`)
try {
  for (let round = 0; wire.cases + body.cases < cases; round++) {
    const left = cases - wire.cases - body.cases
    const share = Math.min(ROUND, Math.ceil(left / 2))
    fuzzWire(share, seed + round, wire)
    const bodies = Math.min(share, left - share)
    if (bodies > 0) {
      const counts = fuzzBody(bodies, seed + round)
      body.cases += counts.cases
      body.decoded += counts.decoded
      for (const [encoding, count] of Object.entries(counts.byEncoding)) byEncoding.set(encoding, (byEncoding.get(encoding) ?? 0) + count)
    }
    const now = performance.now()
    if (now - shownMs < 5000) continue
    shownMs = now
    const done = wire.cases + body.cases
    console.log(`${done} of ${cases}, ${Math.round((done * 1000) / (now - startedMs))} a second`)
  }
} catch (thrown) {
  console.error(thrown)
  console.error(
    `found something after ${wire.cases + body.cases} cases; the seed of its round is in the error. Again: npm run fuzz -- --cases ${cases} --seed ${seed}`,
  )
  process.exit(1)
}

const percent = (part, whole) => `${Math.round((part * 100) / Math.max(1, whole))} %`
console.log(
  `wire: ${wire.cases} cases, ${wire.mutated} damaged, of which ${percent(wire.mutatedDecoded, wire.mutated)} decoded; ${wire.refused} refused`,
)
console.log(
  `frames by type: ${[...wire.types]
    .toSorted(([left], [right]) => left - right)
    .map(([type, count]) => `${type.toString(16)}: ${count}`)
    .join(', ')}`,
)
console.log(
  `bodies: ${body.cases} cases, ${percent(body.decoded, body.cases)} decoded; by encoding ${[...byEncoding].map(([encoding, count]) => `${encoding}: ${count}`).join(', ')}`,
)
console.log('nothing found')
