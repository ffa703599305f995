/** One call that this client makes, between the user's `LiveCall` and the wire. Only its fields; `Outgoing` decides. */
import { callerHolder, callerTable, Timed } from '@waybill/core'
import type { CallerEvent, CallerState, CallSpan, Code, Holder, Outcome, Rejection, WaybillError } from '@waybill/core'
import { LiveCall, type Carrier } from './call.js'
import type { Sendable } from './lanes.js'
import type { OutgoingBody } from './outgoing-body.js'
import type { Joiner } from './pieces.js'
import type { Flows } from './streams/flows.js'
import { isStored, type Request } from './request.js'

/** The router gives the verdict on a deadline; the caller's own timer is only there for a router that does not answer. */
const VERDICT_MS = 250

/** How long after it was first written a call that is to be stored is known again for certain: its receipt is kept for an hour after its end. */
export const KNOWN_FOR_MS = 3_000_000

/** What a call asks of who owns it. */
export interface CallOwner {
  serialNumber(counter: number): string
  write(call: OutgoingCall, nowMs: number): boolean
  cancel(call: OutgoingCall, reason: unknown): Promise<void>
  due(call: OutgoingCall): void
}

/** An outcome whose body arrives in pieces. */
export interface Arriving {
  readonly event: CallerEvent
  readonly flags: number
  readonly encoding: number
  readonly joiner: Joiner
}

export class OutgoingCall extends Timed implements Carrier, Sendable {
  state: CallerState = 'waiting'
  readonly live: LiveCall<unknown>
  /** When anything was last heard of it, and until when it may run, on the local clock. */
  heardMs: number
  readonly bornMs: number
  deadlineAtMs: number
  /** Why this side gave up; set while it waits for the verdict. */
  gaveUp: Code | undefined
  giveUpAtMs = 0
  /** The next piece of the body to be written; 0 for its beginning. */
  offset = 0
  arriving: Arriving | undefined
  /** Its streams, in both directions, and the value in which those of the result stand. */
  flows: Flows | undefined
  opened: { readonly value: unknown } | undefined
  unfollow: (() => void) | undefined
  /** It waits before it is sent again. */
  resting = false
  /** It was sent in a session that is gone, so the router may have stored it. */
  isUnsure = false
  /** How often it was made again, as its caller asked for. */
  retries = 0
  /** How an attempt ended that may have run, so that no later one can say that none did. */
  mayHaveRun: WaybillError | undefined
  /** When it was first written. */
  firstWrittenMs: number | undefined
  /** It waits in an outbox, and is sent by another process where this one ends before. */
  isKept = false
  /** It stands in the connection's queue, where it must not stand twice. */
  queued = false
  readonly #owner: CallOwner

  readonly counter: number
  readonly request: Request
  /** It may come later than the call: then the call does not stand in the queue before. */
  body: OutgoingBody
  /** The extension fields beside names. */
  fields: Uint8Array | undefined
  /** Where somebody traces. */
  readonly span: CallSpan | undefined
  /** The stored call that it watches. */
  readonly watched: string | undefined
  /**
   * Of a call that is to be stored: where it was written to, which may have it, and which alone can know it again. A store by its id; where the router
   * has none, that start of it.
   */
  home: string | number | undefined
  /** The serial number that it is stored under, where that is not its own: another call had its key. */
  storedAs: string | undefined

  constructor(parts: {
    counter: number
    request: Request
    body: OutgoingBody
    fields: Uint8Array | undefined
    span?: CallSpan | undefined
    watched?: string
    nowMs: number
    owner: CallOwner
  }) {
    super()
    this.counter = parts.counter
    this.request = parts.request
    this.body = parts.body
    this.fields = parts.fields
    this.span = parts.span
    this.watched = parts.watched
    this.#owner = parts.owner
    this.live = new LiveCall(this)
    this.heardMs = parts.nowMs
    this.bornMs = parts.nowMs
    this.deadlineAtMs = parts.nowMs + parts.request.deadlineMs
  }

  get sn(): string {
    return this.watched ?? this.storedAs ?? this.#owner.serialNumber(this.counter)
  }

  /** When it must be looked at next; never, for what only ends with something else. */
  get dueAtMs(): number {
    return Math.min(this.gaveUp === undefined ? this.heardMs + this.request.timeoutMs : this.giveUpAtMs, this.endsAtMs)
  }

  get endsAtMs(): number {
    return this.deadlineAtMs + (this.state === 'waiting' ? 0 : VERDICT_MS)
  }

  /** From when on nobody could take it in time, so that it is not sent again. */
  get uselessAtMs(): number {
    return Math.min(this.deadlineAtMs, this.bornMs + this.request.ttlMs)
  }

  /**
   * Who last held it, for an end that this side decides: what was written in a session that is lost may have been stored, of what it
   * watches this side knows nothing, and an earlier attempt may have run.
   */
  get holder(): Holder {
    const mayBeThere = this.home !== undefined || this.watched !== undefined || this.mayHaveRun !== undefined
    return callerHolder(this.state === 'waiting' && mayBeThere ? 'written' : this.state)
  }

  get isStored(): boolean {
    return isStored(this.request)
  }

  endsBy(event: CallerEvent): boolean {
    return callerTable[this.state][event] === 'settled'
  }

  /** False where the event cannot be; then nothing changes. */
  step(event: CallerEvent): boolean {
    const next = callerTable[this.state][event]
    if (next === 'wrong') return false
    if (next !== 'stay') this.state = next
    return true
  }

  writeNext(nowMs: number): boolean {
    return (this.queued = this.#owner.write(this, nowMs))
  }

  cancel(reason: unknown): Promise<void> {
    return this.#owner.cancel(this, reason)
  }

  /** The user is told how it ended. */
  end(outcome: Outcome<unknown>, rejection?: Rejection): void {
    this.span?.ended(outcome.kind === 'exception' ? outcome.error : undefined)
    this.live.end(outcome, rejection)
  }

  override due(): void {
    this.#owner.due(this)
  }

  /** Follows the signal that the user gave, until the call ends. */
  follow(signal: AbortSignal): void {
    // Whether the wish was handed over is nobody's promise here: what became of the call is told by its outcome.
    const abort = (): void => void this.#owner.cancel(this, signal.reason).catch(() => {})
    signal.addEventListener('abort', abort)
    this.unfollow = () => signal.removeEventListener('abort', abort)
  }
}
