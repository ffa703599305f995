import { configDefaults, defineConfig } from 'vitest/config'

/**
 * Files that share the modules of their worker: loading those anew for each took as long as the tests themselves. What starts processes, measures
 * memory or time, or registers names that others have too, stands apart and has a module graph of its own.
 */
const together = [
  'packages/*/test/**/*.test.ts',
  'tests/{calls,callee,events,groups,hostile,json,streams,stored,receipts}*.test.ts',
  'tests/{rows,rows-004,rows-semantics}.test.ts',
  'tests/{cut,cut-superseded,connect,instances,observing,protocol,tracing}.test.ts',
  'tests/security-{data,exceptions,identity,postback}.test.ts',
]
const apart = ['packages/core/test/contract-errors.test.ts', 'packages/server/test/topics.test.ts']

export default defineConfig({
  resolve: { conditions: ['@waybill/source'] },
  ssr: { resolve: { conditions: ['@waybill/source'], externalConditions: ['@waybill/source'] } },
  esbuild: { target: 'es2022' },
  test: {
    pool: 'forks',
    execArgv: ['--disallow-code-generation-from-strings'],
    projects: [
      { extends: true, test: { name: 'together', include: together, exclude: [...configDefaults.exclude, ...apart], isolate: false } },
      {
        extends: true,
        test: { name: 'apart', include: ['tests/**/*.test.ts', ...apart], exclude: [...configDefaults.exclude, ...together.slice(1)] },
      },
    ],
    testTimeout: 60_000,
    // A busy machine is no failure; what never comes still is.
    expect: { poll: { timeout: 20_000 } },
  },
})
