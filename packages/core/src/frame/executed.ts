/** `executed` as two bits of a frame's flags. */
import type { Executed } from '../errors/index.js'

const words = [undefined, 'no', 'maybe', 'yes'] as const

export function executedFlag(executed: Executed): number {
  return words.indexOf(executed) << 3
}

/** `maybe` where the peer did not say: the only answer that is never wrong. */
export function executedOf(flags: number): Executed {
  return words[(flags >> 3) & 3] ?? 'maybe'
}
