/** What both ends of a stream count alike. PROTOCOL.md shows the same numbers. */

export const streamConstants = {
  /** What the frames of a stream may cost beyond what its reader has taken. */
  windowBytes: 262_144,
  /** The least that a frame of an item costs, so that small items do not run ahead by thousands. */
  leastCost: 1024,
  /** Streams of one call, in each direction. */
  maxStreams: 256,
} as const

/** What a frame of an item takes of its stream's credit. `frameBytes`: the length in its header. */
export function itemCost(frameBytes: number): number {
  return Math.max(frameBytes, streamConstants.leastCost)
}

/** Added to the type of a stream's frame that goes toward the callee. */
export const TOWARD_CALLEE = 0x08
