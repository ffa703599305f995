/** Owns how long ago something was, in one short word. Pure. */

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const

/** `12s`, `3m`, `5h`, `2d`, rounded down. The clock of another machine may be ahead: then it is `0s`. */
export function ageText(fromMs: number, nowMs: number): string {
  const passed = Math.max(0, nowMs - fromMs)
  const [unit, ms] = UNITS.find(([, length]) => passed >= length) ?? (['s', 1000] as const)
  return `${Math.floor(passed / ms)}${unit}`
}
