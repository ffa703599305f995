/** I10 in its live form, order, patterns and presence. Pure. */
import { topicMatches } from '@waybill/core'
import type { History } from '../history.js'
import { WITNESS } from './plan.js'
import type { Read, Record, Subscribed } from './record.js'

type Event = Read & { kind: 'event' }

/** What the witness saw: of each event the router that took it, by a number that grows, and its place there. */
interface Seen {
  readonly event: Event
  readonly epoch: number
}

export function checkEvents(history: History, record: Record): void {
  const witness = record.subscriptions.find(({ name }) => name === WITNESS)!
  const truth = truthOf(witness)
  for (const subscribed of record.subscriptions) new SubscriptionCheck(history, record, subscribed, truth).all()
  checkPresence(history, record, witness)
}

/** A gap without a number is a router that was lost; after one with a number the witness still counts as that router does. */
function truthOf({ reads }: Subscribed): ReadonlyMap<string, Seen> {
  const truth = new Map<string, Seen>()
  let epoch = 0
  for (const read of reads) {
    if (read.kind === 'event') truth.set(read.key, { event: read, epoch })
    else if (read.missed === undefined) epoch++
  }
  return truth
}

class SubscriptionCheck {
  readonly #history: History
  readonly #record: Record
  readonly #subscribed: Subscribed
  readonly #truth: ReadonlyMap<string, Seen>

  constructor(history: History, record: Record, subscribed: Subscribed, truth: ReadonlyMap<string, Seen>) {
    this.#history = history
    this.#record = record
    this.#subscribed = subscribed
    this.#truth = truth
  }

  all(): void {
    this.#each()
    this.#renewed()
    this.#complete()
  }

  /** What came was published, on that topic and by that client; once, in its publisher's order, and inside the pattern. */
  #each(): void {
    const { pattern, reads } = this.#subscribed
    const seen = new Set<string>()
    const last = new Map<number, number>()
    for (const read of reads) {
      if (read.kind === 'gap') {
        this.#history.count(read.missed === undefined ? 'gap after a lost session' : 'gap of a slow subscriber')
        continue
      }
      const { key, topic, from } = read
      this.#history.count('event')
      if (!topicMatches(pattern, topic)) this.#violate('I10', `it was given ${topic}`)
      if (topic.startsWith('waybill.')) continue
      if (seen.has(key)) this.#violate('I10', `it was given event ${key} twice`)
      seen.add(key)
      const publication = this.#record.publications.get(key)
      if (publication === undefined || publication.topic !== topic || publication.name !== from)
        this.#violate('I7', `nobody published event ${key} on ${topic} as ${from}`)
      else {
        if (publication.isRefused) this.#violate('I5', `event ${key} was refused, and given`)
        if (publication.number < (last.get(publication.by) ?? 0))
          this.#violate('I10', `event ${key} came after number ${last.get(publication.by)}`)
        last.set(publication.by, publication.number)
      }
    }
  }

  /** A subscription is there again after a lost session, and says that something may be missing. */
  #renewed(): void {
    const { reads, renewals } = this.#subscribed
    for (const [at, { atMs, read }] of renewals.entries()) {
      const after = reads.slice(read)
      const next = after.findIndex((one) => one.kind === 'event' && (this.#publishedMs(one.key) ?? 0) > atMs)
      if (after.slice(0, next === -1 ? undefined : next).some(({ kind }) => kind === 'gap')) {
        this.#history.count('subscription that is made again')
        continue
      }
      // It may have been lost once more before the router had answered.
      if (next === -1 && at < renewals.length - 1) continue
      if (next === -1 && !this.#isThere) continue
      this.#violate('I10', `its session began anew at ${atMs.toFixed(3)}, and no gap was shown`)
    }
  }

  /** Whether it lived to the end and its name was its own. */
  get #isThere(): boolean {
    const { process, name } = this.#subscribed
    const last = this.#record.subscriptions.findLast((one) => one.name === name)
    return process.isAlive && last?.process === process
  }

  /** Between two events of one session stands whatever the router took between them; so it does before the first and after the last. */
  #complete(): void {
    const { pattern, reads, readyMs, process } = this.#subscribed
    if (readyMs === undefined) {
      if (this.#isThere) this.#violate('I16', 'it is never ready')
      return
    }
    const due = [...this.#truth.values()].filter(({ event }) => topicMatches(pattern, event.topic) && !event.topic.startsWith('waybill.'))
    let from: Seen | undefined
    let sinceMs = readyMs
    let isOpen = true
    for (const read of reads) {
      if (read.kind === 'gap') {
        from = undefined
        // What was on its way when the gap was shown may have been taken before it.
        sinceMs = read.atMs
        isOpen = read.missed === undefined
        continue
      }
      const to = this.#truth.get(read.key)
      if (to === undefined) continue
      if (read.topic.startsWith('waybill.')) continue
      if (from !== undefined || isOpen) this.#missed(due, from, sinceMs, to, read.atMs)
      from = to
    }
    if (!this.#isThere) return
    for (const { event } of due) {
      const publication = this.#record.publications.get(event.key)
      if (publication?.isLast === true && !reads.some((read) => read.kind === 'event' && read.key === event.key))
        this.#violate('I10', `process ${process.id} was not given event ${event.key}, long after everything works again`)
    }
  }

  #missed(due: readonly Seen[], from: Seen | undefined, sinceMs: number, to: Seen, atMs: number): void {
    for (const { event, epoch } of due) {
      if (epoch !== to.epoch || event.cursor >= to.event.cursor) continue
      const isAfter =
        from === undefined ? (this.#publishedMs(event.key) ?? 0) > sinceMs : epoch === from.epoch && event.cursor > from.event.cursor
      if (isAfter) this.#violate('I10', `event ${event.key} is missing before ${to.event.key} at ${atMs.toFixed(3)}, and no gap was shown`)
    }
    if (from !== undefined && from.epoch === to.epoch && from.event.cursor >= to.event.cursor)
      this.#violate('I10', `event ${to.event.key} came after ${from.event.key}, which the router took later`)
  }

  #publishedMs(key: string): number | undefined {
    return this.#record.publications.get(key)?.atMs
  }

  #violate(invariant: string, what: string): void {
    const { name, pattern, process } = this.#subscribed
    this.#history.violate(invariant, `subscription of ${name} (process ${process.id}) to ${pattern}: ${what}`)
  }
}

