/** The structure that ARCHITECTURE.md promises, read from the sources themselves. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  allSources,
  exportsOf,
  packageNames,
  rootPath,
  sourcesOf,
  withoutWords,
  type PackageName,
  type Source,
} from './packages/sources.js'
import { Document } from './vectors/document.js'

const architecture = new Document('ARCHITECTURE.md')
const sources = allSources()
const rootManifest = JSON.parse(readFileSync(join(rootPath, 'package.json'), 'utf8')) as {
  devDependencies: Readonly<Record<string, string>>
}
/** Those whose files stand in rows. */
const layered = ['core', 'client', 'server', 'decorators', 'trpc', 'plugins'] as const
const linesOf = (text: string): number => text.split('\n').length - 1

/** `path: what` for every match in code, not in comments or strings. */
function findings(pattern: RegExp, from: readonly Source[] = sources): string[] {
  return from.flatMap(({ path, code }) => Array.from(code.matchAll(pattern), (match) => `${path}: ${match[0].trim()}`))
}

describe('layers', () => {
  test('the packages import only what ARCHITECTURE.md allows', () => {
    const allowed = Object.fromEntries(
      architecture.table('packages').map((row) => [row['package'], (row['imports of ours'] ?? '').split(' ').filter(Boolean)]),
    )
    expect(Object.keys(allowed).toSorted()).toEqual(packageNames.map((name) => `@waybill/${name}`).toSorted())
    for (const { path, package: name, imports } of sources) {
      for (const { specifier } of imports) {
        if (!specifier.startsWith('@waybill/')) continue
        const [scope, target] = specifier.split('/')
        expect(allowed[`@waybill/${name}`], `${path} imports ${specifier}`).toContain(`${scope}/${target}`)
      }
    }
  })

  test('what is imported is declared, and what is declared is imported', () => {
    for (const name of packageNames) {
      const manifest = manifestOf(name)
      const used = new Set(
        sourcesOf(name)
          .flatMap(({ imports }) => imports.map(({ specifier }) => specifier))
          .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
          .map((specifier) =>
            specifier
              .split('/')
              .slice(0, specifier.startsWith('@') ? 2 : 1)
              .join('/'),
          ),
      )
      // The testkit is private and may use the tools of the repository.
      if (name === 'testkit') for (const tool of Object.keys(rootManifest.devDependencies)) used.delete(tool)
      expect(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).toSorted(), name).toEqual([...used].toSorted())
    }
  })

  test('core knows no Node and no ports of the system', () => {
    const core = sourcesOf('core')
    expect(
      core.flatMap(({ path, imports }) =>
        imports.filter(({ specifier }) => specifier.startsWith('node:')).map(({ specifier }) => `${path}: ${specifier}`),
      ),
    ).toEqual([])
    expect(core.filter(({ imports }) => imports.some(({ file }) => file === 'ports/system.ts')).map(({ path }) => path)).toEqual([])
  })

  test('only the named files know Node', () => {
    const named = new Set(architecture.table('node').map((row) => row['file']))
    const found = new Set(
      sources
        .filter(
          ({ package: name, imports }) =>
            ['client', 'server', 'trpc'].includes(name) && imports.some(({ specifier }) => /^node:|^ws$/.test(specifier)),
        )
        .map(({ path }) => path),
    )
    expect([...found].toSorted()).toEqual([...named].toSorted())
  })

  test.each(layered)('rows of %s: a file imports only from rows below its own', (name) => {
    const rows = architecture.table(`rows ${name}`).map((row) => row['holds']!.split(' '))
    const rowOf = new Map(rows.flatMap((units, row) => units.map((unit) => [unit, rows.length - row] as const)))
    const unitOf = (file: string): string => {
      const unit = [file, file.replace(/\.ts$/, ''), file.split('/')[0]!].find((one) => rowOf.has(one))
      if (unit === undefined) throw new Error(`${name}/src/${file} has no row in ARCHITECTURE.md`)
      return unit
    }
    const files = sourcesOf(name)
    expect(new Set(files.map((file) => unitOf(file.name)))).toEqual(new Set(rowOf.keys()))
    const wrong = files.flatMap(({ name: from, imports }) =>
      imports.flatMap(({ file: to }) => {
        if (to === undefined || unitOf(from) === unitOf(to)) return []
        return rowOf.get(unitOf(to))! < rowOf.get(unitOf(from))! ? [] : [`${from} imports ${to}`]
      }),
    )
    expect(wrong).toEqual([])
  })

  test.each(packageNames)('%s has no cycle of imports, types included', (name) => {
    expect(cyclesOf(sourcesOf(name))).toEqual([])
  })

  test('the command loads client and server where it needs them, and neither they nor the core for its help', () => {
    const cli = new Map(sourcesOf('cli').map((source) => [source.name, source]))
    const loads = /^import (?!type )[^']*'(@waybill\/(?:client|plugins|server))'/gm
    expect([...cli.values()].flatMap(({ path, text }) => Array.from(text.matchAll(loads), ([, what]) => `${path}: ${what}`))).toEqual([])
    const seen = new Set(['main.ts'])
    for (const name of seen) {
      const { text, imports } = cli.get(name)!
      for (const { specifier, file, typeOnly } of imports) {
        if (typeOnly || text.includes(`import('${specifier}')`)) continue
        expect(specifier, `${name} is loaded for the help`).not.toMatch(/^@waybill/)
        if (file !== undefined) seen.add(file)
      }
    }
    expect(seen).toContain('program.ts')
    expect([...seen].filter((name) => name.startsWith('verbs/'))).toEqual([])
  })

  test('gateways know the entrance and not the router', () => {
    const gateways = sourcesOf('server').filter((source) => source.name.startsWith('gateways/'))
    expect(gateways.length).toBeGreaterThan(0)
    for (const { name, imports } of gateways) {
      for (const { file } of imports)
        if (file !== undefined) expect(`${name} imports ${file}`).toMatch(/imports (gateways\/[\w-]+|entrance)\.ts$/)
    }
  })
})

