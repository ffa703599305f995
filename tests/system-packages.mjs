/**
 * What the tests need of the system beside Node: a browser. Installed where that is possible without asking, by root on Debian; elsewhere its tests
 * are skipped, and this says so. Never fails.
 */
import { execFileSync } from 'node:child_process'
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

function install() {
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
  run('install', '-y', '--no-install-recommends', 'chromium')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href && browserPath() === undefined) {
  try {
    if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) throw new Error('not root on Debian')
    console.log('There is no Chromium: installing it.')
    install()
  } catch (error) {
    const [why] = String(error.message).split('\n')
    console.log(`There is no Chromium, and it could not be installed (${why}): the tests in a browser are skipped.`)
  }
}
