/**
 * Whether more fits. Asks the disk now and then, and reckons in between with what was written; always leaves a reserve for records that must not fail.
 * An answer may be a little old: the reserve is what covers that.
 */
import type { Disk } from './disk.js'

/** How much is written before the disk is asked again, as a share of the reserve. */
const SHARE = 1 / 16

export interface SpaceOptions {
  readonly reserveBytes: number
  readonly maxBytes: number
}

export class Space {
  /** Unknown until it was asked for. */
  #freeBytes = Number.POSITIVE_INFINITY
  #sinceBytes = 0
  #asking: Promise<void> | undefined

  constructor(
    private readonly disk: Disk,
    private readonly options: SpaceOptions,
  ) {}

  /** `usedBytes` of the store are taken; `pendingBytes` of them the disk does not know of yet. */
  has(bytes: number, usedBytes: number, pendingBytes: number): boolean {
    return usedBytes + bytes <= this.options.maxBytes && this.leavesReserve(bytes, pendingBytes)
  }

  /** The same of the disk alone. */
  leavesReserve(bytes: number, pendingBytes: number): boolean {
    const { reserveBytes } = this.options
    const hasRoom = this.#freeBytes - this.#sinceBytes - pendingBytes - bytes >= reserveBytes
    // Somebody else may have made room meanwhile.
    if (!hasRoom) void this.ask()
    return hasRoom
  }

  written(bytes: number): void {
    this.#sinceBytes += bytes
    if (this.#sinceBytes >= this.options.reserveBytes * SHARE) void this.ask()
  }

  /** Resolves when the answer is there; to one question there is one answer, whoever asks meanwhile. */
  ask(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined))
    return this.#asking
  }

  async #ask(): Promise<void> {
    const before = this.#sinceBytes
    try {
      this.#freeBytes = await this.disk.freeBytes()
      this.#sinceBytes -= before
    } catch {
      // As before: a disk that cannot say so will say no when it is written to.
    }
  }
}
