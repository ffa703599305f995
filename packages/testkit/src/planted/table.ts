/** The table of planted bugs in `tests/planted/README.md`: read by the test, written by the search. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WORLDS, type WorldName } from '../simulate/options.js'

export interface Planted {
  readonly name: string
  /** What is wrong, for people. */
  readonly what: string
  /** The invariant that is broken first. */
  readonly invariant: string
  /** Which of the worlds of a seed it breaks in. */
  readonly world: WorldName
  /** The first seed, from 1 on, that shows it. */
  readonly seed: number
}

export const HEAD = `| patch | what is wrong | found by | in | at seed |\n|---|---|---|---|---|`

export async function readTable(repository: string): Promise<Planted[]> {
  const text = await readFile(join(repository, 'tests', 'planted', 'README.md'), 'utf8')
  const rows = text.matchAll(/^\| `([a-z-]+)` \| (.+?) \| ([\w-]+) \| (\w+) \| (\d+) \|$/gm)
  return Array.from(rows, ([, name, what, invariant, its, seed]) => {
    const world = WORLDS.find((one) => one === its)
    if (world === undefined) throw new Error(`${name}: there is no world ${its}`)
    return { name: name!, what: what!, invariant: invariant!, world, seed: Number(seed) }
  })
}

export function writeRow({ name, what, invariant, world, seed }: Planted): string {
  return `| \`${name}\` | ${what} | ${invariant} | ${world} | ${seed} |`
}
