/**
 * Ends the process or the power under a journal, again and again, and holds what a start finds against what was said before: all that was said to be safe is
 * there, and what is there is what somebody put, up to one moment.
 */
import { WaybillError } from '@waybill/core'
import { openJournal, type Journal } from '@waybill/server/store'
import { asJob, VirtualDisk } from '../disk/index.js'
import { Seeded } from '../random.js'
import { Cupboard } from './cupboard.js'

export interface CrashOptions {
  /** The first seed. */
  readonly from: number
  readonly runs: number
}

/** What happened in all runs, so that a test can tell that anything did. */
export interface CrashTally {
  crashes: number
  kills: number
  snapshots: number
  removals: number
  /** Records that a start found moved. */
  moves: number
  tornBytes: number
  leftovers: number
  blobs: number
  /** Spools that became one of them, and what was left of others. */
  spools: number
  aborts: number
}

const IDS = 12
const CRASHES_PER_RUN = 8

export async function crashRuns({ from, runs }: CrashOptions): Promise<CrashTally> {
  const tally: CrashTally = {
    crashes: 0,
    kills: 0,
    snapshots: 0,
    removals: 0,
    moves: 0,
    tornBytes: 0,
    leftovers: 0,
    blobs: 0,
    spools: 0,
    aborts: 0,
  }
  for (let seed = from; seed < from + runs; seed++) {
    try {
      await new Run(seed, tally).go()
    } catch (thrown) {
      throw new Error(`seed ${seed}: ${String(thrown)}`, { cause: thrown })
    }
  }
  return tally
}

class Run {
  readonly #random: Seeded
  readonly #disk: VirtualDisk
  /** What the cupboard held after each thing that was done to it, by sequence. */
  readonly #history = new Map<number, string>([[0, '']])
  /** Up to here all is known to be safe. */
  #safe = 0
  #epoch = 0
  #lives = 0

  constructor(
    seed: number,
    private readonly tally: CrashTally,
  ) {
    this.#random = new Seeded(seed)
    this.#disk = new VirtualDisk({ random: this.#random })
  }

  async go(): Promise<void> {
    for (let crash = 0; crash < CRASHES_PER_RUN; crash++) await this.#life()
    this.#disk.before = () => {}
    const { cupboard, journal } = await this.#start()
    await cupboard.verify()
    await journal.close()
  }

  /** One process, from its start to its end at whatever it was doing to the disk then. */
  async #life(): Promise<void> {
    const random = this.#random
    const endsAt = this.#disk.deeds + random.whole(1, random.pick([20, 60, 400]))
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => (end = resolve))
    this.#disk.before = ({ deed, name, index }) => {
      if (deed === 'rename' && name.endsWith('.snapshot')) this.tally.snapshots++
      if (deed === 'remove' && name.endsWith('.log')) this.tally.removals++
      if (deed === 'create' && name.endsWith('.blob')) this.tally.blobs++
      if (deed === 'rename' && name.endsWith('.blob')) this.tally.spools++
      if (deed === 'remove' && name.startsWith('spool-')) this.tally.aborts++
      if (index < endsAt) return
      this.tally.crashes++
      if (random.chance(0.3)) {
        this.tally.kills++
        this.#disk.kill()
      } else this.#disk.losePower()
      this.#lives++
      end()
    }
    const working = this.#work()
    await Promise.race([ended, working])
  }

  async #start(): Promise<{ cupboard: Cupboard; journal: Journal }> {
    const random = this.#random
    const cupboard = new Cupboard()
    const { journal, report } = await openJournal(this.#disk.mount(), cupboard, {
      ports: { random, soon: { onTick: asJob, afterInput: asJob } },
      segmentBytes: random.pick([400, 2000, 10_000]),
      snapshotBytes: random.pick([500, 3000, 20_000]),
      reserveBytes: 1000,
      notice: (error) => {
        throw error
      },
    })
    cupboard.journal = journal
    this.tally.tornBytes += report.tornBytes
    this.tally.leftovers += report.leftovers
    this.tally.moves += cupboard.moves
    if (journal.epoch <= this.#epoch) throw new Error(`epoch ${journal.epoch} came after ${this.#epoch}`)
    this.#epoch = journal.epoch
    if (cupboard.sequence < this.#safe) throw new Error(`${this.#safe} was safe, and a start knows nothing after ${cupboard.sequence}`)
    const expected = this.#history.get(cupboard.sequence)
    if (cupboard.summary !== expected)
      throw new Error(`after ${cupboard.sequence} there was [${expected}], a start finds [${cupboard.summary}]`)
    for (const sequence of this.#history.keys()) if (sequence > cupboard.sequence) this.#history.delete(sequence)
    this.#safe = cupboard.sequence
    return { cupboard, journal }
  }

  async #work(): Promise<void> {
    const { cupboard, journal } = await this.#start()
    const random = this.#random
    const life = this.#lives
    // A process that was ended does nothing more, whatever of its code is still there.
    const isOver = (): boolean => life !== this.#lives
    if (random.chance(0.3)) await cupboard.verify()
    for (let step = 0; step < 300 && !isOver(); step++) {
      // Beside all that follows, for as long as it takes.
      if (random.chance(0.05)) this.#spool(cupboard, isOver).catch(unlessClosed)
      for (let burst = random.whole(1, 4); burst > 0; burst--) this.#change(cupboard)
      const { sequence } = cupboard
      journal.whenSafe(() => {
        if (!isOver()) this.#safe = Math.max(this.#safe, sequence)
      })
      for (let turns = random.whole(0, 6); turns > 0; turns--) await Promise.resolve()
      if (random.chance(0.1)) await new Promise<void>((resolve) => journal.whenSafe(resolve))
      if (random.chance(0.02)) await cupboard.verify()
      if (random.chance(0.002)) break
    }
    if (isOver()) return
    const { sequence } = cupboard
    await journal.close()
    if (!isOver()) this.#safe = sequence
  }

  async #spool(cupboard: Cupboard, isOver: () => boolean): Promise<void> {
    const random = this.#random
    const pieces = Array.from({ length: random.whole(0, 5) }, () => random.whole(0, 900))
    if (random.chance(0.3)) {
      const aborted = cupboard.journal.spool()
      for (const bytes of pieces) await aborted.write(new Uint8Array(bytes))
      return aborted.abort()
    }
    const id = random.whole(1, IDS)
    await cupboard.spool(id, pieces, (sequence) => isOver() || this.#history.set(sequence, cupboard.summary))
  }

  #change(cupboard: Cupboard): void {
    const random = this.#random
    const id = random.whole(1, IDS)
    const sequence = random.chance(0.65) ? cupboard.put(id, random.chance(0.02) ? 70_000 : random.whole(0, 300)) : cupboard.take(id)
    this.#history.set(sequence, cupboard.summary)
  }
}

/** The end of a journal aborts what is being spooled. */
function unlessClosed(thrown: unknown): void {
  if (!(thrown instanceof WaybillError) || thrown.code !== 'Closed') throw thrown
}
