/** What a page downloads, minified by the bundler of the repository and compressed: no more than ARCHITECTURE.md says. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundled } from './fixtures/site.js'
import { Document, root } from './vectors/document.js'

const folder = `.tmp/bundle-${process.pid}`
const KIB = 1024

type Chunks = Awaited<ReturnType<typeof bundled>>

const pages = {
  'calls only': "export { connect } from '@waybill/client'",
  'serves, streams, events': "export { connect, currentCall, registerError, service, topic } from '@waybill/client'",
  'the same with decorators':
    "export { connect, registerError, topic } from '@waybill/client'\nexport { currentCall, Method, Remote } from '@waybill/decorators'",
}
type Name = keyof typeof pages

const bundles = new Map<Name, Chunks>()

beforeAll(async () => {
  await mkdir(new URL(folder, root), { recursive: true })
  for (const [index, [name, code]] of Object.entries(pages).entries()) {
    await writeFile(new URL(`${folder}/${index}.js`, root), code)
    bundles.set(name as Name, await bundled(`${folder}/${index}.js`))
  }
}, 60_000)

afterAll(() => rm(new URL(folder, root), { recursive: true, force: true }))

/** The chunks that the page loads at once, and those that it loads where it offers something. */
function loaded(name: Name): Chunks {
  const chunks = new Map(bundles.get(name)!.map((chunk) => [chunk.fileName, chunk]))
  const names = new Set([...chunks.values()].filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName))
  for (const one of names) {
    const { imports, dynamicImports } = chunks.get(one)!
    for (const next of [...imports, ...(name === 'calls only' ? [] : dynamicImports)]) names.add(next)
  }
  return [...names].map((one) => chunks.get(one)!)
}

function sizeOf(chunks: Chunks): number {
  return chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).byteLength, 0)
}

describe.each(new Document('ARCHITECTURE.md').table('bundles'))('a page that $page', (row) => {
  const name = row['page'] as Name

  test('is no larger than it says', () => {
    const kib = sizeOf(loaded(name)) / KIB
    const said = Number.parseFloat(row['gzip']!.replaceAll('*', ''))
    console.log(`a page that ${name}: ${kib.toFixed(1)} KiB gzip; floor ${row['floor']}`)
    expect(kib).toBeLessThanOrEqual(said)
    // What became smaller is written down, so that it stays so.
    expect(kib).toBeGreaterThan(said - 0.5)
    const floor = Number.parseFloat(row['floor']!.replace('≤', ''))
    expect(row['gzip']!.startsWith('**'), 'what is bold is a floor that is missed').toBe(said > floor)
  })

  test('has nothing of Node, no superjson, and makes no code from text', () => {
    const chunks = bundles.get(name)!
    const modules = chunks.flatMap((chunk) => Object.keys(chunk.modules))
    expect(modules.length).toBeGreaterThan(50)
    expect(
      modules.filter((module) => /superjson|\/ws\/|semver|isolate\/|sigterm|async_hooks|__vite-browser-external/.test(module)),
    ).toEqual([])
    for (const { code } of chunks) expect(code).not.toMatch(/["'`]node:|\beval\(|new Function\(/)
  })
})

test('a page that calls only has nothing of what serves', () => {
  const modules = loaded('calls only').flatMap((chunk) => Object.keys(chunk.modules).map((module) => module.replace(/.*\/packages\//, '')))
  expect(modules.filter((module) => /client\/dist\/(?:serving|offers|incoming|running|answers|exposure)/.test(module))).toEqual([])
})
