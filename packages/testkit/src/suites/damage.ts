/** Many mutations of many stores, and a table of what came of them. */
import { Seeded } from '../random.js'
import { ENDS, KINDS, mutate, OUTCOMES, richStore, type Mutated, type Outcome } from './mutations.js'

export interface Damage {
  /** How often what came of it, by end, kind and file. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<Outcome, number>>
  readonly total: ReadonlyMap<Outcome, number>
  /** Those that a store must not let pass. */
  readonly lost: readonly Mutated[]
}

/** Mutations of one store each: making one takes longer than many of them. */
const PER_STORE = 120

export async function damage(mutations: number, from = 1): Promise<Damage> {
  const rows = new Map<string, Map<Outcome, number>>()
  const total = new Map<Outcome, number>()
  const lost: Mutated[] = []
  for (let done = 0, seed = from; done < mutations; seed++) {
    const store = await richStore(seed, ENDS[seed % ENDS.length]!)
    const random = new Seeded(seed).fork('mutations')
    for (let one = 0; one < PER_STORE && done < mutations; one++, done++) {
      const mutated = await mutate(store, random, KINDS[one % KINDS.length]!)
      const key = `${store.end.padEnd(6)}  ${mutated.kind.padEnd(4)}  ${mutated.file.replace(/^\d+\./, '')}`
      const row = rows.get(key) ?? new Map<Outcome, number>()
      rows.set(key, row.set(mutated.outcome, (row.get(mutated.outcome) ?? 0) + 1))
      total.set(mutated.outcome, (total.get(mutated.outcome) ?? 0) + 1)
      if (mutated.outcome === 'lost') lost.push({ ...mutated, story: `seed ${seed}, number ${one}: ${mutated.story}` })
    }
  }
  return { rows, total, lost }
}

export function tableOf({ rows, total }: Damage): string {
  const line = (name: string, counts: ReadonlyMap<Outcome, number>): string =>
    `${name.padEnd(24)}${OUTCOMES.map((outcome) => String(counts.get(outcome) ?? '').padStart(outcome.length + 2)).join('')}`
  return [
    `${'end     what  file'.padEnd(24)}${OUTCOMES.map((outcome) => `  ${outcome}`).join('')}`,
    ...[...rows].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([name, counts]) => line(name, counts)),
    line('all', total),
  ].join('\n')
}
