/**
 * I10 for durable events: each is given in the order of ids, to one process once, over all processes of a cursor at least once, or a durable gap stands in its
 * place; and no gap stands where nothing was dropped. Pure.
 */
import { topicMatches } from '@waybill/core'
import type { History } from '../history.js'
import { tenantOf } from '../setting.js'
import type { DurablePlan } from './plan.js'
import type { Read, Reading, Record } from './record.js'

/** A log is dropped down to so much of what it may keep. */
const LEAST_KEPT = 1 - 1 / 64

export function checkDurable(history: History, record: Record, plan: DurablePlan): void {
  publishers(history, record)
  for (const reading of record.readings) new ReadingCheck(history, record, reading, plan).all()
  cursors(history, record, plan)
  const here = record.readings.filter(({ isThere }) => isThere)
  for (const { ended, plan: its, process } of record.readings) {
    if (ended === undefined) continue
    history.count(`durable subscription ended by ${ended}`)
    const isTakenOver = ended === 'Superseded' && here.some((other) => isSameCursor(other.plan, its))
    if (process.isAlive && here.some((other) => other.process === process) && !isTakenOver)
      history.violate(
        'explained',
        `${process.name} (process ${process.id}) was told ${ended} of its durable subscription to ${its.pattern}`,
      )
  }
}

function isSameCursor(one: Reading['plan'], other: Reading['plan']): boolean {
  return one.cursor !== undefined && one.cursor === other.cursor && tenantOf(one.name) === tenantOf(other.name)
}

/** What publishers were told, and the order of each one's events. */
function publishers(history: History, record: Record): void {
  for (const [key, { outcome }] of record.publications) {
    const place = record.places.get(key)
    if (outcome === undefined) continue
    if ('id' in outcome && place?.id !== outcome.id)
      history.violate('I7', `event ${key} was said to be ${outcome.id}, and is ${place?.id ?? 'none'}`)
    if (!('id' in outcome) && outcome.executed === 'no' && place !== undefined)
      history.violate('I5', `event ${key} is ${place.id} of ${place.log}, and was ${outcome.code}{no}`)
  }
  for (const [log, events] of record.logs) {
    const last = new Map<number, number>()
    for (const [id, key] of [...events].toSorted(([one], [other]) => one - other)) {
      const { by, number } = record.publications.get(key)!
      if (number < (last.get(by) ?? 0)) history.violate('I10', `event ${key} is ${id} of ${log}, behind number ${last.get(by)}`)
      last.set(by, number)
    }
  }
}

/** Over all processes that have read it: what its programs have taken of the last log is all that is in it. */
function cursors(history: History, record: Record, { readers }: DurablePlan): void {
  const seen = new Set<string>()
  for (const reader of readers) {
    const name = `${reader.cursor} of ${tenantOf(reader.name)}`
    const lives = record.readings.filter(({ plan }) => isSameCursor(plan, reader))
    if (seen.has(name) || lives.length === 0) continue
    seen.add(name)
    const covered = new Covered()
    for (const { reads } of lives) for (const read of lastOf(reads, record)) if (read.isTaken) covered.add(read)
    const missing = record.dueOf(record.final, reader.pattern).filter((id) => !covered.has(id))
    if (missing.length > 0)
      history.violate('I10', `of the cursor ${name} nobody was given ${missing.join()} of ${record.final}, and no gap was shown`)
  }
}

/** What was read of the last log. */
function lastOf(reads: readonly Read[], record: Record): readonly Read[] {
  const segment = segmentsOf(reads).at(-1)!
  return logOf(segment, record) === record.final ? segment : []
}

/** Undefined where no event tells. */
function logOf(reads: readonly Read[], record: Record): string | undefined {
  const event = reads.find(({ kind }) => kind === 'event')
  return event?.kind === 'event' ? record.places.get(event.key)?.log : undefined
}

/** Between two of them the log became another one. */
function segmentsOf(reads: readonly Read[]): readonly (readonly Read[])[] {
  const segments: Read[][] = [[]]
  for (const read of reads) {
    if (read.kind === 'gap' && read.to === undefined) segments.push([])
    else segments.at(-1)!.push(read)
  }
  return segments
}

/** Ids that were given, or that a gap stands for. */
class Covered {
  readonly #ids = new Set<number>()
  readonly #gaps: { readonly from: number; readonly to: number }[] = []

  add(read: Read): void {
    if (read.kind === 'event') this.#ids.add(read.id)
    else this.#gaps.push({ from: read.from!, to: read.to! })
  }

  has(id: number): boolean {
    return this.#ids.has(id) || this.#gaps.some(({ from, to }) => id >= from && id <= to)
  }
}

