/** The table of planted bugs in `tests/planted/README.md`: read by the test, written by the search. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Planted {
  readonly name: string
  /** What is wrong, for people. */
  readonly what: string
  /** The invariant that is broken first. */
  readonly invariant: string
  /** The first seed, from 1 on, that shows it. */
  readonly seed: number
}

export const HEAD = `| patch | what is wrong | found by | at seed |\n|---|---|---|---|`

export async function readTable(repository: string): Promise<Planted[]> {
  const text = await readFile(join(repository, 'tests', 'planted', 'README.md'), 'utf8')
  const rows = text.matchAll(/^\| `([a-z-]+)` \| (.+?) \| ([\w-]+) \| (\d+) \|$/gm)
  return [...rows].map(([, name, what, invariant, seed]) => ({ name: name!, what: what!, invariant: invariant!, seed: Number(seed) }))
}

export function writeRow({ name, what, invariant, seed }: Planted): string {
  return `| \`${name}\` | ${what} | ${invariant} | ${seed} |`
}
