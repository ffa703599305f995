/**
 * The command with a planted bug: what is built, copied to a folder of its own, and in it the files of one patch compiled anew. It lies in the repository, so
 * what it needs besides our own packages is found there.
 */
import { execFileSync } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformWithEsbuild } from 'vite'

const root = fileURLToPath(new URL('../..', import.meta.url))
const PACKAGES = ['core', 'client', 'server', 'cli'] as const
const plants = new URL('planted/', import.meta.url)

export async function plantNames(): Promise<readonly string[]> {
  return (await readdir(plants)).map((file) => file.replace(/\.patch$/, '')).toSorted()
}

export class PlantedRouter implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  /** Rejects where the patch does not apply to the sources any more. */
  static async plant(name: string): Promise<PlantedRouter> {
    const planted = new PlantedRouter(join(root, '.tmp', 'faults-planted', `${name}-${process.pid}`))
    await planted.#copy()
    await planted.#change(await readFile(new URL(`${name}.patch`, plants), 'utf8'))
    return planted
  }

  /** The script that is started. */
  get command(): string {
    return join(this.folder, 'packages/cli/bin/waybill.js')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }

  async #copy(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
    await mkdir(join(this.folder, 'node_modules/@waybill'), { recursive: true })
    for (const name of PACKAGES) {
      const [from, to] = [join(root, 'packages', name), join(this.folder, 'packages', name)]
      // The sources lie beside what is built of them, for the patch.
      for (const part of ['dist', 'src', 'bin', 'package.json'])
        await cp(join(from, part), join(to, part), { recursive: true }).catch(() => {})
      await symlink(join(from, 'node_modules'), join(to, 'node_modules'))
      await symlink(to, join(this.folder, 'node_modules/@waybill', name))
    }
  }

  async #change(patch: string): Promise<void> {
    await writeFile(join(this.folder, 'planted.patch'), patch)
    // Without this git takes the paths for those of the repository around it.
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(this.folder) }
    execFileSync('git', ['apply', 'planted.patch'], { cwd: this.folder, env, stdio: 'pipe' })
    for (const [, file] of patch.matchAll(/^\+\+\+ b\/(\S+)$/gm)) {
      const path = join(this.folder, file!)
      const { code } = await transformWithEsbuild(await readFile(path, 'utf8'), path, {
        format: 'esm',
        target: 'es2022',
        sourcemap: false,
        tsconfigRaw: '{}',
      })
      await writeFile(path.replace('/src/', '/dist/').replace(/\.ts$/, '.js'), code)
    }
  }
}
