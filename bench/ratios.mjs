// From rounds to ratios: contenders are compared within a round, where the machine was in the same mood, and only then is the median taken.

/** @typedef {import('./contest.mjs').Figures} Figures */
/** @typedef {{ median: number, min: number, max: number }} Spread */
/** @typedef {{ text: string, met: boolean }} Verdict */

/** @param {number[]} values @returns {Spread} */
export function spread(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, min: sorted[0], max: sorted[sorted.length - 1] }
}

/**
 * The spread of `ours / theirs` over the rounds both finished.
 * @param {(Figures | undefined)[]} ours @param {(Figures | undefined)[]} theirs @param {'cpuUs' | 'p50' | 'p99'} figure
 */
export function ratio(ours, theirs, figure) {
  return spread(ours.flatMap((one, round) => (one && theirs[round] ? [one[figure] / theirs[round][figure]] : [])))
}

/** The same the other way round: how many times less. @param {Spread} spread @returns {Spread} */
export function inverse({ median, min, max }) {
  return { median: 1 / median, min: 1 / max, max: 1 / min }
}

/**
 * Holds the ratios of a pair against the cell's floor.
 * @param {import('./cells.mjs').Floor | undefined} floor @param {{ cpuUs: Spread, p50: Spread }} ratios @returns {Verdict[]}
 */
export function verdicts(floor, ratios) {
  if (floor === undefined) return []
  const found = []
  if (floor.lessCpu !== undefined) found.push({ text: `CPU ≥ ${floor.lessCpu}x less`, met: inverse(ratios.cpuUs).median >= floor.lessCpu })
  if (floor.cpu !== undefined) found.push({ text: `CPU ≤ ${floor.cpu}x`, met: ratios.cpuUs.median <= floor.cpu })
  if (floor.p50 !== undefined) found.push({ text: `p50 ≤ ${floor.p50}x`, met: ratios.p50.median <= floor.p50 })
  return found
}