/** Each session that began, and ended, while the witness subscribed to one router the whole time was announced, once each. */
function checkPresence(history: History, record: Record, witness: Subscribed): void {
  const seen = new Map<string, number>()
  for (const read of witness.reads) if (read.kind === 'event') seen.set(read.key, (seen.get(read.key) ?? 0) + 1)
  for (const [key, count] of seen)
    if (count > 1 && key.startsWith('waybill.client.')) history.violate('I10', `the witness was told ${count} times: ${key}`)
  // What the witness itself was too slow for may have been one of them.
  if (witness.reads.some((read) => read.kind === 'gap' && read.missed !== undefined)) return
  const routers = [...record.routers.entries()]
  for (const [at, [router, { untilMs }]] of routers.entries()) {
    const sinceMs =
      at === 0 ? witness.readyMs : witness.reads.find(({ kind, atMs }) => kind === 'gap' && atMs > routers[at]![1].fromMs)?.atMs
    if (sinceMs === undefined) continue
    for (const { name, session, atMs } of record.sessions.filter((one) => one.router === router && one.name !== WITNESS)) {
      const keyOf = (change: string): string => `waybill.client.${change} router ${session} ${name}`
      // What a router says in its last moment gets nowhere.
      if (atMs < sinceMs || atMs > untilMs - LAST_MOMENT_MS) continue
      if (!seen.has(keyOf('joined'))) history.violate('presence', `that ${name} (session ${session}) joined was not told`)
      else history.count('client that joined')
      if (at < routers.length - 1) continue
      if (!seen.has(keyOf('left'))) history.violate('presence', `that ${name} (session ${session}) left was not told`)
      else history.count('client that left')
    }
  }
}

const LAST_MOMENT_MS = 100
