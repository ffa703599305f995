/**
 * The file that tokens are kept in: read only where nobody else can read or replace it, written whole or not at all. Knows nothing of what stands
 * in it.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from 'node:fs'
import { dirname } from 'node:path'
import { quoted, WaybillError } from '@waybill/core'

const MAX_FILE_BYTES = 1024 * 1024
/** Windows has no such modes; there the folder of the user is what protects. */
const hasModes = process.getuid !== undefined

/** The text of the file; undefined where there is none. Throws `Forbidden` where others can read it, or could replace it. */
export function readPrivately(file: string): string | undefined {
  let descriptor: number
  try {
    checkFolder(file)
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw unsafe(file, 'is a symbolic link')
    throw thrown
  }
  try {
    // Of what was opened, and not of what may stand there by now.
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) throw unsafe(file, 'is not a file')
    if (!isOwn(stats)) throw unsafe(file, 'belongs to somebody else')
    if (hasModes && (stats.mode & 0o077) !== 0) throw unsafe(file, 'can be read by others: `chmod 600` it, and make new tokens')
    if (stats.size > MAX_FILE_BYTES) throw new WaybillError('TooLarge', `${quoted(file)} is longer than ${MAX_FILE_BYTES} bytes`)
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Writes what `change` makes of the text: into a new file that then takes the place of the old one. That new file also keeps a second writer away,
 * who is told so (`Overloaded`).
 */
export function rewritePrivately(file: string, change: (text: string | undefined) => string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  checkFolder(file)
  const next = `${file}.new`
  let descriptor: number
  try {
    descriptor = openSync(next, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
    throw new WaybillError('Overloaded', `${quoted(next)} is there, so somebody else is writing: try again, and remove it if nobody is`)
  }
  try {
    try {
      writeFileSync(descriptor, change(readPrivately(file)))
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(next, file)
  } catch (thrown) {
    rmSync(next, { force: true })
    throw thrown
  }
  syncFolder(dirname(file))
}

/** Changes whenever the file does; undefined where there is none. */
export function stampOf(file: string): string | undefined {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false })
  return stats && `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`
}

function checkFolder(file: string): void {
  const folder = dirname(file)
  const stats = lstatSync(folder)
  if (stats.isSymbolicLink()) throw unsafe(folder, 'is a symbolic link')
  if (!isOwn(stats)) throw unsafe(folder, 'belongs to somebody else')
  if (hasModes && (stats.mode & 0o022) !== 0) throw unsafe(folder, 'can be written by others: `chmod 700` it')
}

function isOwn({ uid }: Stats): boolean {
  return !hasModes || uid === process.getuid!()
}

function syncFolder(folder: string): void {
  if (!hasModes) return
  const descriptor = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function unsafe(path: string, what: string): WaybillError {
  return new WaybillError('Forbidden', `tokens are not kept there: ${quoted(path)} ${what}`)
}
