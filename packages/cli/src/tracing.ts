/**
 * Owns what becomes of one call, with the time of each step, as its caller can know it: what is sent to whom and what it costs on the way is the
 * router's. Of many alike only the first and the last are kept.
 */
import type { Call, Progress } from '@waybill/client'
import { WaybillError, type Clock } from '@waybill/core'
import { lineText } from './show/value.js'
import { isStream, iteratorOf } from './streaming.js'

export type StepName = 'sent' | 'accepted' | 'started' | 'progress' | 'opened' | 'item' | 'returned' | 'result' | 'rejected' | 'exception'

export interface Step {
  readonly event: StepName
  readonly atMs: number
  readonly text?: string
  /** It stands for so many, and is the last of them. */
  readonly count?: number
}

/** So many progresses, and so many items, stand in a trace. */
const MOST_ALIKE = 5

export class Trace {
  readonly #steps: Step[] = []
  readonly #clock: Clock
  readonly #fromMs: number
  readonly #seen = new Map<StepName, number>()
  #outcome: Step | undefined
  #result: unknown

  /** To be made in front of the call: the time begins here. */
  constructor(clock: Clock) {
    this.#clock = clock
    this.#fromMs = clock.nowMs()
  }

  /** In order: where it has ended while items that had arrived were still read, they come first. */
  get steps(): readonly Step[] {
    if (this.#outcome === undefined) return this.#steps
    return [...this.#steps, { ...this.#outcome, atMs: Math.max(this.#outcome.atMs, this.#steps.at(-1)?.atMs ?? 0) }]
  }

  get result(): unknown {
    return this.#result
  }

  /** To be given the call at once. Reads its streams to their end. Rejects with what the call or its stream ends with; the steps are there then too. */
  async follow(call: Call<unknown>): Promise<void> {
    this.#add('sent')
    void call
      .on('accepted', () => this.#add('accepted'))
      .on('started', () => this.#add('started'))
      .on('progress', (progress) => this.#add('progress', progressText(progress)))
      .on('rejected', ({ code }) => this.#end('rejected', code))
      .on('result', (value) => this.#end('result', isStream(value) ? undefined : lineText(value)))
      .on('exception', (error) => this.#end('exception', WaybillError.from(error).code))
    const value = await call
    if (!isStream(value)) return void (this.#result = value)
    this.#add('opened', 'a stream')
    const pieces = iteratorOf(value)
    for (;;) {
      const { done, value: item } = await pieces.next()
      if (done !== true) this.#add('item', item instanceof Uint8Array ? `${item.byteLength} bytes` : lineText(item))
      else if (item !== undefined) this.#add('returned', lineText(item))
      if (done === true) return
    }
  }

  #step(event: StepName, text: string | undefined, count?: number): Step {
    const atMs = Math.round((this.#clock.nowMs() - this.#fromMs) * 1000) / 1000
    return { event, atMs, ...(text !== undefined && { text }), ...(count !== undefined && { count }) }
  }

  #add(event: StepName, text?: string): void {
    const seen = (this.#seen.get(event) ?? 0) + 1
    this.#seen.set(event, seen)
    if (seen <= MOST_ALIKE) return void this.#steps.push(this.#step(event, text))
    const merged = this.#steps.findIndex((step) => step.event === event && step.count !== undefined)
    if (merged >= 0) this.#steps.splice(merged, 1)
    this.#steps.push(this.#step(event, text, seen - MOST_ALIKE))
  }

  /** Items that have arrived before may be read after it. */
  #end(event: StepName, text?: string): void {
    this.#outcome = this.#step(event, text)
  }
}

function progressText({ total, completed, details }: Progress): string {
  return `${completed}${total > 0 ? `/${total}` : ''}${details === undefined ? '' : `  ${lineText(details)}`}`
}
