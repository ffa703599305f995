// The load, the same for every contender: as many lanes as calls are in flight, each making one call after another.

/** @typedef {(callee: number, phrase: string) => Promise<string>} Call one `echo(phrase)` to callee number so-and-so */
/** @typedef {{ calls: number, wallMs: number, latenciesUs: Float64Array }} Run */

const MAX_SAMPLES = 400_000

/** All different, and few of those that are large. Powers of two in number. @param {number} bodyBytes */
const phrasesOf = (bodyBytes) =>
  Array.from({ length: bodyBytes > 65_536 ? 4 : 64 }, (_, index) =>
    `hello, dog number ${String(index).padStart(2, '0')}`.padEnd(bodyBytes, ' and so on'),
  )

/**
 * Runs until `ms` have passed or `maxCalls` are begun, then waits for every call in flight, so that what was counted is complete.
 * @param {Call[]} callers one per connection; the lanes are dealt out over them
 * @param {{ inFlight: number, callees: number, ms: number, bodyBytes?: number, minMs?: number, maxCalls?: number }} shape
 * @returns {Promise<Run>}
 */
export async function run(callers, { inFlight, callees, ms, bodyBytes = 0, minMs = 0, maxCalls = Infinity }) {
  const phrases = phrasesOf(bodyBytes)
  // Reading the clock twice a call would cost a good part of a batched call, so with many in flight one call in eight is timed.
  const mask = inFlight >= 64 ? 7 : 0
  const samples = new Float64Array(MAX_SAMPLES)
  let sampled = 0
  let begun = 0
  let done = false
  const start = performance.now()

  /** @param {Call} call */
  const lane = async (call) => {
    while (!done) {
      const n = begun++
      const phrase = phrases[n & (phrases.length - 1)]
      const timed = (n & mask) === 0
      const sentAt = timed ? performance.now() : 0
      const answer = await call(n % callees, phrase)
      if (answer !== phrase) throw new Error(`wrong answer: ${String(JSON.stringify(answer)).slice(0, 100)} for ${phrase.slice(0, 100)}`)
      if (timed) {
        const now = performance.now()
        if (sampled < MAX_SAMPLES) samples[sampled++] = (now - sentAt) * 1000
        const spent = now - start
        if (spent >= ms || (begun >= maxCalls && spent >= minMs)) done = true
      }
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, index) => lane(callers[index % callers.length])))
  return { calls: begun, wallMs: performance.now() - start, latenciesUs: samples.subarray(0, sampled) }
}

/** @param {Float64Array} values sorted in place @param {number[]} shares */
export function percentiles(values, shares) {
  values.sort()
  return shares.map((share) => values[Math.min(values.length - 1, Math.floor(values.length * share))])
}
