/** The packages as npm would publish them: their manifests and types are sound, they hold what they promise, and bundlers keep what acts. */
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageNames, rootPath, type PackageName } from './sources.js'

const run = promisify(execFile)
const out = join(rootPath, '.tmp', `packages-${process.pid}`)

interface Packed {
  readonly name: string
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

const packed = new Map<string, Packed>()
const published: PackageName[] = packageNames.filter((name) => name !== 'testkit')

beforeAll(async () => {
  await mkdir(out, { recursive: true })
  const spaces = published.flatMap((name) => ['--workspace', `@waybill/${name}`])
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', out, ...spaces], { cwd: rootPath })
  const answer = JSON.parse(stdout) as readonly Packed[] | Readonly<Record<string, Packed>>
  for (const one of Object.values(answer)) packed.set(one.name, one)
}, 120_000)

afterAll(() => rm(out, { recursive: true, force: true }))

describe.each(published)('@waybill/%s', (name) => {
  const tarball = (): Promise<Uint8Array> => readFile(join(out, packed.get(`@waybill/${name}`)!.filename))

  test('publint finds nothing', { timeout: 60_000 }, async () => {
    const { buffer } = Uint8Array.from(await tarball())
    const { messages } = await publint({ pack: { tarball: buffer }, strict: true })
    expect(messages).toEqual([])
  })

  test('its types resolve as its modules do', { timeout: 60_000 }, async () => {
    const result = await checkPackage(createPackageFromTarballData(await tarball()))
    if (!result.types) throw new Error('the package has no types')
    // The profile `esm-only`: what only CommonJS and the oldest resolution ask for is not ours.
    const problems = result.problems.filter(
      (problem) => !('resolutionKind' in problem) || !['node10', 'node16-cjs'].includes(problem.resolutionKind),
    )
    expect(problems).toEqual([])
    const { exports } = JSON.parse(await readFile(join(rootPath, 'packages', name, 'package.json'), 'utf8')) as {
      exports: Record<string, unknown>
    }
    expect(Object.keys(result.entrypoints).toSorted()).toEqual(Object.keys(exports).toSorted())
  })

  test('holds its sources, what is built from them, and nothing else', async () => {
    const paths = packed.get(`@waybill/${name}`)!.files.map(({ path }) => path)
    expect(paths.filter((path) => !/^(?:dist|src|bin)\/|^(?:package\.json|README\.md|LICENSE)$/.test(path))).toEqual([])
    expect(paths.filter((path) => /tsbuildinfo|\.test\./.test(path))).toEqual([])
    expect(await readFile(join(rootPath, 'packages', name, 'LICENSE'), 'utf8')).toBe(await readFile(join(rootPath, 'LICENSE'), 'utf8'))
    expect(paths).toContain('LICENSE')
    for (const path of paths)
      if (path.startsWith('src/') && path.endsWith('.ts')) expect(paths).toContain(path.replace(/^src/, 'dist').replace(/\.ts$/, '.js'))
    const manifest = JSON.parse(await readFile(join(rootPath, 'packages', name, 'package.json'), 'utf8')) as Record<string, unknown>
    expect(manifest).toMatchObject({
      license: 'MIT',
      type: 'module',
      engines: { node: '>=20.19' },
      description: expect.any(String) as string,
    })
    expect(manifest['private']).toBeUndefined()
  })
})

test('the testkit and the root are never published', async () => {
  for (const file of ['package.json', 'packages/testkit/package.json'])
    expect(JSON.parse(await readFile(join(rootPath, file), 'utf8'))).toMatchObject({ private: true })
})

describe('in a bundle', () => {
  async function bundle(name: string, code: string): Promise<string> {
    const entry = join(out, `${name}.mjs`)
    await writeFile(entry, code)
    await build({
      configFile: false,
      root: rootPath,
      logLevel: 'silent',
      build: {
        outDir: join(out, name),
        emptyOutDir: true,
        minify: false,
        ssr: entry,
        rollupOptions: { output: { entryFileNames: 'main.mjs' } },
      },
      ssr: { noExternal: true, target: 'node' },
    })
    return join(out, name, 'main.mjs')
  }

  test('a Date travels: what installs superjson is kept', async () => {
    const file = await bundle(
      'date',
      "import { parseBody, prepareBody, bodyBytes } from '@waybill/core'\nconst body = prepareBody([new Date(0)])\nconsole.log(parseBody(body.encoding, bodyBytes(body))[0].getTime())",
    )
    const { stdout } = await run(process.execPath, [file])
    expect(stdout.trim()).toBe('0')
  })

  test('currentCall() works after an await: what installs AsyncLocalStorage is kept', async () => {
    const file = await bundle('call', "import { connect } from '@waybill/client'\nconsole.log(typeof connect)")
    expect(await readFile(file, 'utf8')).toContain('new AsyncLocalStorage()')
  })
})
