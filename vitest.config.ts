import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'
import { LongestFirst } from './tests/longest-first.js'

/**
 * Most files share the modules of their worker: loading those anew for each took as long as the tests themselves. What measures memory or
 * time here, registers names that others have too, or leaves much behind stands apart and has a module graph of its own.
 */
const all = ['packages/*/test/**/*.test.ts', 'tests/**/*.test.ts']
const apart = [
  'packages/core/test/contract-errors.test.ts',
  'packages/server/test/topics.test.ts',
  'tests/{fuzz-wire,rows-streams,security-bounds}.test.ts',
]

export default defineConfig({
  resolve: { conditions: ['@waybill/source'] },
  ssr: { resolve: { conditions: ['@waybill/source'], externalConditions: ['@waybill/source'] } },
  esbuild: { target: 'es2022' },
  test: {
    pool: 'forks',
    // Two more than there are cores, as some of them wait for processes.
    maxWorkers: availableParallelism() + 2,
    // Each core has a worker to run: threads that help one to collect garbage take from another.
    execArgv: ['--disallow-code-generation-from-strings', '--single-threaded-gc'],
    projects: [
      { extends: true, test: { name: 'together', include: all, exclude: [...configDefaults.exclude, ...apart], isolate: false } },
      { extends: true, test: { name: 'apart', include: apart } },
    ],
    sequence: { sequencer: LongestFirst },
    globalSetup: ['tests/own-folder.ts'],
    setupFiles: ['tests/setup.ts'],
    // What is printed by a test that fails; incidents that others provoke are many.
    silent: 'passed-only',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A busy machine is no failure; what never comes still is.
    expect: { poll: { timeout: 20_000 } },
  },
})
