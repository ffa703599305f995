/**
 * What the tests need of the system beside Node: a browser, a Python with WebSockets, and for the fault harness `strace` and `libfaketime`. Installed
 * where that is possible without asking, by root on Debian; elsewhere what needs it is skipped, and this says so. Never fails.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'chrome']

/** By the name of the package: whether it is there, and what is skipped where it is not. */
const PACKAGES = [
  { name: 'chromium', isThere: () => browserPath() !== undefined, skipped: 'the tests in a browser are' },
  { name: 'python3-websockets', isThere: () => pythonPath() !== undefined, skipped: 'the tests of the client in Python are' },
  { name: 'strace', isThere: () => programPath('strace') !== undefined, skipped: 'the sync oracle, and syncs that fail or are slow, are' },
  { name: 'faketime', isThere: () => programPath('faketime') !== undefined, skipped: 'changes of the clock are' },
]

/** Undefined where there is none. */
export function browserPath() {
  return programPath(...BROWSERS)
}

/** Undefined where none has the package `websockets`. */
export function pythonPath() {
  return ['python3', '/usr/bin/python3'].find((path) => spawnSync(path, ['-c', 'import websockets']).status === 0)
}

function programPath(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path))
}

/** Asked once what there is. */
let isUpdated = false

function install(name) {
  const run = (...args) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const quick = ['-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=15', '-q']
    execFileSync('apt-get', [...quick, ...args], { stdio: 'ignore', timeout: 300_000, env })
  }
  try {
    if (!isUpdated) run('update')
  } catch {
    // What is known of the packages may be enough.
  }
  isUpdated = true
  run('install', '-y', '--no-install-recommends', ...(name.startsWith('python3-') ? ['python3'] : []), name)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { name, isThere, skipped } of PACKAGES) {
    if (isThere()) continue
    try {
      if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) throw new Error('not root on Debian')
      console.log(`There is no ${name}: installing it.`)
      install(name)
    } catch (error) {
      const [why] = String(error.message).split('\n')
      console.log(`There is no ${name}, and it could not be installed (${why}): ${skipped} skipped.`)
    }
  }
}
