/** Durable events beside the calls of a simulation: who publishes and reads them, what was seen, and whether that is as it must be. */
import type { World } from '../../world.js'
import type { Cast } from '../cast.js'
import type { History } from '../history.js'
import { Actors } from './actors.js'
import { checkDurable } from './check.js'
import type { DurablePlan } from './plan.js'
import { Record } from './record.js'
import { Watcher } from './watcher.js'

export class Durable {
  readonly watcher: Watcher
  readonly #history: History
  readonly #plan: DurablePlan
  readonly #record: Record
  #actors: Actors | undefined

  constructor(history: History, plan: DurablePlan) {
    this.#history = history
    this.#plan = plan
    this.#record = new Record(history)
    this.watcher = new Watcher(this.#record, history)
  }

  /** Before anybody starts. */
  begin(world: World, cast: Cast): void {
    const { readers, publications } = this.#plan
    if (readers.length + publications.length === 0) return
    this.#actors = new Actors({ world, cast, history: this.#history, record: this.#record, plan: this.#plan })
    this.#actors.start()
  }

  /** When everything works again. */
  async end(mostMs: number): Promise<void> {
    if (this.#actors === undefined) return
    await this.#actors.last(mostMs)
    checkDurable(this.#history, this.#record, this.#plan)
  }
}
