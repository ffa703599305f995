/**
 * From what an operator wrote to the files of modules. A path begins with `.` or `/` and is a file or a folder; anything else is a package, which says in its
 * own package.json which of its files are plugins. Nothing that arrives from a wire comes near it.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'

const WRITABLE_BY_ALL = 0o002
const packageName = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/

/** Rejects with what is wrong and what to do. */
export async function modulesAt(place: string): Promise<readonly string[]> {
  if (!place.startsWith('.') && !isAbsolute(place)) return packageModules(place)
  const path = resolve(place)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw new Error('there is no such file or folder: name one that exists')
  if (!found.isDirectory()) return [path]
  await checkSafe(path)
  const names = (await readdir(path)).filter((name) => /^[^._].*\.[cm]?js$/.test(name)).toSorted()
  if (names.length === 0) throw new Error('there is no module in it: a plugin is a .js, .mjs or .cjs file that exports `plugin`')
  return names.map((name) => join(path, name))
}

/** Throws where another user of the machine could put code there. Where modes of files mean nothing, nothing is said of them. */
export async function checkSafe(path: string): Promise<void> {
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & WRITABLE_BY_ALL) !== 0)
    throw new Error('everybody on this machine may write there, and so run code here: take that away with chmod o-w')
}

/** `"waybill": { "plugins": ["./sleep.js"] }` in the package.json of one that is installed here or further up. */
async function packageModules(name: string): Promise<readonly string[]> {
  if (!packageName.test(name)) throw new Error('that is no name of a package, and a path begins with ./ or /')
  const folder = await packageFolder(name)
  if (folder === undefined) throw new Error(`there is no such package here: npm install it, or write ./${name} where a folder is meant`)
  const { waybill } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { waybill?: { plugins?: unknown } }
  const files: unknown = waybill?.plugins
  if (!Array.isArray(files) || files.length === 0 || !files.every(isInside))
    throw new Error('its package.json names no plugins: "waybill": { "plugins": ["./plugin.js"] }, files in the package itself')
  return (files as string[]).map((file) => join(folder, file))
}

async function packageFolder(name: string): Promise<string | undefined> {
  for (let at = process.cwd(); ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name)
    if ((await stat(join(folder, 'package.json')).catch(() => undefined)) !== undefined) return folder
    if (at === dirname(at)) return undefined
  }
}

function isInside(file: unknown): boolean {
  return typeof file === 'string' && file.startsWith('./') && !file.split(/[\\/]/).includes('..')
}
