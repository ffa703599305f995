/**
 * Finds the first seed that shows each planted bug, and prints the rows of the table: `node packages/testkit/dist/planted/main.js [name
 * …]`.
 */
import { clear, patchNames, patchOf, plant, simulatePlanted } from './plant.js'
import { readFile } from 'node:fs/promises'
import { HEAD, writeRow } from './table.js'

const MOST_SEEDS = 400
const AT_ONCE = 20

const repository = process.cwd()
const names = process.argv.length > 2 ? process.argv.slice(2) : await patchNames(repository)
console.log(HEAD)
for (const name of names) console.log(await search(name))
await clear()

async function search(name: string): Promise<string> {
  const root = await plant(repository, name)
  // What precedes the diff says what is wrong.
  const [what = ''] = (await readFile(patchOf(repository, name), 'utf8')).split('\n')
  for (let from = 1; from < MOST_SEEDS; from += AT_ONCE) {
    const { code, output } = await simulatePlanted(root, ['--from', String(from), '--seeds', String(AT_ONCE)])
    const found = /^seed (\d+) \(\w+\) breaks ([\w-]+)/m.exec(output)
    if (found !== null) return writeRow({ name, what, invariant: found[2]!, seed: Number(found[1]) })
    if (code !== 0) return `${name}: exit ${code}: ${output.slice(-500)}`
  }
  process.exitCode = 1
  return `${name}: not found in ${MOST_SEEDS} seeds`
}
