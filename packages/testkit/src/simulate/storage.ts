/**
 * The folder in which the routers of a simulation keep what they promise: a virtual disk that each start opens anew, that fails, fills up and is damaged as
 * planned. Owns the disk; when anything happens is decided elsewhere.
 */
import { beginKept, emptyKept, foldOfKept, type Kept, type RecoveryReport } from '@waybill/server'
import { openJournal, type JournalOptions } from '@waybill/server/store'
import { Platter, systemError, VirtualDisk, type DiskDeed } from '../disk/index.js'
import type { VirtualProcess } from '../process.js'
import type { Seeded } from '../random.js'
import type { World } from '../world.js'
import type { Damage, StoragePlan } from './storage-plans.js'

/** What a router begins with, and what its start found. */
export interface Opened {
  readonly kept: Kept
  readonly report: RecoveryReport
}

/** What a start would make of the files. */
interface Prospect {
  readonly report: RecoveryReport
  /** All that it knows then. */
  readonly entries: string
}

/** What became of damaged files: they lead to the same as whole ones; they are not touched; or a start says that it lacks something. */
export type Verdict = 'harmless' | 'refused' | 'counted' | 'unnoticed'

const PIECE_BYTES = 32 * 1024
/** Where less than this share of what is kept free is left, nobody can have thought that there was more. */
const CERTAIN_SHARE = 0.9

export class Storage {
  /** How many stores there were. */
  generation = 1
  /** What is done to the disk next, and what becomes of it. */
  armed: { readonly deed: DiskDeed; readonly strike: () => void } | undefined
  isFailing = false
  /** Since when the router knows that there is no room. */
  #knownFullMs: number | undefined
  extraMs = 0
  readonly #plan: StoragePlan
  readonly #disk: VirtualDisk
  readonly #random: Seeded
  #process: VirtualProcess | undefined

  constructor(world: World, plan: StoragePlan) {
    this.#plan = plan
    this.#random = world.random.fork('storage')
    this.#disk = new VirtualDisk({
      random: this.#random.fork('disk'),
      after: (delayMs, run) => {
        const process = this.#process!
        world.after(delayMs, () => process.enter(run))
      },
      delayMs: ({ deed }) => this.#delayMs(deed),
    })
    this.#disk.before = ({ deed, name }) => {
      if (this.armed?.deed === deed) {
        const { strike } = this.armed
        this.armed = undefined
        strike()
      }
      if (deed === 'free' && Number.isFinite(this.#disk.capacityBytes)) this.#knownFullMs ??= world.nowMs + plan.writeMs + 1
      if (this.isFailing && deed === 'sync' && name.endsWith('.log')) throw systemError('EIO', name)
    }
  }

  get bytes(): number {
    return this.#disk.platter.bytes
  }

  /** For a start of a router in this process. Never resolves where that is killed before. Rejects as `openJournal`. */
  async open(process: VirtualProcess, notice: () => void): Promise<Opened> {
    this.#process = process
    return await opened(this.#disk, { ...this.#plan, ports: process, notice })
  }

  /** The process that has it ends; `isPower`: and everything around it. */
  died(isPower: boolean): void {
    this.armed = undefined
    if (isPower) this.#disk.losePower()
    else this.#disk.kill()
  }

  /** Whether a router that is asked at this time must know that there is no room. */
  isKnownFull(atMs: number): boolean {
    // What was removed meanwhile has made room.
    const freeBytes = this.#disk.capacityBytes - this.bytes
    return this.#knownFullMs !== undefined && this.#knownFullMs < atMs && freeBytes < this.#plan.reserveBytes * CERTAIN_SHARE
  }

  /** Somebody else takes the room, but for what the router keeps free. */
  fill(): void {
    this.#disk.capacityBytes = this.bytes + this.#plan.reserveBytes
  }

  heal(): void {
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY
    this.#knownFullMs = undefined
    this.isFailing = false
    this.extraMs = 0
    this.armed = undefined
  }

  /** Nobody has it. Damages a file, and lets an operator do what is planned where that shows. */
  async damage({ deed, file, at, afterwards }: Damage): Promise<Verdict> {
    const whole = this.#disk.platter
    const names = [...whole.names.keys()].toSorted()
    const name = names[Math.floor(file * names.length)]
    if (name === undefined) return 'harmless'
    const damaged = whole.copy()
    const inode = damaged.names.get(name)!
    const offset = Math.floor(at * inode.bytes.byteLength)
    if (deed === 'remove') damaged.remove(name)
    else if (deed === 'truncate') inode.cut(offset)
    else if (inode.bytes.byteLength > 0) inode.bytes[offset]! ^= 1 << (Math.floor(at * 8_388_608) % 8)
    inode.makeSafe()
    damaged.makeNamesSafe()
    const prospect = await this.#prospect(damaged.copy())
    const verdict = this.#compare(await this.#prospect(whole.copy()), prospect)
    // Where there was nothing but its name, a store begins with another one.
    if (verdict === 'harmless' && prospect?.report.isNew === true) this.replace()
    else if (verdict === 'harmless') this.#disk.platter = damaged
    else if (afterwards === 'begin anew') this.replace()
    return verdict
  }

  /** An empty folder instead. */
  replace(): void {
    this.generation++
    this.#disk.platter = new Platter()
  }

  /** How much is left of a store that nobody uses, once all that need not be kept is removed. */
  async remains(): Promise<number> {
    const disk = new VirtualDisk({ random: this.#random }, this.#disk.platter.copy())
    const { journal } = (await opened(disk, { ...this.#plan, ...instant(this.#random), snapshotBytes: 1 })).kept.store
    // The next snapshot is due when as much was written as the last one is long.
    for (let written = 0; written < this.bytes; written += PIECE_BYTES) journal.release(journal.append(0, [new Uint8Array(PIECE_BYTES)]))
    // One piece of the upkeep after another, each some promise jobs long.
    for (let turns = 0; turns < 2000; turns++) await Promise.resolve()
    await journal.close()
    return disk.platter.bytes
  }

  #compare(whole: Prospect | undefined, damaged: Prospect | undefined): Verdict {
    if (damaged === undefined) return 'refused'
    if (whole === undefined || whole.entries === damaged.entries) return 'harmless'
    return damaged.report.tornBytes > 0 ? 'counted' : 'unnoticed'
  }

  /** Undefined where it is refused. */
  async #prospect(platter: Platter): Promise<Prospect | undefined> {
    try {
      const disk = new VirtualDisk({ random: this.#random }, platter)
      const { kept, report } = await opened(disk, { ...this.#plan, ...instant(this.#random) })
      const entries = [...foldOfKept(kept).entries()].map((entry) => Buffer.from(entry).toString()).join('\n')
      await kept.store.journal.close()
      return { report, entries }
    } catch {
      return undefined
    }
  }

  #delayMs(deed: DiskDeed): number {
    const { writeMs, syncMs } = this.#plan
    const mostMs = deed === 'sync' || deed === 'syncFolder' ? syncMs + this.extraMs : writeMs
    return this.#random.between(0, mostMs)
  }
}

async function opened(disk: VirtualDisk, options: JournalOptions): Promise<Opened> {
  const kept = emptyKept()
  const { journal, report } = await openJournal(disk.mount(), foldOfKept(kept), options)
  beginKept(kept, journal)
  return { kept, report }
}

function instant(random: Seeded): Pick<JournalOptions, 'ports'> {
  return { ports: { random: random.fork('instant'), soon: { onTick: queueMicrotask, afterInput: queueMicrotask } } }
}
