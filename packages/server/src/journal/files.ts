/** Files of a disk, read as whole as they are. */
import type { Disk, DiskFile } from './disk.js'
import { damaged } from './head.js'

/** So much is read of a file at once. */
export const CHUNK_BYTES = 256 * 1024

/** Throws `Damaged` where there is no such file. */
export async function readWhole(disk: Disk, name: string): Promise<Uint8Array> {
  return await reading(disk, name, (file) => readFully(file, name, 0, file.bytes))
}

/** Opens a file that must be there, and closes it whatever happens. Throws `Damaged` where it is not. */
export async function reading<T>(disk: Disk, name: string, use: (file: DiskFile) => Promise<T>): Promise<T> {
  let file: DiskFile
  try {
    file = await disk.open(name)
  } catch (thrown) {
    throw isMissing(thrown) ? damaged(`${name} is missing`, thrown) : thrown
  }
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/** A disk that gives less than there is must not be taken for a file that is shorter. */
export async function readFully(file: DiskFile, name: string, offset: number, bytes: number): Promise<Uint8Array> {
  const read = await file.read(offset, bytes)
  if (read.byteLength !== bytes) throw damaged(`of ${name} the disk gave ${read.byteLength} bytes at ${offset} instead of ${bytes}`)
  return read
}

export function isMissing(thrown: unknown): boolean {
  return errnoOf(thrown) === 'ENOENT'
}

export function isFull(thrown: unknown): boolean {
  const why = errnoOf(thrown)
  return why === 'ENOSPC' || why === 'EDQUOT'
}

/** `ENOSPC`, `EIO`; undefined where it is no error of the system. */
export function errnoOf(thrown: unknown): string | undefined {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return typeof code === 'string' ? code : undefined
}
