/**
 * A folder of the system as a disk: nobody else's to read or to replace, and no link that leads elsewhere. The only file of the journal that knows
 * `node:fs`. Hot paths use callbacks of descriptors, which cost less than file handles.
 */
import { close, constants, fdatasync, fstat, ftruncate, open, read, writev, type Stats } from 'node:fs'
import { lstat, mkdir, readdir, rename, rm, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { quoted, WaybillError } from '@waybill/core'
import type { Disk, DiskFile, DiskLock } from './disk.js'
import { isMissing } from './files.js'
import { takeLock } from './lock.js'
import { nodeSigns } from './node-signs.js'

const { O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_RDWR, O_TRUNC } = constants

/** Beside it the name of a sign has room in the address of a socket. */
const MOST_PATH_BYTES = 60

/** Touches nothing before it is used. */
export function nodeDisk(folder: string): Disk {
  return new NodeDisk(resolve(folder))
}

class NodeDisk implements Disk {
  constructor(readonly name: string) {}

  async list(): Promise<readonly string[]> {
    if (!(await this.#isThere())) return []
    return (await readdir(this.name)).filter((name) => !name.startsWith('lock-'))
  }

  async create(name: string): Promise<DiskFile> {
    return new NodeFile(await opened(join(this.name, name), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW), 0)
  }

  async open(name: string): Promise<DiskFile> {
    const descriptor = await opened(join(this.name, name), O_RDONLY | O_NOFOLLOW)
    try {
      return new NodeFile(descriptor, await lengthOf(descriptor, name))
    } catch (thrown) {
      await closed(descriptor)
      throw thrown
    }
  }

  async cut(name: string, bytes: number): Promise<void> {
    const descriptor = await opened(join(this.name, name), O_RDWR | O_NOFOLLOW)
    try {
      if ((await lengthOf(descriptor, name)) > bytes) await done((then) => ftruncate(descriptor, bytes, then))
      await done((then) => fdatasync(descriptor, then))
    } finally {
      await closed(descriptor)
    }
  }

  rename(from: string, to: string): Promise<void> {
    return rename(join(this.name, from), join(this.name, to))
  }

  remove(name: string): Promise<void> {
    return rm(join(this.name, name))
  }

  sync(): Promise<void> {
    return syncedFolder(this.name)
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.name)
    return bavail * bsize
  }

  async lock(): Promise<DiskLock> {
    if (process.platform === 'win32') throw new WaybillError('Unsupported', 'a store cannot be kept on Windows yet')
    if (!(await this.#isThere())) {
      await mkdir(this.name, { recursive: true, mode: 0o700 })
      await syncedFolder(join(this.name, '..'))
      await this.#isThere()
    }
    if (Buffer.byteLength(this.name) <= MOST_PATH_BYTES) return await this.#lock(this.name)
    const descriptor = await opened(this.name, O_RDONLY | O_DIRECTORY)
    try {
      const lock = await this.#lock(`/proc/self/fd/${descriptor}`)
      const release = async (): Promise<void> => {
        await lock.release()
        await closed(descriptor)
      }
      return { release }
    } catch (thrown) {
      await closed(descriptor)
      throw thrown
    }
  }

  #lock(path: string): Promise<DiskLock> {
    return takeLock(
      nodeSigns({
        name: this.name,
        path,
        list: () => readdir(this.name),
        rename: (from, to) => this.rename(from, to),
        remove: (name) => rm(join(this.name, name), { force: true }),
      }),
    )
  }

  /** Whether there is such a folder. Rejects `Forbidden` where it is not this user's alone. */
  async #isThere(): Promise<boolean> {
    let stats: Stats
    try {
      stats = await lstat(this.name)
    } catch (thrown) {
      if (isMissing(thrown)) return false
      throw thrown
    }
    if (stats.isSymbolicLink()) throw this.#unsafe('is a symbolic link')
    if (!stats.isDirectory()) throw this.#unsafe('is not a folder')
    if (process.getuid !== undefined) {
      if (stats.uid !== process.getuid()) throw this.#unsafe('belongs to somebody else')
      if ((stats.mode & 0o077) !== 0) throw this.#unsafe('is open to others: `chmod 700` it')
    }
    return true
  }

  #unsafe(what: string): WaybillError {
    return new WaybillError('Forbidden', `nothing is stored there: ${quoted(this.name)} ${what}`)
  }
}

class NodeFile implements DiskFile {
  constructor(
    private readonly descriptor: number,
    public bytes: number,
  ) {}

  async write(parts: readonly Uint8Array[], offset: number): Promise<void> {
    let left = parts.filter(({ byteLength }) => byteLength > 0)
    let at = offset
    while (left.length > 0) {
      const written = await new Promise<number>((then, fail) =>
        writev(this.descriptor, left, at, (error, bytes) => (error === null ? then(bytes) : fail(error))),
      )
      at += written
      this.bytes = Math.max(this.bytes, at)
      left = after(left, written)
    }
  }

  async read(offset: number, bytes: number): Promise<Uint8Array> {
    const buffer = new Uint8Array(bytes)
    let length = 0
    while (length < bytes) {
      const got = await new Promise<number>((then, fail) =>
        read(this.descriptor, buffer, length, bytes - length, offset + length, (error, count) =>
          error === null ? then(count) : fail(error),
        ),
      )
      if (got === 0) break
      length += got
    }
    return length === bytes ? buffer : buffer.subarray(0, length)
  }

  sync(): Promise<void> {
    return done((then) => fdatasync(this.descriptor, then))
  }

  close(): Promise<void> {
    return closed(this.descriptor)
  }
}

/** What a write has left. */
function after(parts: readonly Uint8Array[], written: number): Uint8Array[] {
  let skip = written
  return parts.flatMap((part) => {
    const skipped = Math.min(skip, part.byteLength)
    skip -= skipped
    return skipped === part.byteLength ? [] : [part.subarray(skipped)]
  })
}

function opened(path: string, flags: number): Promise<number> {
  return new Promise((then, fail) =>
    open(path, flags, 0o600, (error, descriptor) => {
      if (error === null) then(descriptor)
      else fail(error.code === 'ELOOP' ? new WaybillError('Forbidden', `${quoted(path)} is a symbolic link`) : error)
    }),
  )
}

function closed(descriptor: number): Promise<void> {
  return done((then) => close(descriptor, then))
}

async function lengthOf(descriptor: number, name: string): Promise<number> {
  const stats = await new Promise<Stats>((then, fail) => fstat(descriptor, (error, found) => (error === null ? then(found) : fail(error))))
  if (!stats.isFile()) throw new WaybillError('Forbidden', `${quoted(name)} is not a file`)
  return stats.size
}

async function syncedFolder(folder: string): Promise<void> {
  const descriptor = await opened(folder, O_RDONLY | O_DIRECTORY)
  try {
    await done((then) => fdatasync(descriptor, then))
  } finally {
    await closed(descriptor)
  }
}

function done(run: (then: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((then, fail) => run((error) => (error === null || error === undefined ? then() : fail(error))))
}
