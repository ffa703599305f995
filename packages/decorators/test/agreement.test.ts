/** Schemas against signatures: each line of the fixtures that must not compile says so, and an unused `@ts-expect-error` is an error. */
import { expect, test } from 'vitest'
import { compile, modes, type Mode } from './compile.js'

for (const mode of Object.keys(modes) as Mode[]) {
  test(`schemas and signatures agree or do not compile: ${mode}`, { timeout: 60_000 }, async () => {
    expect(await compile('agreement.ts', mode)).toEqual({ ok: true, output: '' })
  })
}

test('standard mode refuses static and #private', { timeout: 60_000 }, async () => {
  expect(await compile('standard-only.ts', 'standard')).toEqual({ ok: true, output: '' })
})
