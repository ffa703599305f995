import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'
import { LongestFirst } from './tests/longest-first.js'

/**
 * Most files share the modules of their worker: loading those anew for each took as long as the tests themselves. What measures memory or time,
 * registers names that others have too, prints what others may have registered, or leaves much behind stands apart and has a module graph of its own.
 */
const all = ['packages/*/test/**/*.test.ts', 'tests/**/*.test.ts']
const apart = [
  'packages/core/test/contract-errors.test.ts',
  'packages/server/test/topics.test.ts',
  'tests/planted/planted.test.ts',
  'tests/{bench,browser,bundle,fuzz-wire,rows-streams,security-bounds,simulation}.test.ts',
  'tests/{cli,panes}*.test.ts',
]

export default defineConfig({
  resolve: { conditions: ['@waybill/source'] },
  ssr: { resolve: { conditions: ['@waybill/source'], externalConditions: ['@waybill/source'] } },
  esbuild: { target: 'es2022' },
  test: {
    pool: 'forks',
    // One more than there are cores, as some of them wait for processes.
    maxWorkers: availableParallelism() + 1,
    execArgv: ['--disallow-code-generation-from-strings'],
    projects: [
      { extends: true, test: { name: 'together', include: all, exclude: [...configDefaults.exclude, ...apart], isolate: false } },
      { extends: true, test: { name: 'apart', include: apart } },
    ],
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A busy machine is no failure; what never comes still is.
    expect: { poll: { timeout: 20_000 } },
  },
})
