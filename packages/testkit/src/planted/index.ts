export { clear, patchNames, patchOf, plant, run, simulatePlanted, type Ran } from './plant.js'
export { readTable, type Planted } from './table.js'
