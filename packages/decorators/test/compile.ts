/** Owns running the real tsc on the fixtures, into the repository's ignored folder. Must not know what they show. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url))

export const modes = {
  standard: [],
  legacy: ['--experimentalDecorators'],
  'legacy-metadata': ['--experimentalDecorators', '--emitDecoratorMetadata'],
} as const satisfies Record<string, readonly string[]>
export type Mode = keyof typeof modes

const options =
  '--ignoreConfig --strict --exactOptionalPropertyTypes --noImplicitOverride --target es2022 --module nodenext --lib es2023,dom,esnext.decorators,esnext.disposable --types node --skipLibCheck --pretty false'

export interface Ran {
  readonly ok: boolean
  readonly output: string
}

/** With `outDir` emits there, below `.tmp`; without, only checks. */
export function compile(fixture: string, mode: Mode, outDir?: string): Promise<Ran> {
  const target = outDir === undefined ? ['--noEmit'] : ['--rootDir', fixtures, '--outDir', outDir]
  return run(`${root}node_modules/.bin/tsc`, [...options.split(' '), ...modes[mode], ...target, fixtures + fixture])
}

export function outDirOf(mode: Mode): string {
  return `${root}.tmp/decorators-${process.pid}/${mode}`
}

export function run(command: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: root, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ ok: error === null, output: error === null ? stdout : stdout + stderr })
    })
  })
}
