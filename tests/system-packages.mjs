/**
 * What the tests need of the system beside Node: a browser, and a Python with WebSockets. Installed where that is possible without asking, by root on
 * Debian; elsewhere their tests are skipped, and this says so. Never fails.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'chrome']

/** Undefined where there is none. */
export function browserPath() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path))
}

/** Undefined where none has the package `websockets`. */
export function pythonPath() {
  return ['python3', '/usr/bin/python3'].find((path) => spawnSync(path, ['-c', 'import websockets']).status === 0)
}

function install(packages) {
  const run = (...args) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const quick = ['-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=15', '-q']
    execFileSync('apt-get', [...quick, ...args], { stdio: 'ignore', timeout: 300_000, env })
  }
  try {
    run('update')
  } catch {
    // What is known of the packages may be enough.
  }
  run('install', '-y', '--no-install-recommends', ...packages)
}

const NEEDED = [
  { what: 'Chromium', path: browserPath, packages: ['chromium'], skipped: 'the tests in a browser are' },
  {
    what: 'Python with websockets',
    path: pythonPath,
    packages: ['python3', 'python3-websockets'],
    skipped: 'the test of the client in Python is',
  },
]

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const { what, path, packages, skipped } of NEEDED) {
    if (path() !== undefined) continue
    try {
      if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) throw new Error('not root on Debian')
      console.log(`There is no ${what}: installing it.`)
      install(packages)
    } catch (error) {
      const [why] = String(error.message).split('\n')
      console.log(`There is no ${what}, and it could not be installed (${why}): ${skipped} skipped.`)
    }
  }
