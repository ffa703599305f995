/** The price of `Remote<T>` in an editor, counted in type instantiations by the real tsc. What compiles: `remote-types.test-d.ts`. */
import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const folder = `${root}.tmp/remote-types-${process.pid}/`
const options =
  '--ignoreConfig --noEmit --extendedDiagnostics --strict --exactOptionalPropertyTypes --target es2022 --module nodenext --lib es2023,dom,dom.asynciterable,esnext.disposable,esnext.decorators --skipLibCheck --types'

afterAll(() => rm(folder, { recursive: true, force: true }))

const results = ['string', 'Promise<number>', 'AsyncGenerator<string>', 'Date', 'void', '{ a: number } | undefined']
const methods = Array.from({ length: 200 }, (_, n) => n)
const source = `import type { Remote } from '@waybill/core'
export declare class Big {
${methods.map((n) => `  m${n}(a${n}: string, b: number): ${results[n % results.length]}`).join('\n')}
}
declare const big: Remote<Big>
`

async function instantiations(name: string, uses: string): Promise<number> {
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}${name}.ts`, source + uses)
  const { stdout } = await promisify(execFile)(`${root}node_modules/.bin/tsc`, [...options.split(' '), '', `${folder}${name}.ts`], {
    cwd: root,
  })
  return Number(/Instantiations:\s+(\d+)/.exec(stdout)![1])
}

test('200 methods, one call: at most 5,000 instantiations', { timeout: 60_000 }, async () => {
  const count = await instantiations('few', "void big.m0('x', 1)\n")
  expect(count).toBeGreaterThan(100)
  expect(count).toBeLessThanOrEqual(5000)
})

test('200 methods, every semantics of each: at most 50,000 instantiations', { timeout: 60_000 }, async () => {
  const modes = [
    "('x', 1)",
    ".async('x', 1)",
    ".send('x', 1)",
    ".callback({}, 'x', 1)",
    ".all('x', 1)",
    ".prepare('x', 1)",
    ".with({})('x', 1)",
  ]
  const uses = methods.flatMap((n) => modes.map((mode) => `void big.m${n}${mode}`))
  const count = await instantiations('use', `${uses.join('\n')}\n`)
  expect(count).toBeGreaterThan(5000)
  expect(count).toBeLessThanOrEqual(50_000)
})
