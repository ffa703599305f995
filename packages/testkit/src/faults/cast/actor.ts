/** A worker or a caller over all its starts: started again whenever it has ended, under the same place, and under its name where it has one. */
import type { LogFile } from '../log-file.js'
import type { HarnessLine } from '../lines.js'
import { nowMs, pause, within } from '../now.js'
import type { Role } from '../plan.js'
import type { Cable } from './cable.js'
import { forkOwn, type Child } from './children.js'
import type { Counts, Given, Order } from './joining.js'

export interface Part {
  readonly role: Role
  readonly place: number
  readonly folder: string
  readonly url: string
  readonly cable: Cable | undefined
  readonly name: string | undefined
  readonly seed: number
  readonly rate: number
  readonly log: LogFile<HarnessLine>
}

const NO_COUNTS: Counts = { attempted: 0, acknowledged: 0, ok: 0, failed: 0, open: 0, isDone: false }
/** As long as a client takes to end what runs, and a little. */
const ASKED_MS = 28_000
const REST_MS = 500

export class Actor {
  /** Of this start. */
  counts = NO_COUNTS
  /** Of all starts before it. */
  readonly past = { attempted: 0, acknowledged: 0, ok: 0, failed: 0 }
  isReady = false
  #child: Child | undefined
  #starts = 0
  #stoppedUntilMs = 0
  #isOver = false

  constructor(readonly part: Part) {}

  get who(): string {
    return `${this.part.role}-${this.part.place}.${this.#starts}`
  }

  get isRunning(): boolean {
    return this.#child?.isRunning === true
  }

  get isStopped(): boolean {
    return nowMs() < this.#stoppedUntilMs
  }

  start(): void {
    if (this.#isOver || this.isRunning) return
    const { role, place, folder, url, name, seed, rate, log } = this.part
    const former = this.#starts === 0 ? undefined : this.who
    this.#starts++
    const { who } = this
    for (const count of ['attempted', 'acknowledged', 'ok', 'failed'] as const) this.past[count] += this.counts[count]
    this.counts = NO_COUNTS
    this.isReady = false
    const given: Given = {
      url,
      folder,
      who,
      ...(former !== undefined && { former }),
      ...(name !== undefined && { name }),
      seed: seed + this.#starts * 1000 + place,
      rate,
    }
    log.write({ e: 'spawned', who })
    const child = forkOwn(new URL(`./${role}.js`, import.meta.url), given)
    this.#child = child
    child.process.on('message', (message) => {
      if (message === 'ready') this.isReady = true
      else if (this.#child === child) this.counts = message as Counts
    })
    void child.ended.then(async ({ code, signal }) => {
      if (this.#child !== child || (this.#isOver && code === 0) || this.counts.isDone) return
      log.write({ e: 'died', who, how: `${signal ?? `exit ${code}`}: ${child.stderr.trim().slice(-500)}` })
      await pause(REST_MS)
      this.start()
    })
  }

  /** Ends it, and starts it again after a while. */
  async end(gently: boolean, downMs: number): Promise<void> {
    const child = this.#child
    if (child?.isRunning !== true) return
    const { who } = this
    this.#child = undefined
    child.kill('SIGCONT')
    this.#stoppedUntilMs = 0
    child.kill(gently ? 'SIGTERM' : 'SIGKILL')
    const inTime = await Promise.race([child.ended.then(() => true), pause(ASKED_MS).then(() => false)])
    if (!inTime) child.kill('SIGKILL')
    await child.ended
    this.part.log.write({ e: 'ended', who, how: gently && inTime ? 'asked' : 'killed' })
    await pause(downMs)
    this.start()
  }

  async stop(forMs: number): Promise<void> {
    const child = this.#child
    if (child?.isRunning !== true || this.isStopped) return
    this.#stoppedUntilMs = nowMs() + forMs
    child.kill('SIGSTOP')
    this.part.log.write({ e: 'away', who: this.who, why: `stop ${this.part.role}`, forMs })
    await pause(forMs)
    child.kill('SIGCONT')
  }

  tell(order: Order): void {
    if (this.isRunning) this.#child!.process.send(order)
  }

  /** For good. */
  async over(): Promise<void> {
    this.#isOver = true
    const child = this.#child
    if (child?.isRunning !== true) return
    child.process.disconnect()
    if (!(await within(5000, () => !child.isRunning))) child.kill('SIGKILL')
    await child.ended
  }
}
