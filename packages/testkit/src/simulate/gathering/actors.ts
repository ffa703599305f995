/** Publishes, subscribes, asks many and drains as planned, and writes down what is told. */
import type { Client, Exceptional, Fan, RemoteOptions, TopicEvent } from '@waybill/client'
import type { World } from '../../world.js'
import type { Cast, Life } from '../cast.js'
import type { History } from '../history.js'
import { argumentsOf, type Kennel } from '../kennel.js'
import { TOPICS, type GatheringPlan, type GroupPlan } from './plan.js'
import type { Bark, Gathering, Record, Subscribed } from './record.js'

interface Drainer {
  drain(client: string): unknown
}

export class Actors {
  readonly #world: World
  readonly #cast: Cast
  readonly #history: History
  readonly #record: Record
  readonly #plan: GatheringPlan
  #published = 0

  constructor(parts: { world: World; cast: Cast; history: History; record: Record; plan: GatheringPlan }) {
    this.#world = parts.world
    this.#cast = parts.cast
    this.#history = parts.history
    this.#record = parts.record
    this.#plan = parts.plan
  }

  start(): void {
    const { publications, groups, drains } = this.#plan
    this.#cast.joined = (life, client) => this.#joined(life, client)
    for (const { atMs, by, topic, bytes } of publications) this.#at(atMs, by, (life) => void this.#publish(life, topic, bytes, false))
    for (const group of groups) this.#at(group.atMs, group.by, (life) => this.#gather(life, group))
    for (const { atMs, name } of drains) this.#at(atMs, name, (life) => this.#drain(life))
  }

  /** Everybody publishes on each topic, until it is taken: what comes before these must have been given or shown as a gap. */
  async last(mostMs: number): Promise<void> {
    const untilMs = this.#world.nowMs + mostMs
    for (const name of this.#plan.patterns.keys()) {
      for (const topic of TOPICS) {
        let isTaken = false
        while (!isTaken && this.#world.nowMs < untilMs) {
          const life = this.#cast.current.get(name)
          if (life?.client?.isConnected === true) isTaken = await this.#publish(life, topic, 0, true)
          if (!isTaken) await this.#world.advance(50)
        }
        if (!isTaken) this.#history.violate('I16', `${name} cannot publish long after everything works again`)
      }
    }
  }

  #at(atMs: number, name: string, act: (life: Life) => void): void {
    this.#world.after(atMs, () => {
      const life = this.#cast.current.get(name)
      if (life?.client !== undefined && life.process.isAlive) act(life)
    })
  }

  #joined(life: Life, client: Client): void {
    const { name, process } = life
    const subscriptions = (this.#plan.patterns.get(name) ?? []).map((pattern) => this.#subscribe(life, client, pattern))
    let isLost = false
    client.onStatus(({ kind }) => {
      if (!process.isAlive) return
      const atMs = this.#world.nowMs
      if (kind === 'lost') isLost = true
      else if (kind === 'connected' && isLost) {
        isLost = false
        for (const { readyMs, renewals, reads } of subscriptions) if (readyMs !== undefined) renewals.push({ atMs, read: reads.length })
      } else if (kind === 'draining' && life.hasOffered)
        this.#record.drains.push({ process, fromMs: atMs, untilMs: undefined, hasEnded: false })
      else if (kind === 'drained' || kind === 'closed') {
        const drained = this.#record.drains.findLast((one) => one.process === process)
        if (drained === undefined) return
        if (kind === 'drained') drained.untilMs ??= atMs
        else if (drained.untilMs === undefined) drained.hasEnded = true
      }
    })
  }

  #subscribe({ name, process }: Life, client: Client, pattern: string): Subscribed {
    const subscribed: Subscribed = { name, process, pattern, reads: [], readyMs: undefined, renewals: [] }
    this.#record.subscriptions.push(subscribed)
    const events = client.events(pattern)
    events.ready.then(
      () => (subscribed.readyMs = this.#world.nowMs),
      () => {},
    )
    const read = async (): Promise<void> => {
      for await (const item of events) {
        if (!process.isAlive) return
        const atMs = this.#world.nowMs
        if (item.kind === 'gap') subscribed.reads.push({ kind: 'gap', atMs, missed: item.missed })
        else subscribed.reads.push({ kind: 'event', atMs, key: keyOf(item), topic: item.topic, from: item.from, cursor: item.cursor })
      }
    }
    read().catch(() => {})
    return subscribed
  }

  /** Whether it was handed over. */
  async #publish({ name, process, client }: Life, topic: string, bytes: number, isLast: boolean): Promise<boolean> {
    const bark: Bark = { by: process.id, number: ++this.#published, topic, padding: 'w'.repeat(bytes) }
    const publication = { ...bark, name, atMs: this.#world.nowMs, isLast, isRefused: false }
    this.#record.publications.set(`${bark.by} ${bark.number}`, publication)
    try {
      await client!.publish(topic, bark)
      return true
    } catch {
      publication.isRefused = true
      return false
    }
  }

  #gather(life: Life, plan: GroupPlan): void {
    const { method, wish, deadlineMs, cancelAfterMs } = plan
    const options: RemoteOptions = { deadline: deadlineMs, data: { id: plan.id } }
    const callable = life.client!.remote<Kennel>('Kennel', options)[method] as unknown as {
      with(wish: object): { all(...args: readonly unknown[]): Fan<unknown> }
    }
    const fan = callable.with('all' in wish ? {} : wish).all(...argumentsOf(plan))
    const gathering: Gathering = {
      plan,
      process: life.process,
      sn: fan.sn,
      startedMs: this.#world.nowMs,
      isCancelled: false,
      ends: 0,
      endedMs: undefined,
      gathered: undefined,
      error: undefined,
    }
    this.#record.gatherings.push(gathering)
    const end = (): boolean => {
      if (!life.process.isAlive) return false
      gathering.ends++
      gathering.endedMs = this.#world.nowMs
      return true
    }
    fan.then(
      ({ results, exceptions, missing }) => {
        if (!end()) return
        const codes = new Map(Array.from(exceptions, ([from, { code }]) => [from, code]))
        gathering.gathered = { results: new Map(results), exceptions: codes, missing: [...missing] }
      },
      (error: Error & Exceptional & { details?: { instances?: object } }) => {
        if (!end()) return
        const { code, executed, details } = error
        const instances = code === 'NotIdempotent' ? [] : Object.keys(details?.instances ?? {})
        gathering.error = { code, executed, instances }
      },
    )
    if (cancelAfterMs === undefined) return
    this.#world.after(cancelAfterMs, () => {
      if (gathering.ends > 0 || !life.process.isAlive) return
      gathering.isCancelled = true
      void fan.cancel('planned')
    })
  }

  /** By a client of the same principal, which may: here the worker's own. */
  #drain(life: Life): void {
    const router = life.client!.remote<Drainer>('waybill.Router', { deadline: 2000 })
    router.drain(life.name).then(
      () => this.#history.count('drain'),
      () => {},
    )
  }
}

/** The same for whoever gets it. */
function keyOf({ topic, from, value }: TopicEvent<unknown>): string {
  if (!topic.startsWith('waybill.')) return `${(value as Bark).by} ${(value as Bark).number}`
  const { id, name, client, service } = value as { id?: string; name?: string; client?: string; service?: string }
  return `${topic} ${from} ${id ?? `${client} ${service}`} ${name ?? ''}`
}
