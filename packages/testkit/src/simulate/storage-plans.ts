/** What keeps the routers of a simulation: a disk or nothing, and what is done to what lies there while no router runs. Plain data. */
import type { Seeded } from '../random.js'

/** A disk, with bounds so small that segments end, snapshots are written and files removed within seconds. */
export interface StoragePlan {
  readonly segmentBytes: number
  readonly snapshotBytes: number
  readonly reserveBytes: number
  /** How long a write and a sync take at most. */
  readonly writeMs: number
  readonly syncMs: number
}

/** What happens to the files while no router runs. */
export interface Damage {
  readonly deed: 'flip' | 'truncate' | 'remove'
  /** Which file and which bit of it, as shares of all there are. */
  readonly file: number
  readonly at: number
  /** What the operator does where the router refuses it, or says that something is lost. */
  readonly afterwards: 'restore' | 'begin anew'
}

export function storageOf(random: Seeded): StoragePlan {
  return {
    segmentBytes: random.pick([1, 4, 16, 256]) * 1024,
    snapshotBytes: random.pick([2, 8, 32, 256]) * 1024,
    reserveBytes: 128 * 1024,
    writeMs: random.between(0, 0.5),
    syncMs: random.pick([0.2, 2, 10]),
  }
}

export function damageOf(random: Seeded): Damage {
  return {
    deed: random.pick(['flip', 'flip', 'flip', 'truncate', 'remove']),
    file: random.fraction(),
    at: random.fraction(),
    afterwards: random.pick(['restore', 'restore', 'begin anew']),
  }
}
