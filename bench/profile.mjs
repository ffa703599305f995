// node bench/profile.mjs FILE|DIR… [--top N]: what a .cpuprofile says, as text: the functions that themselves took the most time.
//
// Time is attributed sample by sample with the gaps between samples; "(idle)" is left out of the shares, "(program)" is native code
// outside any function (system calls, mostly) and "(garbage collector)" is what it says.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { top: { type: 'string', default: '25' } } })
const files = positionals.flatMap((path) =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith('.cpuprofile'))
        .sort()
        .map((name) => join(path, name))
    : [path],
)
if (files.length === 0) {
  console.error('usage: node bench/profile.mjs FILE|DIR… [--top N]')
  process.exitCode = 2
}
for (const file of files) console.log(summary(file, Number(values.top)))

/** @param {string} file @param {number} top */
function summary(file, top) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'))
  const names = new Map(nodes.map((node) => [node.id, label(node.callFrame)]))
  /** @type {Map<string, number>} */
  const selfUs = new Map()
  for (const [index, id] of samples.entries()) {
    const name = names.get(id)
    selfUs.set(name, (selfUs.get(name) ?? 0) + timeDeltas[index])
  }
  const idleUs = selfUs.get('(idle)') ?? 0
  selfUs.delete('(idle)')
  const busyUs = Array.from(selfUs.values()).reduce((sum, us) => sum + us, 0)
  const rows = Array.from(selfUs)
    .sort(([, a], [, b]) => b - a)
    .slice(0, top)
    .map(([name, us]) => `${((us / busyUs) * 100).toFixed(1).padStart(6)} %  ${(us / 1000).toFixed(1).padStart(9)} ms  ${name}`)
  return [`${basename(file)}: busy ${ms(busyUs)}, idle ${ms(idleUs)}`, ...rows, ''].join('\n')
}

function label({ functionName, url, lineNumber }) {
  const name = functionName || '(anonymous)'
  return url === '' ? name : `${name}  ${shortened(url)}:${lineNumber + 1}`
}

/** The path from the last `node_modules` or from the repository on. */
function shortened(url) {
  const path = url.replace(/^file:\/\//, '')
  const modules = path.lastIndexOf('/node_modules/')
  if (modules >= 0) return path.slice(modules + '/node_modules/'.length)
  const root = new URL('..', import.meta.url).pathname
  return path.startsWith(root) ? path.slice(root.length) : path
}

function ms(us) {
  return `${(us / 1000).toFixed(0)} ms`
}
