/**
 * Our packages as one script: each module compiled on its own, so that a copy with another version of one of them costs that module
 * alone. Types are not checked: only what runs counts. Knows nothing of patches.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { transformWithEsbuild } from 'vite'

const PACKAGES = ['core', 'client', 'server', 'testkit'] as const
/** Programs, what compiles, and what runs only as processes. */
const NOT_RUN = /^testkit\/((planted|faults|suites)\/.*|simulate\/main\.ts)$/
const ENTRY = 'packages/testkit/src/simulate/program.ts'

/**
 * A script for a process that is told of scripts with changed modules, and answers with what the simulator says of each and its exit
 * code. For each it makes anew what the change can reach; what cannot see it stays, as it does from one seed to the next.
 */
export async function wholeScript(repository: string): Promise<string> {
  const found = await Promise.all(PACKAGES.map((name) => sourcesOf(repository, name)))
  const modules = found.flatMap(({ modules: its }) => its)
  const doors = Object.fromEntries(found.flatMap(({ doors: its }) => its))
  return `const { posix } = require('node:path')
const doors = ${JSON.stringify(doors)}
const whole = {
${modules.join(',\n')}
}
${LOADER}`
}

const LOADER = `
const uses = new Map()
function load(path, loaded, changed) {
  const before = loaded.get(path)
  if (before !== undefined) return before.exports
  const make = changed[path] ?? whole[path]
  if (make === undefined) throw new Error('there is no module ' + path)
  const module = { exports: {} }
  loaded.set(path, module)
  const its = new Set()
  uses.set(path, its)
  const use = (to) => {
    const found = to.startsWith('.') ? posix.join(path, '..', to).replace(/\\.js$/, '.ts') : doors[to]
    if (found === undefined) return require(to)
    its.add(found)
    return load(found, loaded, changed)
  }
  make(module.exports, use, module)
  return module.exports
}
const unchanged = new Map()
load('${ENTRY}', unchanged, {})
function simulatorWith(changed) {
  const anew = new Set(Object.keys(changed))
  for (const path of anew) if (!unchanged.has(path)) throw new Error('the simulator does not load ' + path)
  for (let size = -1; size !== anew.size; ) {
    size = anew.size
    for (const [path, its] of uses) if ([...its].some((one) => anew.has(one))) anew.add(path)
  }
  return load('${ENTRY}', new Map([...unchanged].filter(([path]) => !anew.has(path))), changed)
}
process.on('message', async ({ script, args }) => {
  const { program } = simulatorWith(require(script))
  let output = ''
  const code = await program(args, (text) => (output += text + '\\n'))
  process.send({ code, output })
})
`

/** A script with another source for some of the modules, by their paths in the repository. */
export async function changedScript(changed: ReadonlyMap<string, string>): Promise<string> {
  const modules = await Promise.all(Array.from(changed, ([path, source]) => compiled(path, source)))
  return `module.exports = {\n${modules.join(',\n')}\n}\n`
}

async function sourcesOf(repository: string, name: string): Promise<{ modules: string[]; doors: [string, string][] }> {
  const root = join('packages', name)
  const files = (await readdir(join(repository, root, 'src'), { recursive: true })).filter(
    (file) => file.endsWith('.ts') && !NOT_RUN.test(join(name, file)),
  )
  const modules = files.map(async (file) => {
    const path = join(root, 'src', file)
    return compiled(path, await readFile(join(repository, path), 'utf8'))
  })
  const { exports } = JSON.parse(await readFile(join(repository, root, 'package.json'), 'utf8')) as {
    exports: Readonly<Record<string, { '@waybill/source': string }>>
  }
  const doors = Object.entries(exports).map(([door, its]): [string, string] => [
    join('@waybill', name, door),
    join(root, its['@waybill/source']),
  ])
  return { modules: await Promise.all(modules), doors }
}

/** A module as a property that makes its exports. */
async function compiled(path: string, source: string): Promise<string> {
  const { code } = await transformWithEsbuild(source, path, {
    format: 'cjs',
    target: 'es2022',
    supported: { 'dynamic-import': false },
    sourcemap: false,
    tsconfigRaw: '{}',
    logLevel: 'error',
  })
  return `${JSON.stringify(path)}(exports, require, module) {\n${code}}`
}
