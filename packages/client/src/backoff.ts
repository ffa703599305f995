/** How long to wait before the next attempt: full jitter, so that a thousand clients do not come back at once. */
import type { Random } from '@waybill/core'

export interface Backoff {
  readonly firstMs: number
  readonly mostMs: number
}

export const defaultBackoff: Backoff = { firstMs: 100, mostMs: 10_000 }

/** Uniform between 0 and the doubled bound of this attempt (0, 1, 2, …); nothing for one before those. */
export function delayOf(attempt: number, { firstMs, mostMs }: Backoff, random: Random): number {
  const bound = attempt < 0 ? 0 : Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 30))
  return fraction(random) * bound
}

/** 0 ≤ fraction < 1. */
export function fraction(random: Random): number {
  const bytes = random.fill(new Uint8Array(4))
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32
}

/** The longest wait between attempts before the router has answered for the first time. */
const FIRST_MOST_MS = 500

/** At the start somebody waits, and the router is often about to start too. */
export function atFirst(backoff: Backoff): Backoff {
  return { ...backoff, mostMs: Math.min(backoff.mostMs, FIRST_MOST_MS) }
}
