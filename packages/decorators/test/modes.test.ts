/** The decorators on what tsc really emits, in each mode, run by node against the built packages. */
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { compile, modes, outDirOf, run, type Mode } from './compile.js'

afterAll(() => rm(dirname(outDirOf('standard')), { recursive: true, force: true }))

const same = {
  bare: { name: 'Bare', version: '0.0.0', names: ['bark'], instance: ['bark'] },
  called: { name: 'Called', names: ['bark', 'own'] },
  termed: {
    name: 'zoo.Dog',
    version: '1.2.0',
    labels: { region: 'eu' },
    names: ['bare', 'called', 'wrapped'],
    instance: ['bare', 'called', 'wrapped'],
  },
  wrapped: { idempotent: true, timeoutMs: 5000, result: 'wrapped result' },
  replaced: { name: 'Replaced', names: ['bark'], instance: ['bark'] },
  plain: 'NotExposed',
  static: 'NotExposed',
}

const unchecked = Object.fromEntries(
  ['allRight', 'allMissing', 'allWrong', 'bigint', 'optional', 'loose', 'literal', 'restRight', 'restNone', 'restWrong']
    .concat('defaulted', 'defaultedLater', 'wrapped', 'schemaRight')
    .map((name) => [name, 'ok']),
)
const bySchema = { schemaWrong: [1], schemaMore: [2] }
const byDesign = { allWrong: [1], bigint: [3], optional: [4], literal: [6], restWrong: [0], defaulted: [0], wrapped: [0] }

const json = (type: string) => ({ $schema: 'https://json-schema.org/draft/2020-12/schema', type })

const described = (metadata: boolean): unknown => [
  ['all', metadata ? ['string', 'number', 'boolean', 'bigint', 'number'] : null],
  ['loose', metadata ? ['unknown', 'unknown', 'unknown', 'unknown', 'unknown', 'unknown', 'string', 'unknown'] : null],
  ['rest', metadata ? ['string'] : null],
  ['defaulted', metadata ? ['string'] : null],
  ['wrapped', metadata ? ['string'] : null],
  ['schema', [json('string'), json('number')]],
]

for (const mode of Object.keys(modes) as Mode[]) {
  test(`one source, the same contract: ${mode}`, { timeout: 60_000 }, async () => {
    const outDir = outDirOf(mode)
    expect(await compile('kennel.ts', mode, outDir)).toEqual({ ok: true, output: '' })
    const ran = await run(process.execPath, ['--disallow-code-generation-from-strings', `${outDir}/kennel.js`])
    expect(ran.ok, ran.output).toBe(true)
    const metadata = mode === 'legacy-metadata'
    expect(JSON.parse(ran.output)).toEqual({
      ...same,
      checks: { ...unchecked, ...bySchema, ...(metadata && byDesign) },
      described: described(metadata),
    })
  })
}
