/**
 * What a body costs, in nanoseconds, next to bare JSON on the same value. Owns no target; run after `npx tsc -b packages/core`:
 *
 *     node bench/body.mjs
 *
 * "write" is prepareBody + writeBody into a standing buffer, "read" is parseBody of bytes that may be kept. Each figure is the best of
 * several rounds, which is the least noisy on a shared machine.
 */

import { defaultLimits, parseBody, prepareBody, writeBody } from '../packages/core/dist/body/index.js'

const limits = { ...defaultLimits, maxBodyBytes: 64 * 1024 * 1024 }
const target = new Uint8Array(16 * 1024 * 1024)
const roundMs = 40
const rounds = 9

const mebibyte = new Uint8Array(1024 * 1024).map((_, i) => i)
const rows = Array.from({ length: 100 }, (_, id) => ({ id, name: `customer ${id}`, tags: ['a', 'b'], at: { lat: id / 7, long: -1 - id } }))

const cases = {
  '["hello"]': ['hello'],
  '[42,"x",{a:1}]': [42, 'x', { a: 1 }],
  '[]': [],
  'result: 120 ASCII': 'Yes master. I will bark hello because that is what dogs do. '.repeat(2),
  '["漢字 …"] 200 units': ['漢字かな交じり文'.repeat(25)],
  '100 rows, 8 KiB': [rows],
  '16 KiB string': ['x'.repeat(16 * 1024)],
  '1 MiB bytes': [mebibyte],
  '[Date]': [new Date(1_700_000_000_000)],
  '[undefined]': [undefined],
}

let sink = 0

function best(run) {
  let times = 1
  for (;;) {
    const start = performance.now()
    for (let i = 0; i < times; i++) run()
    if (performance.now() - start > roundMs / 4) break
    times *= 2
  }
  let least = Infinity
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    for (let i = 0; i < times * 4; i++) run()
    least = Math.min(least, ((performance.now() - start) * 1e6) / (times * 4))
  }
  return least
}

const row = (...cells) => console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(24) : String(cell).padStart(12))).join(''))
row('value', 'encoding', 'bytes', 'write', 'stringify', 'read', 'JSON.parse')
for (const [name, value] of Object.entries(cases)) {
  const prepared = prepareBody(value, limits)
  const end = writeBody(prepared, target, 0)
  const bytes = target.slice(0, end)
  const text = JSON.stringify(value)
  const write = best(() => void (sink += writeBody(prepareBody(value, limits), target, 16)))
  const stringify = best(() => void (sink += JSON.stringify(value).length))
  const read = best(() => void (sink += parseBody(prepared.encoding, bytes, limits, 'given') === sink ? 1 : 0))
  const parse = best(() => void (sink += JSON.parse(text) === sink ? 1 : 0))
  row(name, prepared.encoding, end, ...[write, stringify, read, parse].map((ns) => ns.toFixed(0)))
}
if (sink === 0) console.log('nothing was done')
