/** Owns how people write a length of time. Must not know what is being timed. */
import { WaybillError } from '../errors/index.js'

/** Milliseconds, or a number with its unit: `'250ms' '30s' '5m' '2h' '1d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const units: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])
const written = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d)$/

/** Milliseconds. Throws `BadAddress` for anything but a positive, finite time; `name` says which option was wrong. */
export function durationMs(duration: Duration, name = 'duration'): number {
  const ms = typeof duration === 'number' ? duration : parse(duration)
  if (Number.isFinite(ms) && ms > 0) return ms
  const shown = typeof duration === 'string' ? JSON.stringify(duration) : String(duration)
  throw new WaybillError('BadAddress', `${name}: ${shown} is not a time such as 250, '30s', '5m', '2h' or '1d'`)
}

function parse(text: string): number {
  const found = written.exec(text)
  return found ? Number(found[1]) * units.get(found[2]!)! : Number.NaN
}
