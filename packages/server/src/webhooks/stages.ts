/** How far one post has come and how long that may take, over the clock: it aborts its signal with the failure that says so. Knows no socket. */
import type { Clock, Timer, WaybillError } from '@waybill/core'
import { errnoOf, failed, reasonOf, type FailureTerms, type Reason, type Stage } from './failures.js'
import type { WebhookLimits } from './options.js'

/** What is waited for, and how the wait fails. */
interface Wait {
  readonly reason: Reason
  readonly limit: keyof WebhookLimits
  readonly what: string
}

const waits = {
  connection: { reason: 'connectTimeout', limit: 'connectMs', what: 'was not reached' },
  reader: { reason: 'sendTimeout', limit: 'idleMs', what: 'took nothing of the body' },
  answer: { reason: 'answerTimeout', limit: 'answerMs', what: 'did not finish its answer' },
} as const satisfies Readonly<Record<string, Wait>>

export class Stages {
  readonly #clock: Clock
  readonly #limits: WebhookLimits
  readonly #origin: string
  readonly #ended = new AbortController()
  readonly #whole: Timer
  readonly #given: AbortSignal
  readonly #cancel = (): void => this.#end('cancelled', 'the post was cancelled')
  #wait: Timer | undefined
  #at: Stage = 'connecting'

  constructor(clock: Clock, limits: WebhookLimits, origin: string, given: AbortSignal) {
    this.#clock = clock
    this.#limits = limits
    this.#origin = origin
    this.#given = given
    this.#whole = clock.timer(limits.timeoutMs, () => this.#end('tooLong', `${origin} took more than ${limits.timeoutMs} ms in all`))
    if (given.aborted) this.#cancel()
    else given.addEventListener('abort', this.#cancel, { once: true })
  }

  /** Aborted, with the failure as its reason, when a time is over or the post is cancelled. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /** From here on something of the request may have left this process. */
  sending(): void {
    this.rest()
    this.#at = 'sending'
  }

  answering(): void {
    this.#at = 'answering'
  }

  /** Ends the wait before. */
  await(what: keyof typeof waits): void {
    const { reason, limit, what: missed } = waits[what]
    const ms = this.#limits[limit]
    this.rest()
    this.#wait = this.#clock.timer(ms, () => this.#end(reason, `${this.#origin} ${missed} within ${ms} ms`))
  }

  /** Waits for nothing that has a time of its own. */
  rest(): void {
    this.#wait?.cancel()
    this.#wait = undefined
  }

  /** The failure at the stage that was reached. What was thrown is its cause; where that is a failure already, it is that. */
  failure(reason: Reason, what: string, { cause, ...terms }: FailureTerms = {}): WaybillError {
    if (reasonOf(cause) !== undefined) return cause as WaybillError
    const errno = errnoOf(cause)
    return failed(reason, this.#at, what, { origin: this.#origin, ...(errno !== undefined && { errno }), ...terms, cause })
  }

  /** The post is over. */
  done(): void {
    this.rest()
    this.#whole.cancel()
    this.#given.removeEventListener('abort', this.#cancel)
  }

  #end(reason: Reason, what: string): void {
    this.#ended.abort(this.failure(reason, what))
  }
}
