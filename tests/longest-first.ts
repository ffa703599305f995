/**
 * In which order files of tests begin: those that take longest first, so that none of them is still running alone when all others are done. The runner knows
 * by itself how long each took the last time, and a fresh clone has no last time.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The longest first. */
const longest = [
  'faults/harness',
  'simulation',
  'bench',
  'browser',
  'planted/planted',
  'faults/sync-oracle',
  'examples',
  'acceptance',
  'events-store',
  'process',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const place = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(`/tests/${name}.test.ts`))
      return at < 0 ? longest.length : at
    }
    return sorted.toSorted((one, other) => place(one) - place(other))
  }
}
