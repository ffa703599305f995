/**
 * Which invariants are needed: for each that finds a planted bug, whether one of them would be missed without it: `node
 * packages/testkit/dist/planted/needed.js [invariant …]`.
 */
import { Garden } from './plant.js'
import { Simulator } from './simulator.js'
import { readTable, type Planted } from './table.js'

/** Beyond the seed at which it is found, so that what finds it a little later counts too. */
const MORE_SEEDS = 20

const repository = process.cwd()
const table = await readTable(repository)
const wanted = process.argv.slice(2)
const garden = new Garden(repository)
const plants = await garden.plant(table.map(({ name }) => name))
const simulator = new Simulator(garden.whole)
for (const invariant of [...new Set(table.map((one) => one.invariant))].toSorted()) {
  if (wanted.length > 0 && !wanted.includes(invariant)) continue
  const its = table.filter((one) => one.invariant === invariant).toSorted((one, other) => one.seed - other.seed)
  let missed: string | undefined
  for (const one of its) {
    if (!(await isFoundWithout(one))) {
      missed = one.name
      break
    }
  }
  console.log(missed === undefined ? `${invariant}: nothing planted is missed without it` : `${invariant}: without it, ${missed} is missed`)
}
await simulator.end()
await garden.clear()

async function isFoundWithout({ name, invariant, world, seed }: Planted): Promise<boolean> {
  const plant = plants.get(name)!
  if ('refusal' in plant) throw new Error(`${name} does not apply: ${plant.refusal}`)
  const seeds = ['--from', '1', '--seeds', String(seed + MORE_SEEDS), '--world', world, '--without', invariant]
  return (await simulator.run(plant.script, seeds, 600_000)).code !== 0
}
