/** Publishes and reads durable events as planned, in each process of a client anew, and writes down what is told. */
import type { Client, DurableSubscription, EventGap, Exceptional, TopicEvent } from '@waybill/client'
import type { World } from '../../world.js'
import type { Cast, Life } from '../cast.js'
import type { History } from '../history.js'
import { TOPICS, type DurablePlan, type ReaderPlan } from './plan.js'
import { keyOf, type Bark, type Logged, type Publication, type Read, type Reading, type Record } from './record.js'

const STEP_MS = 50

export class Actors {
  readonly #world: World
  readonly #cast: Cast
  readonly #history: History
  readonly #record: Record
  readonly #plan: DurablePlan
  /** Where the programs are that know it themselves, over their processes. */
  readonly #remembered = new Map<ReaderPlan, { readonly id: number; readonly log: string | undefined }>()
  #published = 0

  constructor(parts: { world: World; cast: Cast; history: History; record: Record; plan: DurablePlan }) {
    this.#world = parts.world
    this.#cast = parts.cast
    this.#history = parts.history
    this.#record = parts.record
    this.#plan = parts.plan
  }

  start(): void {
    const { readers, publications } = this.#plan
    this.#cast.joined = (life, client) => {
      for (const reader of readers) if (reader.name === life.name) void this.#read(life, client, reader)
    }
    for (const { atMs, by, topic, bytes, isDurable } of publications) {
      this.#world.after(atMs, () => {
        const life = this.#cast.current.get(by)
        if (life?.client === undefined) return
        life.process.enter(() => {
          if (isDurable) void this.#publish(life, topic, bytes)
          else life.client!.publish(topic, { by: 0, number: 0, padding: '' }).catch(() => {})
        })
      })
    }
  }

  /** One more event on each topic, and time for everybody to come to it: what precedes it must have been given by then. */
  async last(mostMs: number): Promise<void> {
    const untilMs = this.#world.nowMs + mostMs
    const [name] = this.#history.scenario.callers
    for (const topic of TOPICS) {
      let stored: Logged | undefined
      while (stored === undefined && this.#world.nowMs < untilMs) {
        const life = this.#cast.current.get(name!)
        const key = life?.client?.isConnected === true ? await this.#world.until(this.#publish(life, topic, 0)) : undefined
        stored = key === undefined ? undefined : this.#record.places.get(key)
        if (stored === undefined) await this.#world.advance(STEP_MS)
      }
      if (stored === undefined) return this.#history.violate('I16', `${name} cannot publish long after everything works again`)
    }
    this.#record.final = this.#history.keeperOf(this.#cast.router!.process.id)
    while (this.#here.some((reading) => this.#isBehind(reading)) && this.#world.nowMs < untilMs) await this.#world.advance(STEP_MS)
    for (const reading of this.#here) reading.isThere = true
  }

  /** Those that go on. */
  get #here(): readonly Reading[] {
    const { readings } = this.#record
    return readings.filter(({ process, ended }) => ended === undefined && this.#cast.current.get(process.name)?.process === process)
  }

  #isBehind({ plan, reads }: Reading): boolean {
    const last = this.#record.dueOf(this.#record.final, plan.pattern).at(-1)
    const read = reads.findLast(({ isTaken }) => isTaken)
    if (last === undefined) return false
    return read === undefined || (read.kind === 'gap' ? (read.to ?? 0) < last : this.#record.places.get(read.key)?.id !== last)
  }

  /** The event's key, where it is stored. */
  async #publish({ name, process, client }: Life, topic: string, bytes: number): Promise<string | undefined> {
    const bark: Bark = { by: process.id, number: ++this.#published, padding: 'w'.repeat(bytes) }
    const publication: Publication = { ...bark, name, topic, atMs: this.#world.nowMs, outcome: undefined }
    this.#record.publications.set(keyOf(bark), publication)
    try {
      const { id } = await client!.publish(topic, bark, { durable: true })
      publication.outcome = { id }
      return keyOf(bark)
    } catch (thrown) {
      const { code, executed } = thrown as Exceptional
      publication.outcome = { code, executed }
      if (executed === 'maybe') this.#history.count('durable event of which nobody knows')
      return undefined
    }
  }

  async #read({ process }: Life, client: Client, plan: ReaderPlan): Promise<void> {
    const { pattern, cursor, takesMs } = plan
    const after = cursor === undefined ? (this.#remembered.get(plan) ?? { id: 0, log: undefined }) : undefined
    const reading: Reading = { plan, process, after, reads: [], ended: undefined, isThere: false }
    this.#record.readings.push(reading)
    const events: DurableSubscription<unknown> = client.events(pattern, cursor === undefined ? { after: after!.id } : { cursor })
    try {
      for await (const item of events) {
        if (!process.isAlive) return
        const read = this.#seen(item)
        if (read === undefined) continue
        reading.reads.push(read)
        if (takesMs > 0) await process.sleep(takesMs)
        read.isTaken = true
        this.#remember(plan, read)
      }
      reading.ended = 'Closed'
    } catch (thrown) {
      if (process.isAlive) reading.ended = (thrown as Exceptional).code
    }
  }

  /** Undefined for what is not durable. */
  #seen(item: TopicEvent<unknown> | EventGap): Read | undefined {
    const seen = { atMs: this.#world.nowMs, isTaken: false }
    if (item.kind === 'gap') return item.durable === true ? { ...seen, kind: 'gap', from: item.from, to: item.to } : undefined
    const { id, topic, from, value } = item
    return id === undefined ? undefined : { ...seen, kind: 'event', id, key: keyOf(value as Bark), topic, from }
  }

  #remember(plan: ReaderPlan, read: Read): void {
    if (read.kind === 'event') this.#remembered.set(plan, { id: read.id, log: this.#record.places.get(read.key)?.log })
    else this.#remembered.set(plan, { id: read.to ?? 0, log: read.to === undefined ? undefined : this.#remembered.get(plan)?.log })
  }
}
