/** The sources of the packages as text: files, imports, and what each door lets out. Knows no rule. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const rootPath = fileURLToPath(new URL('../../', import.meta.url))

export const packageNames = ['core', 'client', 'server', 'decorators', 'trpc', 'plugins', 'cli', 'testkit'] as const
export type PackageName = (typeof packageNames)[number]

export interface Source {
  /** From `packages/`, such as `core/src/wire/header.ts`. */
  readonly path: string
  readonly package: PackageName
  /** From `src/`. */
  readonly name: string
  readonly text: string
  /** Without comments and without the content of strings. */
  readonly code: string
  readonly imports: readonly Import[]
}

export interface Import {
  readonly specifier: string
  /** The file of the same package, from `src/`. */
  readonly file: string | undefined
  readonly typeOnly: boolean
}

export function sourcesOf(name: PackageName): readonly Source[] {
  const src = join(rootPath, 'packages', name, 'src')
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .toSorted()
    .map((file) => {
      const text = readFileSync(join(src, file), 'utf8')
      return {
        path: join(name, 'src', file),
        package: name,
        name: file,
        text,
        code: withoutWords(text),
        imports: importsOf(text, src, file),
      }
    })
}

export function allSources(): readonly Source[] {
  return packageNames.flatMap(sourcesOf)
}

function importsOf(text: string, src: string, file: string): readonly Import[] {
  const found = text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)
  const dynamic = text.matchAll(/\bimport\(\s*'([^']+)'/g)
  return [
    ...Array.from(found, ([, type, specifier]) => ({ specifier: specifier!, typeOnly: type !== undefined })),
    ...Array.from(dynamic, ([, specifier]) => ({ specifier: specifier!, typeOnly: false })),
  ].map(({ specifier, typeOnly }) => ({
    specifier,
    typeOnly,
    file: specifier.startsWith('.') ? relative(src, join(src, dirname(file), specifier)).replace(/\.js$/, '.ts') : undefined,
  }))
}

/** Blanks comments, strings and the fixed parts of templates; regular expressions stay. */
export function withoutWords(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\$]|\\.|\$(?!\{))*`/g, (match) =>
    match.replaceAll(/[^\n]/g, ' '),
  )
}

/** What the file lets out: `name` for a value, `type name` for a type; followed through `export *` and re-exports. */
export function exportsOf(name: PackageName, file = 'index.ts'): readonly string[] {
  const sources = new Map(sourcesOf(name).map((source) => [source.name, source]))
  const collect = (at: string): string[] => {
    const { text, imports } = sources.get(at)!
    const plain = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    const stars = Array.from(
      plain.matchAll(/^export \* from '([^']+)'/gm),
      ([, specifier]) => imports.find((one) => one.specifier === specifier)!.file!,
    )
    const lists = Array.from(plain.matchAll(/^export (type )?\{([^}]*)\}/gm), ([, type, list]) =>
      list!
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
        .map((item) => {
          const isType = type !== undefined || item.startsWith('type ')
          const outer = item
            .replace(/^type /, '')
            .split(' as ')
            .at(-1)!
            .trim()
          return isType ? `type ${outer}` : outer
        }),
    ).flat()
    const own = Array.from(
      plain.matchAll(/^export (?:declare )?(?:abstract )?(const|let|function\*?|async function|class|interface|type|enum) (\w+)/gm),
      ([, kind, identifier]) => (kind === 'interface' || kind === 'type' ? `type ${identifier}` : identifier!),
    )
    return [...stars.flatMap(collect), ...lists, ...own]
  }
  return [...new Set(collect(file))].toSorted()
}
