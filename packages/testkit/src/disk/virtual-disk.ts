/**
 * A disk for the simulator: takes virtual time, forgets at a power loss what was not synced, fills up and fails as it is told. A process has it as a
 * `Disk` for as long as it lives; whatever is under way when it ends never resolves.
 */
import type { Disk, DiskFile, DiskLock } from '@waybill/server/store'
import { WaybillError } from '@waybill/core'
import type { Seeded } from '../random.js'
import { Platter, type Inode } from './platter.js'

export type DiskDeed = 'list' | 'create' | 'open' | 'cut' | 'rename' | 'remove' | 'sync' | 'write' | 'read' | 'syncFolder' | 'free' | 'lock'

/** What is about to be done, for whoever decides what becomes of it. */
export interface Doing {
  readonly deed: DiskDeed
  readonly name: string
  /** How many things were done before, by all processes. */
  readonly index: number
}

export interface VirtualDiskOptions {
  readonly random: Seeded
  /** Runs later, in order; of a world, or one promise job later where there is none. */
  readonly after?: (delayMs: number, run: () => void) => unknown
  readonly delayMs?: (doing: Doing) => number
  readonly capacityBytes?: number
}

export class VirtualDisk {
  platter: Platter
  /** May throw what the disk answers instead, or end the power or the process. */
  before: (doing: Doing) => void = () => {}
  /** So many bytes a read gives at most: a disk that is not as it should be. */
  mostReadBytes = Number.POSITIVE_INFINITY
  capacityBytes: number
  readonly #options: VirtualDiskOptions
  #deeds = 0
  #session = {}
  #locked: object | undefined

  constructor(options: VirtualDiskOptions, platter: Platter = new Platter()) {
    this.#options = options
    this.platter = platter
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY
  }

  get deeds(): number {
    return this.#deeds
  }

  get isLocked(): boolean {
    return this.#locked === this.#session
  }

  /** As one process has it, until `kill` or `losePower`. */
  mount(name = 'virtual'): Disk {
    const run = this.#doing(this.#session)
    const { platter } = this
    const inodeOf = (file: string): Inode => {
      const inode = platter.names.get(file)
      if (inode === undefined) throw systemError('ENOENT', file)
      return inode
    }
    return {
      name,
      list: () => run('list', '', () => [...platter.names.keys()]),
      create: (file) => run('create', file, () => this.#file(run, file, platter.create(file))),
      open: (file) => run('open', file, () => this.#file(run, file, inodeOf(file))),
      cut: (file, bytes) =>
        run('cut', file, () => {
          inodeOf(file).cut(bytes)
          inodeOf(file).makeSafe()
        }),
      rename: (from, to) =>
        run('rename', to, () => {
          inodeOf(from)
          platter.rename(from, to)
        }),
      remove: (file) =>
        run('remove', file, () => {
          inodeOf(file)
          platter.remove(file)
        }),
      sync: () => run('syncFolder', '', () => platter.makeNamesSafe()),
      freeBytes: () => run('free', '', () => this.capacityBytes - platter.bytes),
      lock: () => run('lock', '', () => this.#lock()),
    }
  }

  /** The process ends; what it had written stays, though nothing made it safe. */
  kill(): void {
    this.#session = {}
  }

  losePower(): void {
    this.kill()
    this.platter.losePower(this.#options.random)
  }

  #doing(session: object): Run {
    const { after = (_delayMs, then) => asJob(then), delayMs = () => 0 } = this.#options
    return (deed, name, act) =>
      new Promise((resolve, reject) => {
        if (session !== this.#session) return
        const doing = { deed, name, index: this.#deeds++ }
        const now = attempt(() => this.before(doing))
        if (session !== this.#session) return
        // What is written may be there from now on; what is made safe is so only in the end.
        const early = isLate(deed) || 'thrown' in now ? undefined : attempt(act)
        after(delayMs(doing), () => {
          if (session !== this.#session) return
          const result = 'thrown' in now ? now : (early ?? attempt(act))
          if ('thrown' in result) reject(result.thrown as Error)
          else resolve(result.value)
        })
      })
  }

  #file(run: Run, name: string, inode: Inode): DiskFile {
    return {
      get bytes() {
        return inode.bytes.byteLength
      },
      write: (parts, offset) =>
        run('write', name, () => {
          const grows = offset + parts.reduce((sum, { byteLength }) => sum + byteLength, 0) - inode.bytes.byteLength
          if (grows > 0 && this.platter.bytes + grows > this.capacityBytes) throw systemError('ENOSPC', name)
          inode.write(parts, offset)
        }),
      read: (offset, bytes) => run('read', name, () => inode.bytes.slice(offset, offset + Math.min(bytes, this.mostReadBytes))),
      sync: () => run('sync', name, () => inode.makeSafe()),
      close: () => Promise.resolve(),
    }
  }

  #lock(): DiskLock {
    if (this.isLocked) throw new WaybillError('Overloaded', 'the store is open in this process')
    const session = this.#session
    this.#locked = session
    return {
      release: () => {
        if (this.#locked === session) this.#locked = undefined
        return Promise.resolve()
      },
    }
  }
}

type Run = <T>(deed: DiskDeed, name: string, act: () => T) => Promise<T>

export function systemError(code: 'ENOENT' | 'ENOSPC' | 'EIO', name: string): Error {
  return Object.assign(new Error(`${code}: ${name}`), { code })
}

/** As a promise job: later, in order, and without any time. */
export function asJob(run: () => void): void {
  void Promise.resolve().then(run)
}

function isLate(deed: DiskDeed): boolean {
  return deed === 'sync' || deed === 'syncFolder' || deed === 'cut' || deed === 'read'
}

function attempt<T>(act: () => T): { readonly value: T } | { readonly thrown: unknown } {
  try {
    return { value: act() }
  } catch (thrown) {
    return { thrown }
  }
}
