export { Garden, patchNames, run, type Plant, type Ran } from './plant.js'
export { Simulator } from './simulator.js'
export { readTable, type Planted } from './table.js'
