/**
 * Finds the first seed that shows each planted bug, and prints the rows of the table: `node packages/testkit/dist/planted/main.js [--world W] [name
 * …]`.
 */
import { readFile } from 'node:fs/promises'
import { WORLDS } from '../simulate/options.js'
import { Garden, patchNames, patchOf } from './plant.js'
import { Simulator } from './simulator.js'
import { HEAD, writeRow } from './table.js'

const MOST_SEEDS = 700
const AT_ONCE = 20

const repository = process.cwd()
const args = process.argv.slice(2)
const only = args[0] === '--world' ? args.splice(0, 2) : []
const names = args.length > 0 ? args : await patchNames(repository)
const garden = new Garden(repository)
const plants = await garden.plant(names)
const simulator = new Simulator(garden.whole)
console.log(HEAD)
for (const name of names) console.log(await search(name))
await simulator.end()
await garden.clear()

async function search(name: string): Promise<string> {
  const plant = plants.get(name)!
  if ('refusal' in plant) return failed(`${name} does not apply: ${plant.refusal}`)
  // What precedes the diff says what is wrong.
  const [what = ''] = (await readFile(patchOf(repository, name), 'utf8')).split('\n')
  for (let from = 1; from < MOST_SEEDS; from += AT_ONCE) {
    const { code, output } = await simulator.run(plant.script, ['--from', String(from), '--seeds', String(AT_ONCE), ...only], 300_000)
    const found = /^seed (\d+) \(\w+\) breaks ([\w-]+).*\n +\S+ +(gathering: |streams: |stored: )?/m.exec(output)
    if (found !== null) {
      const world = WORLDS.find((one) => found[3] === `${one}: `) ?? 'calls'
      return writeRow({ name, what, invariant: found[2]!, world, seed: Number(found[1]) })
    }
    if (code !== 0) return failed(`${name}: exit ${code}: ${output.slice(-500)}`)
  }
  return failed(`${name}: not found in ${MOST_SEEDS} seeds`)
}

function failed(why: string): string {
  process.exitCode = 1
  return why
}
