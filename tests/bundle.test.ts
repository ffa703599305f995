/** What a page downloads, minified by the bundler of the repository and compressed: no more than ARCHITECTURE.md says. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundled } from './fixtures/site.js'
import { Document, root } from './vectors/document.js'

const folder = `.tmp/bundle-${process.pid}`
const KIB = 1024

type Chunks = Awaited<ReturnType<typeof bundled>>

/** What a page imports, and which of the client's parts it loads later, by what it does. */
const pages = {
  'calls only': { code: "export { connect } from '@waybill/client'", loads: [] },
  'serves, streams, events': {
    code: "export { connect, currentCall, registerError, service, topic } from '@waybill/client'",
    loads: ['serving-in-page', 'events'],
  },
  'the same with decorators': {
    code: "export { connect, registerError, topic } from '@waybill/client'\nexport { currentCall, Method, Remote } from '@waybill/decorators'",
    loads: ['serving-in-page', 'events'],
  },
} satisfies Record<string, { readonly code: string; readonly loads: readonly string[] }>
type Name = keyof typeof pages

const bundles = new Map<Name, Chunks>()

beforeAll(async () => {
  await mkdir(new URL(folder, root), { recursive: true })
  for (const [index, [name, { code }]] of Object.entries(pages).entries()) {
    await writeFile(new URL(`${folder}/${index}.js`, root), code)
    bundles.set(name as Name, await bundled(`${folder}/${index}.js`))
  }
}, 60_000)

afterAll(() => rm(new URL(folder, root), { recursive: true, force: true }))

/** The chunks that the page loads at once, and those of the parts that it needs later. */
function loaded(name: Name): Chunks {
  const chunks = new Map(bundles.get(name)!.map((chunk) => [chunk.fileName, chunk]))
  const names = new Set([...chunks.values()].filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName))
  for (const one of names) {
    const { imports, dynamicImports } = chunks.get(one)!
    const later = dynamicImports.filter((file) => (pages[name].loads as readonly string[]).includes(file.replace('.js', '')))
    for (const next of [...imports, ...later]) names.add(next)
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

test('a page that calls only has nothing of what serves, streams, gathers, hears events or goes beyond plain JSON', () => {
  const parts = loaded('calls only').flatMap(({ dynamicImports }) => dynamicImports)
  expect([...parts].toSorted()).toEqual([
    'beyond.js',
    'events.js',
    'groups.js',
    'kept.js',
    'page2.js',
    'postbacks.js',
    'serving-in-page.js',
  ])
  const modules = loaded('calls only').flatMap((chunk) => Object.keys(chunk.modules).map((module) => module.replace(/.*\/packages\//, '')))
  const others =
    /client\/dist\/(?:serving|parcels|offers|incoming|running|answers|exposure|groups?|fan|events|subscription|postbacks|streams\/(?!promised)\w+)\.js|core\/dist\/body\/(?:beyond|lift|light|settle|guard|segments|kinds)\.js/
  expect(modules.filter((module) => others.test(module))).toEqual([])
})