describe('determinism', () => {
  const clocks =
    /\b(?:Date\.now|new Date\(\)|Math\.random|performance\.now|process\.hrtime|setTimeout|setInterval|setImmediate|process\.nextTick|queueMicrotask|getRandomValues|randomBytes|randomUUID|randomInt|AbortSignal\.timeout)\b/g

  test('time and chance only in the shells', () => {
    const shells = new Set(architecture.table('shells').map((row) => row['file']))
    const found = new Set(sources.filter(({ code }) => code.search(clocks) >= 0).map(({ path }) => path))
    expect([...found].toSorted()).toEqual([...shells].toSorted())
  })

  test('nothing makes code from text', () => {
    expect(findings(/\b(?:eval\(|new Function\()/g)).toEqual([])
  })
})

describe('types', () => {
  test('any stands only where it is explained', () => {
    // In what the compiler emits for users, so that an inferred one counts too.
    const declarations = sources.map((source) => {
      const { path } = source
      const text = readFileSync(join(rootPath, 'packages', path.replace('/src/', '/dist/').replace(/\.ts$/, '.d.ts')), 'utf8')
      return { ...source, code: withoutWords(text) }
    })
    expect(findings(/\bany\b/g, declarations)).toEqual(Array.from({ length: 3 }, () => 'decorators/src/types.ts: any'))
  })

  test('no suppression without a reason', () => {
    expect(
      sources.flatMap(({ path, text }) =>
        Array.from(text.matchAll(/@ts-\w+.*|oxlint-disable(?!.*--).*/g), (match) => `${path}: ${match[0]}`),
      ),
    ).toEqual([])
  })
})

describe('words and sizes', () => {
  const forbidden = /^(?:manager|handler|util|utils|helper|helpers|common|base|impl|misc|stuff)$/i
  const words = (name: string): string[] =>
    name
      .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
      .split(/[^A-Za-z0-9]+/)
      .filter(Boolean)

  test('forbidden words in names of files', () => {
    expect(
      sources.filter(({ name }) => words(name.replace(/\.ts$/, '')).some((word) => forbidden.test(word))).map(({ path }) => path),
    ).toEqual([])
  })

  test('forbidden words in exported names', () => {
    const names = sources.flatMap(({ path, code }) =>
      Array.from(code.matchAll(/^export (?:abstract )?(?:const|function|class|interface|type) (\w+)/gm), (match) => `${path}: ${match[1]}`),
    )
    expect(names.length).toBeGreaterThan(200)
    expect(
      names.filter((found) => words(found.split(': ')[1]!).some((word) => forbidden.test(word)) || /: (?:data|messages?)$/i.test(found)),
    ).toEqual([])
  })

  test('no file has more than 400 lines', () => {
    expect(sources.filter(({ text }) => linesOf(text) > 400).map(({ path, text }) => `${path}: ${linesOf(text)}`)).toEqual([])
  })

  test('a file opens with what it owns, but for doors', () => {
    const silent = sources.filter(
      ({ name, text }) =>
        !name.endsWith('index.ts') && linesOf(text) > 12 && !/^(?:import[^\n]*\n)?\/\*\*|^\/\*\*|^(?:import [\s\S]*?\n\n)\/\*\*/.test(text),
    )
    expect(silent.map(({ path }) => path)).toEqual([])
  })
})

describe('doors', () => {
  test.each(packageNames)('the exports of %s are the committed ones', async (name) => {
    await expect(`${exportsOf(name).join('\n')}\n`).toMatchFileSnapshot(`packages/${name}.exports.txt`)
  })

  test('what the sources export by name is what the module has', async () => {
    for (const name of layered) {
      const values = exportsOf(name).filter((one) => !one.startsWith('type '))
      expect(Object.keys((await import(`@waybill/${name}`)) as object).toSorted(), name).toEqual(values)
    }
  })

  test('every exported subpath has its source, its types and its module', () => {
    for (const name of packageNames) {
      const targets = JSON.stringify(manifestOf(name).exports).match(/\.\/(?:src|dist)\/[^"]+/g)!
      for (const target of targets) expect(() => readFileSync(join(rootPath, 'packages', name, target)), `${name}: ${target}`).not.toThrow()
    }
  })
})

describe('the repository speaks of Waybill alone', () => {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: rootPath, encoding: 'utf8' })
    .split('\0')
    .filter(Boolean)
  const texts = files.filter(
    (file) => /\.(?:ts|mjs|js|json|md|txt|yml)$|^\.ci\/|^\.npmrc$|^LICENSE$/.test(file) && file !== 'tests/structure.test.ts',
  )

  test('no paths of a machine, no pages from elsewhere', () => {
    const foreign =
      /(?<![\w.])\/(?:work|root|home(?!\/secret)|tmp|Users)\/[a-z]|\b(?:seed|document) 00\d|\b(?:wire|delivery|house|product|decisions|security|api-types)\.md\b|security row/gi
    const found = texts.flatMap((file) => {
      let text: string
      try {
        text = readFileSync(join(rootPath, file), 'utf8')
      } catch {
        return []
      }
      return Array.from(text.matchAll(foreign), (match) => `${file}: ${match[0]}`)
    })
    expect(found).toEqual([])
  })

  test('the lock file names no host', () => {
    const lock = readFileSync(join(rootPath, 'package-lock.json'), 'utf8')
    expect(lock.match(/"resolved": "(?!packages\/)[^"]*"/g)).toBeNull()
    expect(lock.match(/https?:\/\/(?!(?:opencollective\.com|github\.com|\w+\.\w+)[^"]*")[^"]*"/g)).toBeNull()
    expect(readFileSync(join(rootPath, '.npmrc'), 'utf8')).toContain('omit-lockfile-registry-resolved=true')
  })
})

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly exports: unknown
  readonly sideEffects: false | readonly string[]
}

function manifestOf(name: PackageName): Manifest {
  return JSON.parse(readFileSync(join(rootPath, 'packages', name, 'package.json'), 'utf8')) as Manifest
}

/** Each cycle once, as `a > b > a`. */
function cyclesOf(files: readonly Source[]): string[] {
  const imports = new Map(files.map(({ name, imports: of }) => [name, of.flatMap(({ file }) => (file === undefined ? [] : [file]))]))
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' > '))
      return
    }
    if (done.has(file)) return
    for (const next of imports.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of imports.keys()) visit(file, [])
  return cycles
}
