// The matrix, and the floors that its cells are held against.

/**
 * `lessCpu`: the other's CPU per call divided by ours must be at least this. `cpu`, `p50`: ours divided by the other's must be at most this.
 * @typedef {{ lessCpu?: number, cpu?: number, p50?: number }} Floor
 * @typedef {{ name: string, says: string, callers: number, callees: number, inFlight: number, floors: Record<string, Floor> }} Cell
 */

/** @type {Cell[]} */
export const cells = [
  cell('1', 'one call at a time', { inFlight: 1 }, { 'raw-relay': { p50: 1.2 } }),
  cell('64', '64 in flight', { inFlight: 64 }, { 'raw-relay': { lessCpu: 2.5 }, 'bare-frames': { cpu: 1.6 } }),
  cell('1024', '1024 in flight', { inFlight: 1024 }, { 'raw-relay': { lessCpu: 3.5 }, 'bare-frames': { cpu: 2 } }),
  cell('64x8', '64 in flight, 8 callees', { inFlight: 64, callees: 8 }),
  cell('512x64', '512 in flight, 64 callees', { inFlight: 512, callees: 64 }),
  cell('64c', '64 callers, one call each', { inFlight: 64, callers: 64 }, { 'raw-relay': { lessCpu: 0.9 } }),
]

/** Cells of `--short`: one of each kind. */
export const shortCells = ['64', '64x8', '64c']

/** Calls spread over several callees against the same contender's calls to one: reported, no floor. */
export const spreads = [
  ['64x8', '64'],
  ['512x64', '1024'],
]

function cell(name, says, { callers = 1, callees = 1, inFlight }, floors = {}) {
  return { name, says, callers, callees, inFlight, floors }
}