class ReadingCheck {
  readonly #history: History
  readonly #record: Record
  readonly #reading: Reading
  readonly #mostKept: number

  constructor(history: History, record: Record, reading: Reading, { mostKept = Number.POSITIVE_INFINITY }: DurablePlan) {
    this.#history = history
    this.#record = record
    this.#reading = reading
    this.#mostKept = mostKept
  }

  all(): void {
    const { reads, after } = this.#reading
    const segments = segmentsOf(reads)
    for (const [at, segment] of segments.entries()) {
      if (at > 0) this.#history.count('log that is another one')
      const log = logOf(segment, this.#record)
      const isLast = at === segments.length - 1
      if (log === undefined) {
        if (isLast && this.#reading.isThere && this.#due(this.#record.final).length > 0) this.#violate('it is given nothing')
        continue
      }
      this.#segment(segment, log, at === 0 ? this.#begins(log, after) : 0, isLast && log === this.#record.final)
      if (isLast && this.#reading.isThere && log !== this.#record.final) this.#violate(`it is given nothing of ${this.#record.final}`)
    }
  }

  /** Behind which id the first segment begins, where that is known. */
  #begins(log: string, after: Reading['after']): number | undefined {
    return after?.id === 0 || after?.log === log ? after.id : undefined
  }

  #segment(reads: readonly Read[], log: string, begins: number | undefined, isFinal: boolean): void {
    const due = this.#due(log)
    let last = this.#reading.after === undefined ? undefined : begins
    let behind = last ?? 0
    const others = this.#takenByOthers(log)
    const pass = (from: number): void => {
      const missing = last === undefined ? [] : due.filter((id) => id > last! && id < from && !others.has(id))
      if (missing.length > 0) this.#violate(`${missing.join()} of ${log} is missing before ${from}, and no gap is shown`)
    }
    for (const read of reads) {
      const [from, to] = read.kind === 'event' ? [read.id, read.id] : [read.from!, read.to!]
      if (from <= behind || to < from) this.#violate(`${from} to ${to} of ${log} comes behind ${behind}`)
      pass(from)
      last = behind = to
      if (read.kind === 'event') this.#event(read, log)
      else this.#gap(read, log, from, to)
    }
    if (!isFinal || !this.#reading.isThere) return
    pass(Number.POSITIVE_INFINITY)
  }

  #event({ key, topic, from, id }: Read & { kind: 'event' }, log: string): void {
    this.#history.count('durable event')
    const { places, publications, readings } = this.#record
    const [place, publication] = [places.get(key), publications.get(key)]
    if (place?.log !== log || place.id !== id || publication?.topic !== topic || publication.name !== from)
      return this.#violate(`event ${key} (${topic} of ${from}, ${id} of ${log}) is none that was published so`)
    const { plan, process } = this.#reading
    if (!topicMatches(plan.pattern, topic)) this.#violate(`it was given ${topic}`)
    const isAgain = readings.some(
      (other) =>
        other.process !== process &&
        (other.plan === plan || isSameCursor(other.plan, plan)) &&
        other.reads.some((read) => read.kind === 'event' && read.key === key),
    )
    if (isAgain) this.#history.count('durable event that another process is given again')
  }

  /** There is a reason for it. */
  #gap({ atMs }: Read, log: string, from: number, to: number): void {
    this.#history.count('durable gap')
    const last = Math.max(0, ...(this.#record.logs.get(log)?.keys() ?? []))
    const isDropped = to <= last - Math.floor(this.#mostKept * LEAST_KEPT)
    if (isDropped || this.#history.isDamaged || this.#history.hasJumped(0, Number.POSITIVE_INFINITY)) return
    this.#violate(`${from} to ${to} of ${log} is a gap at ${atMs.toFixed(3)}, and is kept`)
  }

  /** Under the same name: what they have taken this one is not given, where it has the cursor again after them. */
  #takenByOthers(log: string): Covered {
    const covered = new Covered()
    for (const other of this.#record.readings) {
      if (other === this.#reading || !isSameCursor(other.plan, this.#reading.plan)) continue
      for (const segment of segmentsOf(other.reads)) {
        if (logOf(segment, this.#record) !== log) continue
        for (const read of segment) if (read.isTaken) covered.add(read)
      }
    }
    return covered
  }

  #due(log: string): readonly number[] {
    return this.#record.dueOf(log, this.#reading.plan.pattern)
  }

  #violate(what: string): void {
    const { process, plan } = this.#reading
    const under = plan.cursor === undefined ? '' : ` (cursor ${plan.cursor})`
    this.#history.violate('I10', `durable subscription of ${process.name} (process ${process.id}) to ${plan.pattern}${under}: ${what}`)
  }
}
