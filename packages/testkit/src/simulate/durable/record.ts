/** What was seen of durable events: what was published, which ids the logs gave, what each reader was given. Only shapes, and how they are found again. */
import { topicMatches } from '@waybill/core'
import type { History } from '../history.js'
import type { ReaderPlan } from './plan.js'

interface Process {
  readonly name: string
  readonly id: number
  readonly isAlive: boolean
}

/** The value of an event. `by` is the process that published it, `number` its own count. */
export interface Bark {
  readonly by: number
  readonly number: number
  readonly padding: string
}

export interface Publication extends Bark {
  readonly name: string
  readonly topic: string
  readonly atMs: number
  /** What its publisher was told. */
  outcome: { readonly id: number } | { readonly code: string; readonly executed: string } | undefined
}

/** An event of a log; logs are named as `History.keeperOf` does. */
export interface Logged {
  readonly log: string
  readonly id: number
}

export type Read = {
  readonly atMs: number
  /** The program has done with it, and asked for the next one. */
  isTaken: boolean
} & (
  | { readonly kind: 'event'; readonly id: number; readonly key: string; readonly topic: string; readonly from: string }
  /** Without numbers the log is another one from here on. */
  | { readonly kind: 'gap'; readonly from: number | undefined; readonly to: number | undefined }
)

/** One durable subscription of one process. */
export interface Reading {
  readonly plan: ReaderPlan
  readonly process: Process
  /** Behind which event it begins, where the program says so; the log is unknown of what precedes all. */
  readonly after: { readonly id: number; readonly log: string | undefined } | undefined
  readonly reads: Read[]
  /** Why nothing follows. */
  ended: string | undefined
  /** It went on until all was over. */
  isThere: boolean
}

export function keyOf({ by, number }: Pick<Bark, 'by' | 'number'>): string {
  return `${by} ${number}`
}

export class Record {
  /** By key. */
  readonly publications = new Map<string, Publication>()
  readonly readings: Reading[] = []
  /** What stands in each log, by id, as far as anybody was told of it. */
  readonly logs = new Map<string, Map<number, string>>()
  /** Where each event stands, by key. */
  readonly places = new Map<string, Logged>()
  /** The log of the last router. */
  final = ''
  readonly #history: History

  constructor(history: History) {
    this.#history = history
  }

  /** What stands in a log for a pattern, in order. */
  dueOf(log: string, pattern: string): readonly number[] {
    const events = [...(this.logs.get(log) ?? [])].filter(([, key]) => topicMatches(pattern, this.publications.get(key)!.topic))
    return events.map(([id]) => id).toSorted((one, other) => one - other)
  }

  /** Somebody was told that the event has this id: nobody may be told otherwise, at this start of the router or a later one. */
  told(key: string, { log, id }: Logged): void {
    const events = this.logs.get(log) ?? new Map<number, string>()
    this.logs.set(log, events)
    const [known, place] = [events.get(id), this.places.get(key)]
    if (known !== undefined && known !== key) this.#history.violate('I10', `event ${id} of ${log} is ${known}, and ${key}`)
    if (place !== undefined && (place.log !== log || place.id !== id))
      this.#history.violate('I10', `event ${key} is ${place.id} of ${place.log}, and ${id} of ${log}`)
    events.set(id, key)
    this.places.set(key, { log, id })
  }
}
