import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['@waybill/source'] },
  ssr: { resolve: { conditions: ['@waybill/source'], externalConditions: ['@waybill/source'] } },
  esbuild: { target: 'es2022' },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tests/**/*.test.ts'],
    pool: 'forks',
    execArgv: ['--disallow-code-generation-from-strings'],
    testTimeout: 60_000,
    // A busy machine is no failure; what never comes still is.
    expect: { poll: { timeout: 20_000 } },
  },
})
