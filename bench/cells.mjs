// The matrix, and the floors that its cells are held against.

/**
 * `lessCpu`: the other's CPU per call divided by ours must be at least this. `cpu`, `p50`: ours divided by the other's must be at most this.
 * @typedef {{ lessCpu?: number, cpu?: number, p50?: number }} Floor
 * @typedef {{ name: string, says: string, callers: number, callees: number, subscribers: number, oneWay: boolean, inFlight: number, bodyBytes: number, floors: Record<string, Floor> }} Cell
 *   with `subscribers`, events: each of them gets each of those that are in flight, and a call is one delivery; `oneWay`: nobody answers, and so many
 *   are sent in a turn of the loop; `bodyBytes`: the phrase has so many, 0 for some twenty
 */

/** @type {Cell[]} */
export const cells = [
  cell('1', 'one call at a time', { inFlight: 1 }, { 'raw-relay': { p50: 1.2 } }),
  cell('64', '64 in flight', { inFlight: 64 }, { 'raw-relay': { lessCpu: 2.5 }, 'bare-frames': { cpu: 1.6 } }),
  cell('1024', '1024 in flight', { inFlight: 1024 }, { 'raw-relay': { lessCpu: 3.5 }, 'bare-frames': { cpu: 2 } }),
  cell('64x8', '64 in flight, 8 callees', { inFlight: 64, callees: 8 }),
  cell('512x64', '512 in flight, 64 callees', { inFlight: 512, callees: 64 }),
  cell('64c', '64 callers, one call each', { inFlight: 64, callers: 64 }, { 'raw-relay': { lessCpu: 0.9 } }),
  cell('b16k', '16 in flight, 16 KiB each', { inFlight: 16, bodyBytes: 16 * 1024 }),
  cell('b1m', '4 in flight, 1 MiB each', { inFlight: 4, bodyBytes: 1024 * 1024 }),
  cell('o64', '64 a turn, one way', { inFlight: 64, oneWay: true }),
  cell('o1024', '1024 a turn, one way', { inFlight: 1024, oneWay: true }),
  cell('e100x1', 'one event at a time to 100', { inFlight: 1, subscribers: 100 }),
  cell('e100', '16 events in flight, each to 100', { inFlight: 16, subscribers: 100 }),
  cell('e1000', '16 events in flight, each to 1000', { inFlight: 16, subscribers: 1000 }),
]

/** Cells of `--short`: one of each kind. */
export const shortCells = ['64', '64x8', '64c', 'b16k', 'o64', 'e100']

/** Calls spread over several callees against the same contender's calls to one: reported, no floor. */
export const spreads = [
  ['64x8', '64'],
  ['512x64', '1024'],
]

function cell(name, says, { callers = 1, callees = 1, subscribers = 0, oneWay = false, inFlight, bodyBytes = 0 }, floors = {}) {
  return { name, says, callers, callees, subscribers, oneWay, inFlight, bodyBytes, floors }
}
