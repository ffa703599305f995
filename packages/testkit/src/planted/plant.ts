/**
 * Planted bugs: for each patch, its files in a folder of their own, where git applies it, and a script of them for the simulator. All in
 * `.tmp/planted`, so what it needs besides our own packages is found in the repository's `node_modules`.
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { changedScript, wholeScript } from './bundle.js'

/** What a program said, and how it ended. */
export interface Ran {
  readonly code: number
  readonly output: string
}

/** A bug that can be simulated, or why not. */
export type Plant = { readonly script: string } | { readonly refusal: string }

/** The scripts of a repository. One at a time, as they lie in one folder. */
export class Garden {
  readonly #repository: string
  readonly #root: string

  constructor(repository: string) {
    this.#repository = repository
    this.#root = join(repository, '.tmp', 'planted', String(process.pid))
  }

  /** What simulates the plants. */
  get whole(): string {
    return join(this.#root, 'whole.cjs')
  }

  /** Where nothing is planted. */
  get nothing(): string {
    return join(this.#root, 'nothing.cjs')
  }

  async plant(names: readonly string[]): Promise<ReadonlyMap<string, Plant>> {
    await rm(this.#root, { recursive: true, force: true })
    await mkdir(this.#root, { recursive: true })
    await writeFile(this.whole, await wholeScript(this.#repository))
    await writeFile(this.nothing, await changedScript(new Map()))
    const patches = await Promise.all(names.map((name) => this.#copy(name)))
    // All at once costs what one costs; only where some are refused must each be asked.
    const all = patches.map(({ name, text }) => text.replaceAll(/^(--- a|\+\+\+ b)\//gm, `$1/${name}/`)).join('')
    await writeFile(join(this.#root, 'all.patch'), all)
    const { code } = await this.#apply(join(this.#root, 'all.patch'), this.#root)
    const plants = patches.map(async (patch): Promise<[string, Plant]> => [patch.name, await this.#scriptOf(patch, code === 0)])
    return new Map(await Promise.all(plants))
  }

  async clear(): Promise<void> {
    await rm(this.#root, { recursive: true, force: true })
  }

  async #copy(name: string): Promise<Patch> {
    const text = await readFile(patchOf(this.#repository, name), 'utf8')
    const files = Array.from(text.matchAll(/^\+\+\+ b\/(\S+)$/gm), ([, file]) => file!)
    const root = join(this.#root, name)
    await mkdir(root)
    for (const file of files) {
      await mkdir(dirname(join(root, file)), { recursive: true })
      // What is not there is for git to tell.
      await cp(join(this.#repository, file), join(root, file)).catch(() => {})
    }
    return { name, text, files }
  }

  async #scriptOf({ name, files }: Patch, isApplied: boolean): Promise<Plant> {
    const root = join(this.#root, name)
    const { code, output } = isApplied ? { code: 0, output: '' } : await this.#apply(patchOf(this.#repository, name), root)
    if (code !== 0) return { refusal: output }
    const changed = new Map<string, string>()
    for (const file of files) {
      const [source, before] = await Promise.all([readFile(join(root, file), 'utf8'), readFile(join(this.#repository, file), 'utf8')])
      if (source === before) return { refusal: `${file} is as it was` }
      changed.set(file, source)
    }
    if (changed.size === 0) return { refusal: 'it changes no file' }
    const script = join(this.#root, `${name}.cjs`)
    await writeFile(script, await changedScript(changed))
    return { script }
  }

  #apply(patch: string, cwd: string): Promise<Ran> {
    // Without this git takes the paths for those of the repository around it.
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(cwd) }
    return run('git', ['apply', patch], { cwd, env })
  }
}

interface Patch {
  readonly name: string
  readonly text: string
  /** That it says it changes. */
  readonly files: readonly string[]
}

export function patchOf(repository: string, name: string): string {
  return join(repository, 'tests', 'planted', `${name}.patch`)
}

export async function patchNames(repository: string): Promise<string[]> {
  const files = await readdir(join(repository, 'tests', 'planted'))
  return files
    .filter((file) => file.endsWith('.patch'))
    .map((file) => file.slice(0, -'.patch'.length))
    .toSorted()
}

export function run(program: string, args: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, output: stdout + stderr })
    })
  })
}
