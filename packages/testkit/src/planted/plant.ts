/**
 * Planted bugs: a copy of the sources with one patch in it, compiled and ready to be simulated. The copy lives in `.tmp/planted/<name>`,
 * so what it needs besides our own packages is found in the repository's `node_modules`. Types are not checked: only what runs counts.
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { transformWithEsbuild } from 'vite'

const PACKAGES = ['core', 'client', 'server', 'testkit'] as const

/** What a program said, and how it ended. */
export interface Ran {
  readonly code: number
  readonly output: string
}

/** Makes the copy and returns its folder. Rejects where the patch does not apply. */
export async function plant(repository: string, name: string): Promise<string> {
  const whole = await (unpatched ??= compileAll(repository))
  const root = join(repository, '.tmp', 'planted', name)
  await rm(root, { recursive: true, force: true })
  await cp(whole, root, { recursive: true, verbatimSymlinks: true })
  // Without this git takes the paths for those of the repository around it.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(root) }
  const applied = await run('git', ['apply', patchOf(repository, name)], { cwd: root, env })
  if (applied.code !== 0) throw new Error(`${name}.patch does not apply: ${applied.output}`)
  const changed = (await readFile(patchOf(repository, name), 'utf8')).matchAll(/^\+\+\+ b\/(\S+)$/gm)
  await Promise.all([...changed].map(([, file]) => compile(join(root, file!))))
  return root
}

/** Our packages as they are, copied and compiled: once, as each patch changes one file of them. */
let unpatched: Promise<string> | undefined

/** Removes the copy that the others were made from. */
export async function clear(): Promise<void> {
  if (unpatched !== undefined) await rm(await unpatched, { recursive: true, force: true })
  unpatched = undefined
}

async function compileAll(repository: string): Promise<string> {
  const root = join(repository, '.tmp', 'planted', `unpatched-${process.pid}`)
  await rm(root, { recursive: true, force: true })
  await mkdir(join(root, 'node_modules', '@waybill'), { recursive: true })
  for (const each of PACKAGES) {
    const from = join(repository, 'packages', each)
    const to = join(root, 'packages', each)
    await cp(join(from, 'src'), join(to, 'src'), { recursive: true })
    await cp(join(from, 'package.json'), join(to, 'package.json'))
    await symlink(join('..', '..', 'packages', each), join(root, 'node_modules', '@waybill', each))
    const files = (await readdir(join(to, 'src'), { recursive: true })).filter((file) => file.endsWith('.ts'))
    await Promise.all(files.map((file) => compile(join(to, 'src', file))))
  }
  return root
}

/** Runs the simulator of a copy. */
export function simulatePlanted(root: string, args: readonly string[]): Promise<Ran> {
  return run(process.execPath, [join(root, 'packages/testkit/dist/simulate/main.js'), ...args], { cwd: root, timeout: 120_000 })
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

export function run(
  program: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; timeout?: number },
): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, args, { maxBuffer: 2 ** 26, ...options }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, output: stdout + stderr })
    })
  })
}

/** A source of a package to where its `package.json` looks for it. */
async function compile(source: string): Promise<void> {
  const { code } = await transformWithEsbuild(await readFile(source, 'utf8'), source, {
    target: 'es2022',
    sourcemap: false,
    tsconfigRaw: '{}',
  })
  const target = source.replace(/(packages\/\w+)\/src\//, '$1/dist/').replace(/\.ts$/, '.js')
  await mkdir(dirname(target), { recursive: true })
  await writeFile(target, code)
}
